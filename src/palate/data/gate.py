"""The gate that slices pass on their way to the workers: so many at once, none after ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa


@dataclass
class Gate:
    """How many slices may be out at once."""

    room: int
    taken: int = 0  # how many have come back and been used
    shut: bool = False

    async def opened(self, number: int) -> bool:
        """Wait until there is room for a slice; false when no more are wanted."""
        while number - self.taken >= self.room and not self.shut:
            await asyncio.sleep(0.005)
        return not self.shut


@contextmanager
def shut_by_ctrl_c(gate: Gate) -> Iterator[None]:
    """The first ctrl-C shuts the gate, so that what is out comes home; a second one interrupts.

    Daft ends at once when it sees one, with threads of its own still inside Python, and a process
    that exits then is aborted. Installed after Daft's own handler, this one is seen first.
    """

    def shut(*_: Any) -> None:
        gate.shut = True
        signal.signal(signal.SIGINT, before)

    before = signal.getsignal(signal.SIGINT)
    ours = threading.current_thread() is threading.main_thread()  # the only one that may
    if not ours or before in (signal.SIG_IGN, None):  # None: not Python's to give back
        yield
        return
    signal.signal(signal.SIGINT, shut)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def gated(table: pa.Table, gate: Gate) -> Any:
    """A table as a Daft frame that is read row by row, each when the gate lets it through."""
    from daft import Schema
    from daft.io.source import DataSource, DataSourceTask
    from daft.recordbatch import RecordBatch

    columns = Schema.from_pyarrow_schema(table.schema)

    class Rows(DataSourceTask):
        @property
        def schema(self) -> Schema:
            return columns

        async def read(self) -> AsyncIterator[RecordBatch]:
            for number, row in enumerate(table.to_batches(max_chunksize=1)):
                if not await gate.opened(number):
                    return
                yield RecordBatch.from_arrow_record_batches([row], table.schema)

    class Source(DataSource):
        @property
        def name(self) -> str:
            return "slices"

        @property
        def schema(self) -> Schema:
            return columns

        async def get_tasks(self, pushdowns: Any) -> AsyncIterator[DataSourceTask]:
            yield Rows()

    return Source().read()
