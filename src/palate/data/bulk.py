"""Bulk work: one kind of work over every shard of a data set, on every core.

    source/*.parquet ──slices──▶ Daft's workers ──columns, in order──▶ out/*.parquet, one for one

Only this process writes shards, one at a time and each whole or not at all, so a build may be
killed at any moment and started again. Its bytes do not depend on how many workers there were.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from palate import __version__
from palate.data import shards
from palate.data.cells import Problems
from palate.data.engine import spread
from palate.data.runner import get_daft
from palate.data.slices import Made, Slice, slices_of
from palate.data.sources import common_schema, fingerprint, source_files
from palate.data.works import Work
from palate.processes import how_many
from palate.store import write_bytes

_GROUP_ROWS, _GROUP_BYTES = 1024, 64 * 2**20  # a reader that shuffles reads a whole row group
_PROBLEMS = "palate.problems"  # where a shard's footer says which rows were left out


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A row that was left out."""

    file: str
    row: int  # its place in that file of the source
    reason: str


@dataclass(frozen=True, kw_only=True)
class Built:
    """A finished data set."""

    shards: tuple[shards.Shard, ...]
    problems: tuple[Problem, ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(shard.rows for shard in self.shards)


def run(
    source: Path,
    out: Path,
    work: Work,
    *,
    workers: int | None = None,
    runner: str = "native",
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Built:
    """Do the work on every shard of `source` that `out` does not have yet.

    `workers` is the number of processes, by default one for each core. With `runner="ray"` they are
    on the machines of a Ray cluster, which must all see `source` under the same path.
    """
    count = how_many(workers)
    get_daft(runner)  # or say what is missing, before anything is written
    files = source_files(source, work.files)
    schema = work.schema(common_schema(files))
    names = [path.name for path in files]
    plan = {**work.settings(), "bulk": work.name, "palate": __version__}
    plan["source"] = fingerprint(source, files)
    with shards.building(out, names):
        to_do = set(shards.missing(out, plan, names))
        tray = _tray(out)
        if cut := {p: list(slices_of(p, work.rows)) for p in files if p.name in to_do}:
            every = [piece for pieces in cut.values() for piece in pieces]
            with closing(spread(work, every, tray, workers=count, runner=runner)) as made:
                _write(out, schema, cut, made, lambda left: progress(len(names) - left, len(names)))
        progress(len(names), len(names))
        problems = [problem for name in names for problem in _problems(out / name)]
        _write_card(out, plan)
        done = shards.finish(out, names, [asdict(problem) for problem in problems])
    return Built(shards=tuple(done), problems=tuple(problems))


def _write_card(out: Path, plan: Mapping[str, Any]) -> None:
    """What the folder holds, for people and for `load_dataset`; one that is there is kept."""
    if not (out / "README.md").exists():
        settings = "\n".join(f"- {name}: {value}" for name, value in sorted(plan.items()))
        write_bytes(out / "README.md", _CARD.format(settings=settings).encode())


_CARD = """---
configs:
- config_name: default
  data_files: "*.parquet"
---
Made by Palate from another data set. The shards and their sha256 stand in `manifest.json`, rows
that were left out, if any, in `problems.json`.

{settings}
"""


def _tray(out: Path) -> Path:
    """Where to put what is on its way from worker to shard; those left by a kill are removed."""
    for left in out.glob(".slices.*"):
        shutil.rmtree(left, ignore_errors=True)
    return out / f".slices.{os.getpid()}"


def _write(
    out: Path,
    schema: pa.Schema,
    cut: Mapping[Path, Sequence[Slice]],
    made: Iterator[Made],
    progress: Callable[[int], None],
) -> None:
    """The shards one after another, from what the workers made of their slices."""
    for place, (path, pieces) in enumerate(cut.items()):
        progress(len(cut) - place)
        problems: dict[int, str] = {}
        good = _good(zip(pieces, made, strict=False), problems)
        with shards.writing_rows(out / path.name, schema) as writer:
            for group in _groups(good):
                writer.write_table(group)
            if problems:
                writer.add_key_value_metadata({_PROBLEMS: json.dumps(problems)})


def _good(made: Iterable[tuple[Slice, Made]], problems: Problems) -> Iterator[pa.Table]:
    """The rows that came out well; the others are noted under their place in the source."""
    start = 0
    for piece, (table, told) in made:
        problems.update((start + row, why) for row, why in told.items())
        start += piece.rows
        yield table


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Row groups of about a thousand rows, fewer if they are large."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= _GROUP_ROWS or sum(t.nbytes for t in held) >= _GROUP_BYTES:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _problems(path: Path) -> Iterator[Problem]:
    """What a finished shard says was left out."""
    told = (shards.read_metadata(path).metadata or {}).get(_PROBLEMS.encode(), b"{}")
    for row, reason in json.loads(told).items():
        yield Problem(file=path.name, row=int(row), reason=reason)
