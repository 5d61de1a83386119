"""Decoding in a process of its own, for pictures from strangers.

A decoder is C code fed by whoever wrote the file. Here the worst file costs one short process:
512 MB, five seconds, no inherited environment or files. Starting it takes 0.05 to 0.15 s.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import IO

import numpy as np
from numpy.typing import NDArray

from palate.errors import BadPicture
from palate.images.child import CPU_SECONDS, HEAD, MEMORY_BYTES
from palate.images.decode import ALLOWED, Unfit, check_bytes, check_size

WALL_SECONDS = 5.0
_PROGRAM = "from palate.images.child import serve; serve()"


def decode_apart(data: bytes, name: str) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) of a picture that may be made to crash or exhaust whoever decodes it."""
    try:
        check_bytes(len(data))
        return _decode(data)
    except Unfit as why:
        raise BadPicture(f"{name} {why}. {ALLOWED}") from None


def _decode(data: bytes) -> NDArray[np.uint8]:
    started = monotonic()
    with _child() as process, _killed_in_time(process):
        assert process.stdin and process.stdout
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(data)
        pixels = _answer(process.stdout)
        code = process.wait()
    if pixels is None:
        raise Unfit(_cause(code, monotonic() - started))
    return pixels


def _child() -> subprocess.Popen[bytes]:
    # -S, -P: the path handed over is this process's own, and whole. (-I would lose a PYTHONPATH.)
    # No preexec_fn: it would fork this process, which may hold gigabytes of weights.
    return subprocess.Popen(
        [sys.executable, "-S", "-P", "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


@contextmanager
def _killed_in_time(process: subprocess.Popen[bytes]) -> Iterator[None]:
    timer = threading.Timer(WALL_SECONDS, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        process.kill()  # nothing to do unless we were interrupted


def _answer(pipe: IO[bytes]) -> NDArray[np.uint8] | None:
    """What the child says; None if it died before the end. Its word is checked, too."""
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    sign, first, second = HEAD.unpack(head)
    if sign != b"+":
        raise Unfit(pipe.read(min(first, 200)).decode(errors="replace"))
    check_size(first, second)
    pixels = np.empty((second, first, 3), np.uint8)
    return pixels if _fill(pipe, pixels.data.cast("B")) else None


def _fill(pipe: IO[bytes], room: memoryview) -> bool:
    filled = 0
    while filled < len(room):
        chunk = pipe.read(min(2**20, len(room) - filled))
        if not chunk:
            return False
        room[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return True


def _cause(code: int, seconds: float) -> str:
    if seconds >= WALL_SECONDS or code == -signal.SIGXCPU:
        return f"takes more than {min(CPU_SECONDS, WALL_SECONDS):g} s to decode"
    if code < 0:
        return f"crashed the decoder ({signal.Signals(-code).name})"
    return f"could not be decoded within {MEMORY_BYTES >> 20} MB (exit code {code})"
