"""Second pass: the pictures of those who are kept, written as a data set.

A file of Pick-a-Pic becomes one shard at most, streamed through: memory goes with its largest row
group, not with the file. Each kept picture is read twice: first to see that it is one, because
dropping it may leave its user with too few, then to write it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from palate import store
from palate.data import shards
from palate.data.pickapic.columns import Source, sources
from palate.data.pickapic.pictures import fetch, verdicts
from palate.data.pickapic.rules import Report, Rules
from palate.data.pickapic.scanning import collect
from palate.data.pickapic.settling import FINE, Kept, settle
from palate.data.schema import PAIRS, RATINGS
from palate.errors import BadInput
from palate.images.kinds import kind_of

REPORT = "report.json"
_TOGETHER = 100  # pictures in a row group: what a viewer fetches to show one
Rows = Iterator[dict[str, Any]]


def build(
    paths: Sequence[Path],
    out: Path,
    rules: Rules | None = None,
    *,
    source: str = "pickapic",
    pairs: bool = False,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Report:
    """Make a data set of ratings (and of pairs) from Pick-a-Pic's files; never uses a network.

    `out` gets Parquet shards, a manifest and a report. Started again after a kill it goes on.
    """
    rules, files = rules or Rules(), sources(paths)
    _check_apart(out, files)
    choices = collect(files)
    promised = settle(choices, rules, np.full(len(choices.uids), FINE))
    kept = settle(choices, rules, verdicts(promised))
    plan = _plan(files, rules, source, pairs)
    written = shards.build(out, plan, _writers(kept, source, pairs), progress)
    count = (
        sum(shard.rows for shard in written if shard.file.startswith("pairs")) if pairs else None
    )
    report = replace(kept.report, pairs=count)
    store.write_json(out / REPORT, {"rules": asdict(rules), **asdict(report)})
    return report


def _check_apart(out: Path, files: Sequence[Source]) -> None:
    if any(out.resolve() in file.path.resolve().parents for file in files):
        raise BadInput(f"{out} holds files to read. Give another folder to write to.")


def _plan(files: Sequence[Source], rules: Rules, source: str, pairs: bool) -> dict[str, Any]:
    given = [[f.path.name, f.path.stat().st_size, f.rows] for f in files]
    return {
        "makes": "ratings and pairs of Pick-a-Pic" if pairs else "ratings of Pick-a-Pic",
        "files": given,  # name, bytes, rows
        "rules": asdict(rules),
        "source": source,
    }


def _writers(kept: Kept, source: str, pairs: bool) -> dict[str, Callable[[Path], None]]:
    """What writes each shard; a shard has the number of the file its pictures come from."""
    kinds = {"ratings": (np.unique(kept.place[kept.picture, 0]), RATINGS, _ratings)}
    if pairs:
        kinds["pairs"] = (np.unique(kept.choice_file), PAIRS, _pairs)
    return {
        f"{kind}-{number:05}.parquet": partial(_write, kept, number, source, schema, rows)
        for kind, (numbers, schema, rows) in kinds.items()
        for number in numbers.tolist()
    }


def _write(
    kept: Kept,
    number: int,
    source: str,
    schema: pa.Schema,
    rows_of: Callable[[Kept, int, str], Rows],
    path: Path,
) -> None:
    rows = rows_of(kept, number, source)
    with (
        store.writing(path) as aside,
        pq.ParquetWriter(aside, schema, use_dictionary=False) as file,  # pictures never repeat
    ):
        while some := list(islice(rows, _TOGETHER)):
            file.write_table(pa.Table.from_pylist(some, schema=schema))


def _ratings(kept: Kept, number: int, source: str) -> Rows:
    """The opinions on pictures that stand first in this file."""
    file, row, side = kept.place[kept.picture].T
    mine = np.flatnonzero(file == number)
    mine = mine[np.lexsort((kept.user[mine], side[mine], row[mine]))]
    where = kept.sources[number]
    for place, picture, more in fetch(where.path, row[mine], side[mine], ["caption"]):
        opinion = mine[place]
        yield {
            "user_id": str(kept.user[opinion]),
            "image": {"bytes": picture, "path": kept.uids[kept.picture[opinion]].as_py()},
            "score": 1.0 if kept.liked[opinion] else -1.0,
            "prompt": more["caption"],
            "split": where.split,
            "source": source,
        }


def _pairs(kept: Kept, number: int, source: str) -> Rows:
    """The choices of this file behind the opinions, where both pictures are there."""
    where = kept.sources[number]
    row = np.sort(kept.choice_row[kept.choice_file == number])
    also = ["caption", "user_id", "label_0", "ranking_id"]
    also += ["image_0_uid", "image_1_uid", "model_0", "model_1"]
    cells = fetch(where.path, np.repeat(row, 2), np.tile([0, 1], len(row)), also)
    for (place, one, more), (_, other, _) in zip(cells, cells, strict=True):
        if not (one and other and kind_of(one) and kind_of(other)):
            continue
        yield {
            "pair_id": f"{source}/{number:05}/{row[place // 2]}",
            "user_id": str(more["user_id"]),
            "prompt": more["caption"],
            "image0": {"bytes": one, "path": more["image_0_uid"]},
            "image1": {"bytes": other, "path": more["image_1_uid"]},
            "label0": more["label_0"],
            "model0": more["model_0"],
            "model1": more["model_1"],
            "group_id": str(more["ranking_id"]),
            "split": where.split,
            "source": source,
            "weight": 1.0,
        }
