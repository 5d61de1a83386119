"""PrefBench's people as the canonical table of pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from palate.data.prefbench.people import Person, joined
from palate.data.schema import PAIRS
from palate.errors import BadTable
from palate.seeds import name_key, uniform

_SHOWN = 5


def to_pairs(
    people: Sequence[Person],
    images_dir: Path,
    source: str,
    *,
    split: str | None = None,
    embed: bool = False,
) -> pa.Table:
    """A row for each pair. Pictures are paths under `images_dir`; `embed` puts their bytes in.

    A coin decides which side the liked picture stands on: with a fixed order a judge that looks
    at sides alone is always right. The coin is the pair's own, so the table never varies.
    """
    rows = [row for person in joined(people) for row in _rows(person, images_dir, source, split)]
    if embed:
        _embed(rows)
    return pa.Table.from_pylist(rows, schema=PAIRS)


def _rows(person: Person, folder: Path, source: str, split: str | None) -> Iterator[dict[str, Any]]:
    for number, pair in enumerate(person.pairs):
        name = f"{source}/{person.id}/{number}"
        liked_first = bool(uniform(name_key(name)) < 0.5)
        sides = (pair.positive, pair.negative) if liked_first else (pair.negative, pair.positive)
        image0, image1 = ({"bytes": None, "path": str(folder / side)} for side in sides)
        yield {
            "pair_id": name,
            "user_id": str(person.id),
            "prompt": pair.prompt,
            "image0": image0,
            "image1": image1,
            "label0": float(liked_first),
            "split": split,
            "source": source,
            "weight": 1.0,
        }


def _embed(rows: list[dict[str, Any]]) -> None:
    cells = [row[side] for row in rows for side in ("image0", "image1")]
    missing = sorted({cell["path"] for cell in cells if not Path(cell["path"]).is_file()})
    if missing:
        shown = ", ".join(missing[:_SHOWN])
        raise BadTable(
            f"{len(missing)} pictures are not there: {shown}. Unpack the archives first."
        )
    for cell in cells:
        cell["bytes"] = Path(cell["path"]).read_bytes()
