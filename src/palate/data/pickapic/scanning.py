"""First pass: what every row says, out of eight narrow columns; no picture is read.

Memory goes with the rows that carry a usable choice, some 200 bytes each; the rest streams by.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute

from palate.data.pickapic import votes
from palate.data.pickapic.columns import Source, opened
from palate.data.pickapic.rules import ROW_REASONS
from palate.data.pickapic.votes import Bools, Ints

pc: Any = compute  # its functions are made at import: a type checker sees none of them
_REASONS = list(ROW_REASONS)
_COLUMNS = [
    *("has_label", "user_id", "caption", "image_0_uid", "image_1_uid"),
    *("label_0", "label_1", "are_different"),
]
_USABLE = pa.schema(
    {
        "user": pa.int64(),
        "won": pa.bool_(),
        "file": pa.int64(),
        "row": pa.int64(),
        "uid_0": pa.string(),
        "uid_1": pa.string(),
    }
)
_BATCH = 65_536  # rows; their captions are some 10 MB


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Every usable choice and what follows from it, before anybody is asked for enough."""

    sources: tuple[Source, ...]
    dropped: Mapping[str, int]  # rows, by reason
    seen: int  # users, also those without a usable choice
    users: Ints  # Pick-a-Pic's number of user 0, 1, …
    uids: pa.Array  # of picture 0, 1, …
    place: Ints  # (pictures, 3): file, row and side where it stands first
    user: Ints  # for each choice: who made it, where it stands
    file: Ints
    row: Ints
    opinion: tuple[Ints, Ints, Ints]  # user, picture, wins less losses


def collect(files: tuple[Source, ...]) -> Choices:
    """Drop what cannot be used, bring each user's choices together, merge them into opinions."""
    with ThreadPoolExecutor() as pool:  # Arrow works outside Python's lock
        parts = pool.map(_read, range(len(files)), files)
        tables, faults, users = zip(*parts, strict=True)
    dropped = dict(zip(_REASONS, np.sum(faults, axis=0).tolist(), strict=False))
    return _merge(files, pa.concat_tables(tables), dropped, len(np.unique(np.concatenate(users))))


def _read(number: int, source: Source) -> tuple[pa.Table, Ints, Ints]:
    """The usable rows of a file, how many have which fault, and its users."""
    tables, users = [_USABLE.empty_table()], [np.empty(0, np.int64)]
    start, counts = 0, np.zeros(len(_REASONS) + 1, np.int64)
    with opened(source.path) as file:
        for batch in file.iter_batches(_BATCH, columns=_COLUMNS):
            fault = _faults(batch)
            counts += np.bincount(fault, minlength=len(counts))
            users.append(pc.unique(batch["user_id"].drop_null()).cast(pa.int64()).to_numpy())
            tables.append(_usable(batch, fault == len(_REASONS), number, start))
            start += batch.num_rows
    return pa.concat_tables(tables), counts, np.concatenate(users)


def _faults(batch: pa.RecordBatch) -> Ints:
    """For each row the number of its first reason to be dropped, or how many reasons there are."""
    one, other = (batch[f"label_{side}"].fill_null(np.nan).to_numpy() for side in (0, 1))
    uid_0, uid_1 = batch["image_0_uid"], batch["image_1_uid"]
    holds = {
        "no_label": ~_true(batch["has_label"]),
        "no_user": _flags(batch["user_id"].is_null()),
        "no_caption": _blank(batch["caption"]),
        "no_picture_id": _empty(uid_0) | _empty(uid_1),
        "same_picture": _true(pc.equal(uid_0, uid_1)),
        "bad_labels": ~(np.isin(one, (0.0, 0.5, 1.0)) & (one + other == 1.0)),
        "not_different": ~_true(batch["are_different"]),
        "tie": one == 0.5,
    }
    numbers = [_REASONS.index(reason) for reason in holds]
    return np.select(list(holds.values()), numbers, default=len(_REASONS))


def _flags(column: pa.Array) -> Bools:
    return column.to_numpy(zero_copy_only=False)


def _true(column: pa.Array) -> Bools:
    return _flags(column.fill_null(False))


def _empty(column: pa.Array) -> Bools:
    return ~_true(pc.greater(pc.binary_length(column), 0))


def _blank(column: pa.Array) -> Bools:
    return _empty(column) | _true(pc.utf8_is_space(column))


def _usable(batch: pa.RecordBatch, usable: Bools, file: int, start: int) -> pa.Table:
    row = start + np.flatnonzero(usable)
    names = ["user_id", "label_0", "image_0_uid", "image_1_uid"]
    user, label, uid_0, uid_1 = batch.select(names).filter(pa.array(usable)).columns
    columns = [user, pc.equal(label, 1.0), np.full(len(row), file), row, uid_0, uid_1]
    return pa.table(columns, names=_USABLE.names).cast(_USABLE)


def _merge(
    files: tuple[Source, ...], table: pa.Table, dropped: dict[str, int], seen: int
) -> Choices:
    users, user = np.unique(table["user"].to_numpy(), return_inverse=True)
    uids, sides = _numbered(table)
    won, file, row = (table[name].to_numpy() for name in ("won", "file", "row"))
    contradicts, repeats = votes.inconsistent(user, sides[:, 0], sides[:, 1], won)
    good = ~(contradicts | repeats)
    first = votes.first_places(sides.ravel(), len(uids))
    return Choices(
        sources=files,
        dropped={
            **dropped,
            "contradiction": int(contradicts.sum()),
            "duplicate": int(repeats.sum()),
        },
        seen=seen,
        users=users,
        uids=uids,
        place=np.stack([file[first // 2], row[first // 2], first % 2], axis=1),
        user=user[good],
        file=file[good],
        row=row[good],
        opinion=votes.opinions(user[good], sides[good, 0], sides[good, 1], won[good]),
    )


def _numbered(table: pa.Table) -> tuple[pa.Array, Ints]:
    """The different image uids, and the number of each side's: (rows, 2)."""
    both = pa.chunked_array([*table["uid_0"].chunks, *table["uid_1"].chunks], pa.string())
    coded = both.dictionary_encode().combine_chunks()
    return coded.dictionary, coded.indices.to_numpy().astype(np.int64).reshape(2, -1).T
