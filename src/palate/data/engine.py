"""Work spread over processes: Daft hands out slices of shards and brings back what became of them.

Daft 0.7 takes in a whole Parquet file before its workers start (1.7 GB for a shard of 0.8 GB) and
goes on computing however slowly its results are taken; it sends them through shared memory, which a
kill leaves behind and a container has 64 MB of. So only addresses travel through it: a worker reads
its slice of a shard itself and puts the result on a tray (a folder), and a slice is handed out when
an earlier one has been taken. Memory is a few slices a worker, whatever the size of the data set.

A worker ends when it can no longer reach the process that asked, and leaves it nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from palate.data.gate import Gate, gated, shut_by_ctrl_c
from palate.data.runner import await_workers, get_daft, hushed
from palate.data.slices import Desk, Made, Slice, heard
from palate.data.works import Work
from palate.errors import Unfinished

_AHEAD = 4  # slices out for each worker: one at work, one on each side of it, and some slack
_ADDRESS = pa.schema(
    {"number": pa.int64(), "file": pa.string(), "group": pa.int64(), "chunk": pa.int64()}
)


def spread(
    work: Work, slices: Sequence[Slice], tray: Path, *, workers: int, runner: str
) -> Generator[Made, None, None]:
    """What became of each slice, in order. The tray is made here and removed at the end."""
    daft, here = get_daft(runner), runner == "native"
    gate = Gate(room=workers * _AHEAD)
    addresses = _addresses(slices)
    frame = gated(addresses, gate) if here else _whole(daft, addresses)
    desk = _desk(daft, workers)(work, sys.path, str(tray) if here else None, os.getpid())
    answer = desk.answer(*(daft.col(name) for name in _ADDRESS.names))
    results = frame.select(daft.col("number"), answer.alias("answer")).to_arrow_iter()
    if here:
        tray.mkdir()
    with shut_by_ctrl_c(gate):
        try:
            for said in _in_order(results):
                if gate.shut:
                    break
                yield heard(said, by_value=not here)
                gate.taken += 1
        except Unfinished:
            if not gate.shut:  # else ctrl-C ended the worker, too
                raise
        finally:
            stopped = gate.shut
            gate.shut = True
            with hushed():
                _call_home(results, tray) if here else results.close()
    if stopped:
        raise KeyboardInterrupt
    assert gate.taken == len(slices), (gate.taken, len(slices))


def _call_home(results: Iterator[pa.RecordBatch], tray: Path) -> None:
    """Take the tray away, so that workers stop, and wait for them."""
    shutil.rmtree(tray, ignore_errors=True)
    with suppress(RuntimeError):  # if it failed, that has been said
        for _ in results:
            pass
    await_workers()


def _desk(daft: Any, workers: int) -> Any:
    """What Daft builds once in each worker process; threads won't do, drawing holds the GIL."""

    @daft.cls(use_process=True, max_concurrency=workers)
    class AtDesk:
        def __init__(self, *given: Any) -> None:
            self.desk = Desk(*given)

        @daft.method.batch(return_dtype=daft.DataType.binary(), batch_size=1)
        def answer(self, *columns: Any) -> list[bytes]:
            rows = zip(*(column.to_pylist() for column in columns), strict=True)
            return [self.desk.answer(*row) for row in rows]

    return AtDesk


def _addresses(slices: Sequence[Slice]) -> pa.Table:
    columns = [[s.file for s in slices], [s.group for s in slices], [s.chunk for s in slices]]
    return pa.table([list(range(len(slices))), *columns], schema=_ADDRESS)


def _whole(daft: Any, addresses: pa.Table) -> Any:
    """All at once, cut up for the machines of a cluster: Ray has its own ways to hold results."""
    return daft.from_arrow(addresses).into_partitions(max(1, addresses.num_rows // 16))


def _in_order(results: Iterator[pa.RecordBatch]) -> Iterator[pa.Buffer]:
    """Daft keeps the order on one machine; elsewhere we do, holding back what came too early."""
    early: dict[int, pa.Buffer] = {}
    wanted = 0
    for batch in iter(lambda: _next(results), None):
        answers = (answer.as_buffer() for answer in batch["answer"])
        early.update(zip(batch["number"].to_pylist(), answers, strict=True))
        while wanted in early:
            yield early.pop(wanted)
            wanted += 1


def _next(results: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    with hushed():
        try:
            return next(results, None)
        except RuntimeError as why:
            if "UDF process" not in str(why):
                raise
    raise Unfinished("A worker process was killed, or ran out of memory")
