"""The only place that reads picture bytes, and it reads them for kept pictures alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from palate.data.pickapic.columns import opened
from palate.data.pickapic.rules import OPINION_REASONS
from palate.data.pickapic.settling import FINE, Kept
from palate.data.pickapic.votes import Ints
from palate.data.schema import image_bytes
from palate.images.kinds import kind_of

_BATCH = 32  # rows; released pictures are some 170 kB each
_NO_BYTES, _NOT_A_PICTURE = (
    list(OPINION_REASONS).index(reason) for reason in ("no_bytes", "not_a_picture")
)
Cell = tuple[int, bytes | None, dict[str, Any]]  # place in what was asked for, picture, the rest


def verdicts(kept: Kept) -> Ints:
    """Whether each kept picture is one: FINE, or a place in OPINION_REASONS."""
    found = np.full(len(kept.uids), FINE)
    wanted = np.unique(kept.picture)
    for number, source in enumerate(kept.sources):
        here = wanted[kept.place[wanted, 0] == number]
        here = here[np.argsort(kept.place[here, 1], kind="stable")]
        for place, picture, _ in fetch(source.path, kept.place[here, 1], kept.place[here, 2]):
            found[here[place]] = _verdict(picture)
    return found


def _verdict(picture: bytes | None) -> int:
    if not picture:
        return _NO_BYTES
    return FINE if kind_of(picture) else _NOT_A_PICTURE


def fetch(path: Path, row: Ints, side: Ints, also: Sequence[str] = ()) -> Iterator[Cell]:
    """The pictures at these places, which are sorted by row, and `also` columns of their rows.

    Only row groups that hold one of them are read, and of those only the sides asked for.
    """
    if not len(row):
        return
    with opened(path) as file:
        ends = np.cumsum([file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)])
        places = np.split(np.arange(len(row)), np.searchsorted(row, ends))
        for group, mine in enumerate(places[: len(ends)]):
            if len(mine):
                columns = [*also, *(f"jpg_{s}" for s in np.unique(side[mine]))]
                start = ends[group - 1] if group else 0
                yield from _cells(file, group, columns, mine, row - start, side)


def _cells(
    file: pq.ParquetFile, group: int, columns: list[str], mine: Ints, row: Ints, side: Ints
) -> Iterator[Cell]:
    also = [name for name in columns if not name.startswith("jpg_")]
    start = 0
    for batch in file.iter_batches(_BATCH, row_groups=[group], columns=columns):
        stop = start + batch.num_rows
        for place in mine[slice(*np.searchsorted(row[mine], (start, stop)))].tolist():
            at = int(row[place]) - start
            more = {name: batch[name][at].as_py() for name in also}
            yield place, image_bytes(batch[f"jpg_{side[place]}"][at]), more
        start = stop
