"""One run in a folder at a time: a second is told whose turn it is, and a killed one leaves no bar.

The operating system holds the lock, and lets go of it when the process is gone, however it went.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from palate.errors import InUse

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)  # beyond what is read: there, nobody may read it
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)
else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


NAME = ".palate.lock"
_FAR = 2**30
_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # others: locks are not to be had on this disk
_held: set[int] = set()


class Lock:
    """`with Lock(folder):` is alone in it, or raises InUse at once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / NAME

    def __enter__(self) -> Lock:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._handle = self._locked()
        _held.add(self._handle)
        os.ftruncate(self._handle, 0)
        os.write(self._handle, json.dumps(_me()).encode())
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # Windows removes nothing that is open
            self.file.unlink()
        _held.discard(self._handle)
        os.close(self._handle)

    def _locked(self) -> int:
        """The file, locked, and still the one at its place: its last owner may have removed it."""
        while True:
            handle = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _take(handle)
            except OSError as error:
                if error.errno in _TAKEN:
                    os.close(handle)
                    raise InUse(self._told()) from None
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), os.stat(self.file)):
                    return handle
            os.close(handle)

    def _told(self) -> str:
        who, since = "another process", ""
        with suppress(OSError, ValueError, KeyError, TypeError):
            owner = json.loads(self.file.read_bytes())
            there = "" if owner["host"] == platform.node() else f" on {owner['host']}"
            who, since = f"process {owner['pid']}{there}", f", since {owner['since']}"
        return (
            f"{self.folder} is in use by {who}{since}. Wait until it ends, end it, or give another "
            "folder as --out."
        )


def _me() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
    return {"pid": os.getpid(), "since": now, "host": platform.node()}


def _let_go() -> None:
    """A forked child, such as one that loads data, must not hold on when its parent is gone."""
    for handle in _held:
        os.close(handle)
    _held.clear()


_at_fork: Callable[..., None] | None = getattr(os, "register_at_fork", None)
if _at_fork:  # nobody forks on Windows
    _at_fork(after_in_child=_let_go)
