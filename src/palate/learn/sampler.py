"""Which item comes when: a pure function of the seed and the step, so resuming needs nothing else.

All items, shuffled, then all of them shuffled anew, and so on, make one endless stream; position p
of it is item p mod n of shuffle p div n. Step k takes the positions from k·batch on. They are cut
into equal parts, and the parts go round the processes:

    batch 8, accumulate 2, 2 processes     part   0    1    2    3
                                        process   0    1    0    1

so the order is the same on one process or many, and with any number of workers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from palate import seeds
from palate.errors import BadInput
from palate.learn.settings import Fit

Collate = Callable[[list[Any]], Any]  # items to a batch


class Items(Protocol):
    """What can be trained on. `[i]` is a pure function of i: any worker may be asked, any time."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Order:
    """One process's share of the stream."""

    items: int
    seed: int
    batch: int
    accumulate: int = 1
    processes: int = 1
    rank: int = 0

    def __post_init__(self) -> None:
        if not self.items:
            raise BadInput("There is nothing to train on: the data set holds 0 items.")
        if self.batch % (self.accumulate * self.processes):
            raise BadInput(
                f"A batch of {self.batch} cannot be cut into {self.accumulate} equal parts on each "
                f"of {self.processes} processes: choose batch so that {self.accumulate} × "
                f"{self.processes} divides it."
            )

    def starts(self, step: int) -> list[int]:
        """Where in the stream this process's parts of a step begin."""
        first = step * self.batch
        shares = range(self.rank, self.accumulate * self.processes, self.processes)
        return [first + share * self._part for share in shares]

    def indices(self, start: int) -> list[int]:
        """The items of the part that begins at `start`."""
        return [self._item(position) for position in range(start, start + self._part)]

    @property
    def _part(self) -> int:
        return self.batch // (self.accumulate * self.processes)

    def _item(self, position: int) -> int:
        epoch, place = divmod(position, self.items)
        return int(_shuffle(self.items, self.seed, epoch)[place])


@lru_cache(maxsize=2)  # a batch may lie in two
def _shuffle(items: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.argsort(seeds.bits(seed, seeds.name_key("order"), epoch, np.arange(items)))


def draw(seed: int, start: int) -> int:
    """The seed of what the loss draws for the part that begins at `start`."""
    return int(seeds.bits(seed, seeds.name_key("draw"), start))


@dataclass(frozen=True, kw_only=True)
class _Remaining:
    """The indices of every part from one step on, as a DataLoader asks for them."""

    order: Order
    first: int
    steps: int

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.first, self.steps):
            yield from map(self.order.indices, self.order.starts(step))


def batches(
    items: Items,
    order: Order,
    config: Fit,
    *,
    first: int,
    collate: Collate,
) -> Generator[Any]:
    """The parts from step `first` on, made by worker processes if there are any."""
    yield from torch.utils.data.DataLoader(
        items,  # type: ignore[arg-type]  # a Dataset by shape
        batch_sampler=_Remaining(order=order, first=first, steps=config.steps),  # type: ignore[arg-type]
        num_workers=config.workers,
        collate_fn=collate,
        pin_memory=torch.cuda.is_available(),  # copies to a GPU without waiting
        worker_init_fn=_begin_worker,
        generator=seeds.generator(config.seed),  # or it would draw from the global one
    )


def _begin_worker(worker: int) -> None:
    # A terminal sends ctrl-C to workers too, and the step they feed is still to be finished.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """torch's own watch misses a parent killed while its workers start; they wait for ever."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
