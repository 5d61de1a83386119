"""The data set that bulk work starts from: which files, which columns, which content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from palate.data import shards
from palate.errors import BadTable


def source_files(source: Path, pattern: str) -> list[Path]:
    """The shards of a finished data set, or plain Parquet files, whose names fit."""
    if (source / shards.MANIFEST).exists() or (source / shards.PLAN).exists():
        known = [source / shard.file for shard in shards.read_manifest(source)]
        if gone := [path.name for path in known if not path.exists()]:
            raise BadTable(f"{source} lacks {', '.join(gone)}. Make the data set again.")
    else:
        known = sorted(source.glob("*.parquet"))
    files = [path for path in known if path.match(pattern)]
    if not files:
        raise BadTable(f"{source} holds no {pattern}. Give a folder with such files.")
    return files


def common_schema(files: Sequence[Path]) -> pa.Schema:
    """The columns of every shard."""
    first = shards.read_schema(files[0])
    for path in files[1:]:
        if not shards.read_schema(path).equals(first):
            raise BadTable(
                f"{path.name} and {files[0].name} have different columns. Shards of one data set "
                "have the same: put other tables elsewhere."
            )
    return first


def fingerprint(source: Path, files: Sequence[Path]) -> str:
    """Which source it is: its manifest, or else the names, sizes and footers of its files."""
    digest = hashlib.sha256()
    if (source / shards.MANIFEST).exists():
        digest.update((source / shards.MANIFEST).read_bytes())
        return digest.hexdigest()
    for path in files:
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        digest.update(_footer(path))
    return digest.hexdigest()


def _footer(path: Path) -> bytes:
    """The end of a Parquet file, where the places, sizes and extremes of all its columns stand."""
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        length = int.from_bytes(file.read(4), "little")
        file.seek(-8 - length, os.SEEK_END)
        return file.read(length)
