"""Pictures to vectors, with any encoder: the work, and what it asks of an encoder."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from palate.data.cells import Pixels, Problems, opened, picture_columns, resized, without
from palate.errors import BadInput, Mismatch

COLORS_AND_EDGES = "palate.data.descriptor:ColorsAndEdges"


class Encoder(Protocol):
    """Anything that turns pictures into vectors."""

    name: str
    width: int

    def encode(self, pixels: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Pixels (n, size, size, 3) to vectors (n, width)."""
        ...


@cache
def encoder(factory: str) -> Encoder:
    """Call "module:attribute": a name travels to other processes and machines, weights do not."""
    module, _, attribute = factory.partition(":")
    try:
        return getattr(import_module(module), attribute)()
    except (ValueError, AttributeError, ModuleNotFoundError) as why:
        raise BadInput(
            f"No encoder can be made from {factory!r} ({why}). Give 'module:attribute', something "
            f"to call without arguments, such as {COLORS_AND_EDGES!r}."
        ) from None


@dataclass(frozen=True, kw_only=True)
class Embed:
    """Pictures to vectors: for each column of pictures, one `<column>_vector` in its place."""

    encoder: str = COLORS_AND_EDGES
    column: str | None = None  # None: every column that holds pictures
    size: int = 128  # pixels a side; every picture is squeezed into this square, none is cropped
    strict: bool = False

    name: ClassVar = "embed"
    files: ClassVar = "*.parquet"
    rows: ClassVar = 64

    def __post_init__(self) -> None:
        if self.size < 1:
            raise BadInput(f"The size is {self.size} px; it must be at least 1.")

    def settings(self) -> dict[str, Any]:
        """Settings, and what the encoder calls itself: weights of another name are refused."""
        built = encoder(self.encoder)
        return {**asdict(self), "encoder_name": built.name, "width": built.width}

    def schema(self, source: pa.Schema) -> pa.Schema:
        """The columns without the pictures, then the vectors."""
        names = picture_columns(source, self.column)
        kept = [f.remove_metadata() for f in source if f.name not in names]
        vector = pa.list_(pa.float32(), encoder(self.encoder).width)
        return pa.schema([*kept, *(pa.field(f"{name}_vector", vector) for name in names)])

    def make(self, rows: pa.Table) -> tuple[pa.Table, Problems]:
        """Open every picture, bring it to size, encode all at once."""
        names = picture_columns(rows.schema, self.column)
        good, problems = opened(rows, names, self._square, strict=self.strict)
        kept, schema = without(rows, problems), self.schema(rows.schema)
        columns: dict[str, Any] = {n: kept[n] for n in kept.column_names if n not in names}
        for place, name in enumerate(names):
            column = f"{name}_vector"
            vectors = self._vectors([row[place] for row in good])
            flat = pa.array(vectors.reshape(-1))
            kind = schema.field(column).type
            columns[column] = pa.FixedSizeListArray.from_arrays(flat, type=kind)
        return pa.table(columns, schema=schema), problems

    def _square(self, pixels: Pixels) -> Pixels:
        return resized(pixels, self.size, self.size)

    def _vectors(self, pictures: list[Pixels]) -> NDArray[np.float32]:
        built = encoder(self.encoder)
        wanted = (len(pictures), built.width)
        if not pictures:
            return np.zeros(wanted, np.float32)
        vectors = np.asarray(built.encode(np.stack(pictures)), np.float32)
        if vectors.shape != wanted or not np.isfinite(vectors).all():
            raise Mismatch(
                f"The encoder {built.name} gave {vectors.shape} for {wanted[0]} pictures; it must "
                f"give finite numbers of shape {wanted}."
            )
        return np.ascontiguousarray(vectors)
