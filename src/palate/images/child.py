"""The decoder's own process: bytes on stdin, a short head and raw RGB on stdout. See `apart`."""

from __future__ import annotations

import struct
import sys

from palate.images.decode import Unfit, decode

MEMORY_BYTES = 512 * 2**20
CPU_SECONDS = 5
HEAD = struct.Struct(
    ">cII"
)  # b"+", width, height: pixels follow; b"-", length, 0: a reason follows
_ROWS = 256  # written at a time: a second copy of 40 Mpx would not fit


def serve() -> None:
    """Decode one picture under limits, then end."""
    _limit()
    data = sys.stdin.buffer.read()
    try:
        image = decode(data)
    except Unfit as why:
        reason = str(why).encode()
        sys.stdout.buffer.write(HEAD.pack(b"-", len(reason), 0) + reason)
        return
    sys.stdout.buffer.write(HEAD.pack(b"+", *image.size))
    for top in range(0, image.height, _ROWS):
        band = image.crop((0, top, image.width, min(top + _ROWS, image.height)))
        sys.stdout.buffer.write(band.tobytes())


def _limit() -> None:
    import resource  # POSIX only, like the limits

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
