"""Pick-a-Pic's files as released: their columns, and a sentence for each fault on opening them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from palate.data.schema import IMAGE, check_schema
from palate.errors import BadTable

COLUMNS = pa.schema(  # v1 and v2 alike; a nineteenth, __index_level_0__, says nothing
    {
        "are_different": pa.bool_(),
        "best_image_uid": pa.string(),
        "caption": pa.string(),
        "created_at": pa.timestamp("ns"),
        "has_label": pa.bool_(),
        "image_0_uid": pa.string(),
        "image_0_url": pa.string(),  # dead since 2025: the bytes are all there is
        "image_1_uid": pa.string(),
        "image_1_url": pa.string(),
        "jpg_0": IMAGE,  # released as plain bytes; datasets saves {bytes, path}
        "jpg_1": IMAGE,
        "label_0": pa.float64(),
        "label_1": pa.float64(),
        "model_0": pa.string(),
        "model_1": pa.string(),
        "ranking_id": pa.int64(),
        "user_id": pa.int64(),
        "num_example_per_prompt": pa.int64(),
    }
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One Parquet file with all its columns there."""

    path: Path
    rows: int
    split: str | None  # train of train-00000-of-00645-….parquet, if the name has that form


def sources(paths: Sequence[Path]) -> tuple[Source, ...]:
    """Every Parquet file among files and folders, in an order that depends on names alone."""
    if not paths:
        raise BadTable("No file was given. Give Pick-a-Pic's .parquet files, or their folder.")
    found = {file.resolve(): file for path in paths for file in _files(path)}
    return tuple(_source(file) for file in sorted(found.values()))


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise BadTable(f"There is no file or folder {path}.")
    files = list(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise BadTable(f"{path} holds no Parquet file. Give Pick-a-Pic's .parquet files.")
    return files


def _source(path: Path) -> Source:
    with opened(path) as file:
        check_schema(file.schema_arrow, COLUMNS, path.name)
        split = re.match(r"(\w+)-\d+-of-\d+", path.name)
        return Source(path=path, rows=file.metadata.num_rows, split=split and split[1])


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file; whatever turns out to be wrong with it is said in one sentence."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError, UnicodeDecodeError) as fault:
        what = str(fault).splitlines()[0][:200]
        raise BadTable(
            f"{path} cannot be read as Parquet ({what}). It may be cut short or no Parquet file: "
            "fetch it again, or leave it out."
        ) from None
