"""What a file claims to be, checked before any weight is read.

A safetensors file is 8 bytes of length, that many bytes of JSON, then the tensors one after
another. Ours keep one more entry in the JSON: kind, version, config and fingerprint. Everything is
checked here, without torch, so that a damaged or foreign file costs one sentence and no memory.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from palate.errors import BadFile

MAX_HEADER = 64 * 2**20
DTYPES = {  # safetensors' name -> torch's name, bytes each
    "BOOL": ("bool", 1),
    "U8": ("uint8", 1),
    "I8": ("int8", 1),
    "F8_E4M3": ("float8_e4m3fn", 1),
    "F8_E5M2": ("float8_e5m2", 1),
    "U16": ("uint16", 2),
    "I16": ("int16", 2),
    "F16": ("float16", 2),
    "BF16": ("bfloat16", 2),
    "U32": ("uint32", 4),
    "I32": ("int32", 4),
    "F32": ("float32", 4),
    "U64": ("uint64", 8),
    "I64": ("int64", 8),
    "F64": ("float64", 8),
}
_MAX_DIMENSIONS = 64  # torch's own limit
_ENTRY = {"kind": str, "version": int, "config": dict, "fingerprint": str}


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file of ours says about itself."""

    kind: str
    version: int
    config: Mapping[str, Any]
    tensors: Mapping[str, tuple[str, tuple[int, ...]]]  # name -> dtype (as BF16), shape
    fingerprint: str  # of kind, config and every tensor; not of when it was made


class _Damage(Exception):
    """What is wrong with the file, worded to follow "is damaged: "."""


def header(path: Path) -> Header:
    """What the file says about itself, without reading its tensors."""
    try:
        size = _size(path)
        with path.open("rb") as file:
            table, start = _table(path, file, size)
        extra = table.pop("__metadata__", {})
        tensors = {name: _tensor(name, entry) for name, entry in table.items()}
        _check_layout([span for _, _, span in tensors.values()], start, size)
        shapes = {name: (dtype, shape) for name, (dtype, shape, _) in tensors.items()}
        return Header(tensors=shapes, **_entry(path, extra))
    except FileNotFoundError:
        raise BadFile(f"{path} does not exist.") from None
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}.") from None
    except _Damage as damage:
        raise BadFile(f"{path} is damaged: {damage}. Get it again, or make it anew.") from None


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except ValueError as error:  # a zero byte in the name
        raise BadFile(f"{str(path)!a} cannot be read: {error}.") from None
    if not stat.S_ISREG(status.st_mode):
        what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise BadFile(f"{path} is {what}; give a safetensors file.")
    if not status.st_size:
        raise BadFile(f"{path} is empty. Get it again, or make it anew.")
    return status.st_size


def _table(path: Path, file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """The JSON as a table, and where the tensors start."""
    head = file.read(9)
    length = int.from_bytes(head[:8], "little")
    if head[8:] != b"{":
        raise BadFile(_foreign(path, head))
    if length > MAX_HEADER:
        raise _Damage(f"its header claims {length:,} bytes and may have {MAX_HEADER:,}")
    if 8 + length > size:
        raise _Damage(f"its header claims {length:,} bytes and the whole file has {size:,}")
    try:
        table = json.loads(b"{" + file.read(length - 1), object_pairs_hook=_no_twins)
    except (ValueError, RecursionError):  # ValueError: not JSON, not UTF-8, a number too long
        raise _Damage("its header is not JSON") from None
    if not isinstance(table, dict):
        raise _Damage("its header is not a table")
    return table, 8 + length


def _foreign(path: Path, head: bytes) -> str:
    """Pickled files get a sentence of their own; told by content, never by name."""
    pickled = head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5")
    if pickled or head.startswith((b"PK\3\4", b"(dp", b"(lp", b"}q", b"]q", b"ccollect")):
        return (
            f"{path} is a pickle or a zip, as torch.save makes them (.pt, .bin, .ckpt). Palate "
            "never unpickles: a pickle can run any program. Convert it to safetensors first."
        )
    return f"{path} is not a safetensors file, the only kind Palate reads."


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name stands twice")
    return table


def _tensor(name: str, entry: Any) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    """Data type, shape and place of one tensor, if they agree."""
    if not is_proper(name):
        raise _Damage(f"it holds a tensor named {name[:40]!a}")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _Damage(f"tensor {name} has no proper entry")
    dtype, shape, span = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise _Damage(f"tensor {name} has an unknown data type")
    if not _counts(shape) or not _counts(span) or len(shape) > _MAX_DIMENSIONS or len(span) != 2:
        raise _Damage(f"tensor {name} has no proper shape or place")
    if span[1] - span[0] != prod(shape) * DTYPES[dtype][1]:
        raise _Damage(f"tensor {name} does not fill its place")
    return dtype, tuple(shape), (span[0], span[1])


def is_proper(name: str) -> bool:
    """Tensor names end up in messages and on terminals."""
    return 0 < len(name) <= 512 and name.isprintable()


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value)


def _check_layout(spans: list[tuple[int, int]], start: int, size: int) -> None:
    """Tensors must follow one another without gap or overlap, to the end of the file."""
    end = 0
    for begin, stop in sorted(spans):
        if begin != end:
            raise _Damage("its tensors overlap or leave a gap")
        end = stop
    if start + end != size:
        raise _Damage(f"it should have {start + end:,} bytes and has {size:,}")


def _entry(path: Path, extra: Any) -> dict[str, Any]:
    """What Palate itself wrote into the header."""
    raw = extra.get("palate") if isinstance(extra, dict) else None
    if not isinstance(raw, str):
        raise BadFile(f"{path} is a safetensors file, but not one that Palate wrote.")
    try:
        entry = json.loads(raw)
    except (ValueError, RecursionError):
        entry = None
    if not isinstance(entry, dict) or any(type(entry.get(k)) is not t for k, t in _ENTRY.items()):
        raise _Damage("its own description cannot be read")
    return {name: entry[name] for name in _ENTRY}
