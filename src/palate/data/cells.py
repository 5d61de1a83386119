"""Picture cells of a table: found, opened, shrunk, saved again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from palate.data.schema import IMAGE, image_bytes
from palate.errors import BadPicture, BadTable, unknown
from palate.images import open_picture

Pixels = NDArray[np.uint8]
Problems = dict[int, str]  # row -> what was wrong with it
T = TypeVar("T")

FORMATS: dict[str, dict[str, Any]] = {  # how Pillow is told to save each
    "png": {"compress_level": 1},  # level 6 takes twice as long to save one byte in a hundred
    "webp": {"lossless": True, "quality": 0, "method": 0},
    "jpeg": {"quality": 95, "subsampling": 0},
}


def picture_columns(source: pa.Schema, given: str | None) -> list[str]:
    """The column asked for, or every column with a struct of bytes in it."""
    if given is not None and given not in source.names:
        raise unknown("column", given, source.names)
    found = [f.name for f in source if holds_bytes(f.type)] if given is None else [given]
    if not found:
        raise BadTable(
            f"The source has no column of pictures among {', '.join(source.names)}. Name the "
            "column that holds them as plain bytes."
        )
    return found


def holds_bytes(kind: pa.DataType) -> bool:
    """Is a column of this type made of picture cells?"""
    is_a = pa.types
    if not is_a.is_struct(kind) or kind.get_field_index("bytes") < 0:
        return False
    inner = kind.field("bytes").type
    return is_a.is_binary(inner) or is_a.is_large_binary(inner) or is_a.is_binary_view(inner)


def pictured(fields: Iterable[pa.Field]) -> pa.Schema:
    """A schema that tells Hugging Face `datasets` which columns are pictures."""
    schema = pa.schema([field.remove_metadata() for field in fields])
    features = {f.name: {"_type": "Image"} for f in schema if f.type == IMAGE}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def opened(
    rows: pa.Table, names: list[str], treat: Callable[[Pixels], T], *, strict: bool = False
) -> tuple[list[list[T]], Problems]:
    """`treat` the pictures of each row as soon as they are open: only what it returns is kept.

    A row with a picture that cannot be opened, or treated, is left out and its problem told.
    """
    good: list[list[T]] = []
    problems: Problems = {}
    for place, cells in enumerate(zip(*(rows[name] for name in names), strict=True)):
        try:
            named = zip(names, cells, strict=True)
            good.append([treat(_open(cell, name, strict)) for name, cell in named])
        except BadPicture as why:
            problems[place] = str(why)
    return good, problems


def _open(cell: pa.Scalar, name: str, strict: bool) -> Pixels:
    data = image_bytes(cell)
    if data is None:
        raise BadPicture(f"{name} holds no picture: the cell has no bytes.")
    return open_picture(data, name=name, strict=strict)


def without(rows: pa.Table, problems: Problems) -> pa.Table:
    """The rows nothing was wrong with."""
    if not problems:
        return rows
    return rows.filter(pa.array([place not in problems for place in range(rows.num_rows)]))


def paths(cells: Iterable[pa.Scalar]) -> list[str | None]:
    """Where each picture once was: kept for people who look for it."""
    found = (cell.as_py() if isinstance(cell, pa.StructScalar) else None for cell in cells)
    return [(cell or {}).get("path") for cell in found]


def shrunk(pixels: Pixels, longest: int) -> Pixels:
    """The picture with its longest side at most this; never enlarged."""
    height, width, _ = pixels.shape
    by = longest / max(height, width)
    return pixels if by >= 1 else resized(pixels, round(width * by), round(height * by))


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """The picture in another size."""
    small = Image.fromarray(pixels).resize(
        (max(1, width), max(1, height)), Image.Resampling.LANCZOS
    )
    return np.asarray(small)


def encoded(pixels: Pixels, format: str) -> bytes:
    """Pixels as a file of one of FORMATS."""
    file = BytesIO()
    try:
        Image.fromarray(pixels).save(file, format, **FORMATS[format])
    except (OSError, ValueError) as why:  # WebP holds no side over 16,383
        raise BadPicture(f"A picture cannot be saved as {format}: {why}.") from None
    return file.getvalue()


def check_format(given: str) -> None:
    """Refuse a format we do not save."""
    if given not in FORMATS:
        raise unknown("picture format", given, tuple(FORMATS))
