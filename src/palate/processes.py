"""Several processes of this machine at once: how many, and that none outlives what began it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from typing import Any

from palate.errors import BadInput, Unfinished


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def how_many(given: int | None) -> int:
    """As many workers as were asked for; one a core, if none were."""
    if given is None:
        return cores()
    if given < 1:
        raise BadInput(f"{given} workers were asked for; there must be at least 1.")
    return given


@contextmanager
def apart(workers: int, begin: Callable[..., None], *given: Any) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes, each of which first begins with what is given.

    Forked ones would inherit locks of torch's threads. Ctrl-C reaches this process alone, which
    then ends the others.
    """
    before = set(active_children())
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(begin, given)
    )
    try:
        yield pool
    except BaseException as error:
        for left in set(active_children()) - before:
            left.terminate()
        if isinstance(error, BrokenProcessPool):
            raise Unfinished(
                "A worker was ended from outside, perhaps for want of memory. The same command "
                "goes on; fewer workers take less."
            ) from None
        raise
    finally:
        pool.shutdown(cancel_futures=True)  # waits until they are gone


def _begin(begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    begin(*given)


def _end_with_parent() -> None:
    """A parent that was killed ends nobody, and a worker would go on by itself for hours."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
