"""A slice of a shard: what a worker is handed, how it reads it, how it sends back what it made."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from palate import errors
from palate.data.cells import Problems
from palate.data.shards import read_metadata
from palate.data.works import Work

Made = tuple[pa.Table, Problems]


class Slice(NamedTuple):
    """Where some rows are: the n-th chunk of a row group. Only a group's last may be short."""

    file: str
    group: int
    chunk: int
    rows: int


def slices_of(path: Path, rows: int) -> Iterator[Slice]:
    """A shard cut into slices of at most so many rows, in order."""
    footer = read_metadata(path)
    for group in range(footer.num_row_groups):
        count = footer.row_group(group).num_rows
        for chunk, start in enumerate(range(0, count, rows)):
            yield Slice(str(path), group, chunk, min(rows, count - start))


class Desk:
    """Where a worker sits: its work, and the row group it is going through.

    `tray` is a folder that the asker empties, and removes when it wants no more; without one (the
    asker is on another machine) results go back by value.
    """

    def __init__(self, work: Work, path: Sequence[str], tray: str | None, asker: int) -> None:
        sys.path.extend(place for place in path if place not in sys.path)  # for encoders by name
        with suppress(ValueError):  # raised where this is not the main thread: no ctrl-C there
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the asker to hear
        self._work, self._tray, self._asker = work, tray, asker
        self._group = ("", -1)
        self._chunk = 0
        self._chunks: Iterator[pa.RecordBatch] = iter(())

    def answer(self, number: int, file: str, group: int, chunk: int) -> bytes:
        """Do the work on a slice: "+" and what became of it, or "-" and what went wrong."""
        try:
            if self._tray is not None and not self._wanted():
                return b"-"  # nobody listens
            return b"+" + self._make(number, file, group, chunk)
        except Exception as error:  # told, not raised: Daft would lose its kind and its words
            return b"-" + json.dumps(_told(error)).encode()

    def _make(self, number: int, file: str, group: int, chunk: int) -> bytes:
        rows = pa.Table.from_batches([self._read(file, group, chunk)])
        packed = pack(*self._work.make(rows))
        if self._tray is None:
            return packed.to_pybytes()
        path = Path(self._tray, f"{number}.arrow")
        if self._wanted():
            path.write_bytes(packed)  # need not reach the disk: it is read and gone in a moment
        return bytes(path)

    def _wanted(self) -> bool:
        """Not after the asker was killed, nor when it has taken its tray away."""
        return os.getppid() == self._asker and os.path.isdir(str(self._tray))

    def _read(self, file: str, group: int, chunk: int) -> pa.RecordBatch:
        """Slices come in order, so a row group is read once, past what other workers took."""
        if self._group != (file, group) or chunk < self._chunk:
            self._chunks = _chunks(file, group, self._work.rows)
            self._group, self._chunk = (file, group), 0
        for _ in range(chunk - self._chunk):
            next(self._chunks)
        self._chunk = chunk + 1
        return next(self._chunks)


def _chunks(file: str, group: int, rows: int) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(file, memory_map=True) as source:
            yield from source.iter_batches(rows, row_groups=[group], use_threads=False)
    except (pa.ArrowException, OSError) as why:
        raise errors.BadTable(f"{file} cannot be read: {why}. Make it again.") from None


def _told(error: Exception) -> dict[str, str]:
    """An error in words that travel."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return {"kind": "NoSpace", "message": "The disk is full. Make room and run this again."}
    if isinstance(error, errors.PalateError):
        return {"kind": type(error).__name__, "message": str(error)}
    return {"kind": "RuntimeError", "message": "".join(traceback.format_exception(error))}


def heard(answer: pa.Buffer, *, by_value: bool) -> Made:
    """What `Desk.answer` said, or the error it told."""
    sign, said = bytes(answer[:1]), answer[1:]
    if sign == b"-":
        told = json.loads(said.to_pybytes())
        raise getattr(errors, told["kind"], RuntimeError)(told["message"])
    return unpack(said if by_value else _collect(Path(os.fsdecode(said.to_pybytes()))))


def _collect(path: Path) -> pa.Buffer:
    """What a worker put on the tray; the file is gone, its pages live as long as the buffer."""
    with pa.memory_map(str(path)) as file:
        data = file.read_buffer()
    path.unlink()
    return data


def pack(table: pa.Table, problems: Problems) -> pa.Buffer:
    """A table and its problems as one Arrow stream."""
    metadata = {**(table.schema.metadata or {}), b"problems": json.dumps(problems)}
    table = table.replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def unpack(data: pa.Buffer) -> Made:
    """The inverse of `pack`, without a copy."""
    with pa.ipc.open_stream(data) as stream:
        table = stream.read_all()
    told = json.loads(table.schema.metadata[b"problems"])
    return table, {int(row): problem for row, problem in told.items()}
