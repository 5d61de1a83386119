"""Daft with its runner set: silent, in touch with nobody, and deaf to ctrl-C, which is ours."""

from __future__ import annotations

import gc
import logging
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from time import monotonic, sleep
from typing import Any

from palate.errors import Mismatch, MissingPart, unknown

RUNNERS = ("native", "ray")


def get_daft(runner: str) -> Any:
    """Daft, ready to work."""
    logging.getLogger("daft_local_execution").addHandler(logging.NullHandler())  # we say it better
    if runner not in RUNNERS:
        raise unknown("runner", runner, RUNNERS)
    os.environ.update(DO_NOT_TRACK="1", DAFT_ANALYTICS_ENABLED="0")
    os.environ.setdefault("DAFT_PROGRESS_BAR", "0")
    try:
        import daft
    except ImportError:
        raise MissingPart(
            "Bulk work needs Daft, which is not installed. Run: pip install 'palate[data]'"
        ) from None
    if runner == "ray" and find_spec("ray") is None:
        raise MissingPart(
            "The Ray runner needs Ray, which is not installed. Run: pip install 'daft[ray]', or "
            "leave the runner out to work on this machine."
        )
    with _deaf():
        _set_runner(daft, runner)
        if runner == "native":  # its threads start now, and its workers inherit from them
            daft.from_pydict({"x": [0]}).select(daft.col("x") + 1).collect()
    return daft


def _set_runner(daft: Any, runner: str) -> None:
    from daft.exceptions import DaftCoreException

    try:
        daft.set_runner_ray() if runner == "ray" else daft.set_runner_native()
    except DaftCoreException:  # Daft takes one for the life of a process
        given = daft.runners.get_or_infer_runner_type()
        if given != runner:
            raise Mismatch(
                f"This process already uses Daft's {given} runner and cannot change to {runner}. "
                "Start a new process."
            ) from None


@contextmanager
def _deaf() -> Iterator[None]:
    """Start threads, and through them processes, that ctrl-C does not reach: a worker it kills
    while it starts would be waited for for ever. If it comes meanwhile, we hear of it at the end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def hushed() -> Iterator[None]:
    """Daft leaves the pipes of its workers to the garbage collector, which remarks on it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed file", ResourceWarning)
        yield


def await_workers() -> None:
    """Wait until no worker is left, for ten seconds at most.

    Linux aborts a process that exits while a thread of Daft's is in Python, waiting for a worker.
    """
    end = monotonic() + 10
    while (left := _workers()) and any(w.poll() is None for w in left) and monotonic() < end:
        sleep(0.05)
    if left:
        sleep(0.3)  # for the threads, which hear of it when we do


def _workers() -> list[Any]:
    """The worker processes that Daft has not let go of, whatever has gone wrong."""
    from daft.execution.udf import UdfHandle

    handles = [thing for thing in gc.get_objects() if type(thing) is UdfHandle]
    return [handle.process for handle in handles if hasattr(handle, "process")]
