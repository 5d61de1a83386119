"""One reply of a server, in time: streamed, cut when it runs wild, every failure a cause.

A server may dribble, loop or fall silent in any place, and no timeout of a client covers all of
them: a socket's starts anew with each byte. So the work is done in a thread that is waited for no
longer than the limit.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")
BLANKS = 200  # in a row; some servers send them until their limit
_BLANK = re.compile(rf"\s{{{BLANKS}}}")
_QUOTED = 160  # letters of a server's own words


class Late(Exception):
    """The limit of time has passed."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What was said, and why it ended: "stop", "length", "content_filter", "blanks", "long"."""

    text: str
    ended: str
    refusal: str = ""


class Clock:
    """Counts down from the moment it is made."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Seconds, or Late."""
        left = self._end - monotonic()
        if left <= 0:
            raise Late
        return left


def in_time(work: Callable[[], T], clock: Clock) -> T:
    """What the work returns or raises; Late if it takes too long, wherever it may be stuck."""
    done: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except Exception as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        value, error = done.get(timeout=clock.left())
    except queue.Empty:
        raise Late from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]


def collected(chunks: Iterable[Any], letters: int, clock: Clock) -> Reply:
    """The pieces of a streamed reply put together, and no more of them than are of use."""
    text, refusal, ended = "", "", ""
    for chunk in chunks:
        clock.left()
        piece, declined, reason = _piece(chunk)
        text, refusal = text + piece, refusal + declined
        if _BLANK.search(text, max(0, len(text) - len(piece) - BLANKS)):
            ended = "blanks"
        elif len(text) > letters:
            ended = "long"
        else:
            ended = reason or ended
            continue
        break
    return Reply(text=text, ended=ended or "stop", refusal=refusal)


def _piece(chunk: Any) -> tuple[str, str, str]:
    """Text, refusal and reason to end in one chunk; servers leave out what they like."""
    choices = getattr(chunk, "choices", None) or [None]
    delta = getattr(choices[0], "delta", None)
    found = (
        getattr(delta, "content", None),
        getattr(delta, "refusal", None),
        getattr(choices[0], "finish_reason", None),
    )
    text, refusal, reason = (part if isinstance(part, str) else "" for part in found)
    return text, refusal, reason


def quoted(words: Any) -> str:
    """A server's own words, short and on one line; they come from anywhere."""
    shown = "".join(c if c.isprintable() else " " for c in str(words))
    line = " ".join(shown.split())
    return line if len(line) <= _QUOTED else f"{line[:_QUOTED]}…"
