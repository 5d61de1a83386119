"""The two released layouts, read record by record and written back the same.

JSON  a list of {id, image_file, text, negative_img[], positive_img[], prompt_list[]}: one record
      for each target, so a person may have several; the three lists go together
PKL   a dict: user -> [(negative, positive, prompt), ..., [disliked attributes, liked attributes]]
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from palate import store
from palate.data.prefbench.checks import At, a_kind
from palate.data.prefbench.people import Person, Target
from palate.data.prefbench.plain_pickle import loads
from palate.errors import BadTable

MAX_BYTES = 256 * 2**20  # PrefGen's 495,499 pairs are some 60 MB in either layout
MAX_PAIRS = 5_000_000  # a small pickle may name one long list a million times
_LISTS = ("negative_img", "positive_img", "prompt_list")
_KEYS = ("id", "image_file", "text", *_LISTS)


def read_json(path: Path) -> list[Person]:
    """One person for each record, each with one target; `joined` brings a person's together."""
    try:
        records = json.loads(_bytes(path))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise BadTable(f"{path.name} is not a whole JSON file ({error}). Fetch it again.") from None
    if not isinstance(records, list):
        raise BadTable(f"{path.name} is {a_kind(records)}; PrefBench's JSON is a list of records.")
    return [_from_record(r, At(f"{path.name}, record {n}")) for n, r in enumerate(records)]


def write_json(path: Path, people: Sequence[Person]) -> None:
    """A record for each target of each person."""
    records = [record for person in people for record in _to_records(person)]
    store.write_bytes(path, json.dumps(records, indent=1).encode())


def read_pkl(path: Path) -> list[Person]:
    """One person for each user; the file is read as plain values and can run nothing."""
    users = loads(_bytes(path), path.name)
    if not isinstance(users, dict):
        raise BadTable(f"{path.name} is {a_kind(users)}; PrefBench's PKL is a dict of users.")
    total = sum(len(rows) for rows in users.values() if isinstance(rows, list))
    if total > MAX_PAIRS:
        raise BadTable(f"{path.name} has {total:,} pairs; {MAX_PAIRS:,} are read at most.")
    return [_from_rows(user, rows, path.name) for user, rows in users.items()]


def write_pkl(path: Path, people: Sequence[Person]) -> None:
    """Plain containers only, so that anybody's restricted reader takes them."""
    users = {person.id: _to_rows(person) for person in people}
    if len(users) < len(people):
        raise BadTable("Some person is there twice; the PKL layout has one entry each. Join first.")
    store.write_bytes(path, pickle.dumps(users, protocol=2))


def _from_record(record: Any, at: At) -> Person:
    if not isinstance(record, dict):
        raise at.wrong(f"it is {a_kind(record)}, wanted an object with {', '.join(_KEYS)}")
    if missing := [key for key in _KEYS if key not in record]:
        raise at.wrong(f"it lacks {', '.join(missing)}")
    lists = [at.many(record[key], key) for key in _LISTS]
    if len({len(values) for values in lists}) > 1:
        counts = ", ".join(f"{key} {len(v)}" for key, v in zip(_LISTS, lists, strict=True))
        raise at.wrong(f"its lists go together but differ in length ({counts})")
    image, text = at.file(record["image_file"], "image_file"), at.text(record["text"], "text")
    return Person(
        id=at.user(record["id"]),
        pairs=tuple(at.pair(*values) for values in zip(*lists, strict=True)),
        targets=(Target(image=image, text=text),),
    )


def _to_records(person: Person) -> Iterator[dict[str, Any]]:
    if not person.targets:
        raise BadTable(
            f"Person {person.id!r} has no target picture, which the JSON layout needs (image_file "
            "and text). Write the PKL layout, or add targets."
        )
    columns = [
        [getattr(p, name) for p in person.pairs] for name in ("negative", "positive", "prompt")
    ]
    lists = dict(zip(_LISTS, columns, strict=True))
    for target in person.targets:
        yield {"id": person.id, "image_file": target.image, "text": target.text, **lists}


def _from_rows(user: Any, rows: Any, name: str) -> Person:
    user = At(name).user(user)
    at = At(f"{name}, user {str(user)[:40]!r}")
    *pairs, last = at.many(rows, "the value") or [None]
    if not isinstance(last, list | tuple) or len(last) != 2:
        raise at.wrong("the last entry is not [negative attributes, positive attributes]")
    for number, row in enumerate(pairs):
        if len(at.many(row, f"entry {number}")) != 3:
            raise at.wrong(
                f"entry {number} has {len(row)} parts, wanted (negative, positive, prompt)"
            )
    return Person(
        id=user,
        pairs=tuple(at.pair(*row) for row in pairs),
        disliked_attributes=at.attributes(last[0]),
        liked_attributes=at.attributes(last[1]),
    )


def _to_rows(person: Person) -> list[Any]:
    rows: list[Any] = [(p.negative, p.positive, p.prompt) for p in person.pairs]
    ends = (person.disliked_attributes, person.liked_attributes)
    return [*rows, [a if isinstance(a, str) else list(a) for a in ends]]


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadTable(f"{path} is {size:,} bytes; {MAX_BYTES:,} are read at most.")
        return path.read_bytes()
    except OSError as error:
        raise BadTable(f"{path} cannot be read ({error.strerror}).") from None
