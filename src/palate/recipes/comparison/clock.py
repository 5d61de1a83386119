"""Where the time of a run goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Lap:
    """One stretch of time; its seconds are there when it is over."""

    seconds: float = 0.0


class Clock:
    """Seconds by what they were spent on, and all of them."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._began = time.perf_counter()

    @contextmanager
    def on(self, what: str) -> Iterator[Lap]:
        """Count the time inside."""
        began, lap = time.perf_counter(), Lap()
        try:
            yield lap
        finally:
            lap.seconds = time.perf_counter() - began
            self.spent[what] = self.spent.get(what, 0.0) + lap.seconds

    def whole(self) -> float:
        """Seconds since it was made."""
        return time.perf_counter() - self._began
