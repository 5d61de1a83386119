"""What a person sees of a training, and how they stop it."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from palate.learn.extras import extra
from palate.learn.facts import Fact
from palate.learn.settings import Fit

_LOG = logging.getLogger("palate.learn")
_BAR = "{desc} {percentage:3.0f}%|{bar}| {postfix} {rate_fmt} {remaining} left"


@contextmanager
def ctrl_c() -> Iterator[Callable[[], bool]]:
    """Lend a question, "was ctrl-C pressed?". Pressed twice, it stops at once, as ever."""
    pressed: list[int] = []

    def press(number: int, frame: Any) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals reach only the main thread
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


class Console:
    """A progress bar on a terminal, silence in a pipe; TensorBoard where asked."""

    def __init__(self, config: Fit, *, first: int, logs: Path | None, shown: bool) -> None:
        self._batch = config.batch
        self._bar = _bar(config, first) if shown and sys.stderr.isatty() else None
        self._board = _board(logs, first) if shown and logs else None

    def say(self, sentence: str) -> None:
        """A sentence for whoever watches."""
        _LOG.info(sentence)
        if self._bar is not None:
            self._bar.write(sentence, file=sys.stderr)

    def show(self, fact: Fact) -> None:
        """Bring the bar and the board up to a fact."""
        if self._bar is not None:
            self._bar.set_description(f"step {fact.step}/{fact.steps}", refresh=False)
            self._bar.set_postfix_str(f"loss {fact.loss:.4g}", refresh=False)
            self._bar.update(fact.step * self._batch - self._bar.n)
        if self._board is not None:
            for name, value in _scalars(fact).items():
                self._board.add_scalar(name, value, fact.step)

    def close(self) -> None:
        """Leave the last line standing and the board's file whole."""
        for part in (self._bar, self._board):
            if part is not None:
                part.close()


def _bar(config: Fit, first: int) -> Any:
    return extra("tqdm").tqdm(
        total=config.steps * config.batch,
        initial=first * config.batch,
        desc=f"step {first}/{config.steps}",
        unit=" items",
        bar_format=_BAR,
        dynamic_ncols=True,
    )


def _board(logs: Path, first: int) -> Any:
    # What a killed run logged after its last checkpoint happens again: take the first telling back.
    extra("tensorboard")
    return extra("torch.utils.tensorboard").SummaryWriter(str(logs), purge_step=first + 1)


def _scalars(fact: Fact) -> dict[str, float]:
    rates = {f"lr/{name}": rate for name, rate in fact.lr.items()}
    parts = {f"loss/{name}": value for name, value in fact.parts.items()}
    return {
        "loss": fact.loss,
        **parts,
        "gradient": fact.gradient,
        **rates,
        "items per second": fact.items_per_second,
    }
