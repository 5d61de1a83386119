"""Whole files or none: written beside their place, flushed to the disk, then moved into it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from palate.errors import NoSpace


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Lend a file beside `path` that takes its place at the end, or vanishes if anything fails."""
    # The thread's number, which for the main thread is the process's: two writers never share one.
    part = path.with_name(f".{path.name}.{threading.get_native_id()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        _publish(part, path)
    except BaseException as error:  # ctrl-C, too, must leave nothing behind
        with suppress(OSError):  # it may never have been made; the first error is the one to tell
            part.unlink()
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_space(path) from error
        raise


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file's content, wholly or not at all."""
    with writing(path) as part:
        part.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """The same value gives the same bytes: keys are sorted."""
    write_bytes(path, (json.dumps(value, sort_keys=True, indent=2) + "\n").encode())


def _publish(part: Path, path: Path) -> None:
    if path.exists():
        shutil.copymode(path, part)  # what was private stays private
    _flush(part)
    os.replace(part, path)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _flush(path.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _no_space(path: Path) -> NoSpace:
    free = shutil.disk_usage(next(folder for folder in path.parents if folder.exists())).free
    return NoSpace(
        f"There is no space to write {path}: {free:,} bytes are free on that disk. Nothing was "
        "changed; make room and try again."
    )
