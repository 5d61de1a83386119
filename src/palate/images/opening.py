"""Opening pictures nobody vouches for."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from palate.errors import BadPicture
from palate.images.apart import decode_apart
from palate.images.decode import ALLOWED, MAX_BYTES, Unfit, check_bytes, decode


def open_picture(
    source: Path | bytes, *, name: str | None = None, strict: bool = False
) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) in sRGB bytes: upright, on white, the first frame if it moves.

    `name` is what an error calls it. `strict` decodes in a limited process of its own: right for
    pictures from strangers, about 0.1 s dearer.
    """
    called = name_of(source, name)
    data = read_bytes(source, called)
    if strict:
        return decode_apart(data, called)
    try:
        return np.array(decode(data))
    except Unfit as why:
        raise BadPicture(f"{called} {why}. {ALLOWED}") from None


def name_of(source: Path | bytes, name: str | None) -> str:
    """What to call it in a sentence; control characters cannot reach a terminal or a log."""
    if name is None and isinstance(source, bytes):
        return "The picture"
    shown = str(source) if name is None else name
    return shown if shown.isprintable() else ascii(shown)


def read_bytes(source: Path | bytes, name: str) -> bytes:
    """The file's content, never more of it than a picture may have."""
    try:
        if isinstance(source, bytes):
            check_bytes(len(source))
            return source
        return _read(Path(source))
    except Unfit as why:
        raise BadPicture(f"{name} {why}. {ALLOWED}") from None


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise Unfit("is a folder")
        if not stat.S_ISREG(status.st_mode):  # a pipe or a device could keep us for ever
            raise Unfit("is not a regular file")
        check_bytes(status.st_size)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # it may have grown
    except FileNotFoundError:
        raise Unfit("does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise Unfit(f"cannot be read ({getattr(error, 'strerror', None) or error})") from None
    check_bytes(len(data))
    return data
