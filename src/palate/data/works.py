"""What can be done to a whole data set, a few rows at a time.

    Draw     recipes (pairs-*.parquet)   → a liked and a disliked picture for each pair
    Decode   any table with pictures     → the same, verified, upright RGB, perhaps smaller
    Embed    any table with pictures     → vectors (in `vectors`)

A work is a frozen, picklable value that says what it will do; `bulk.run` does it over all shards.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from palate.data import agents
from palate.data.cells import (
    Pixels,
    Problems,
    check_format,
    encoded,
    opened,
    paths,
    picture_columns,
    pictured,
    shrunk,
    without,
)
from palate.data.quick_png import quick_png
from palate.data.schema import IMAGE
from palate.errors import BadInput, BadTable
from palate.sketchbook.drawing import SIZE, SIZES, draw
from palate.sketchbook.scenes import CONTENTS, Scene
from palate.sketchbook.words import prompt_of, scene_of


class Work(Protocol):
    """Something to do to every row of a data set. Its class must be importable by its name."""

    name: ClassVar[str]
    files: ClassVar[str]  # which shards of a folder it takes
    rows: ClassVar[int]  # how many at a time; no picture depends on it

    def settings(self) -> dict[str, Any]:
        """Everything that decides the outcome, as it stands in the plan."""
        ...

    def schema(self, source: pa.Schema) -> pa.Schema:
        """The columns that will come out; an error if the source lacks what is needed."""
        ...

    def make(self, rows: pa.Table) -> tuple[pa.Table, Problems]:
        """What became of the good rows, in order, and what was wrong with the others."""
        ...


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Recipes to pictures: who, which pair, the prompt, the liked and the disliked picture."""

    size: int = SIZE
    format: str = "png"  # "webp" is lossless too, a tenth smaller and somewhat slower

    name: ClassVar = "draw"
    files: ClassVar = "pairs-*.parquet"
    rows: ClassVar = 64

    def __post_init__(self) -> None:
        check_format(self.format)
        if not SIZES[0] <= self.size <= SIZES[1]:
            raise BadInput(f"The size is {self.size} px; {SIZES[0]} to {SIZES[1]} are allowed.")

    def settings(self) -> dict[str, Any]:
        """Size and format, and by whose hand: another version of skia or of ours may differ."""
        drawn = hashlib.sha256()
        for seed, content in enumerate(CONTENTS[:: len(CONTENTS) // 24]):
            drawn.update(draw(scene_of(prompt_of(content), seed), self.size).tobytes())
        return {**asdict(self), "hand": drawn.hexdigest()[:16]}

    def schema(self, source: pa.Schema) -> pa.Schema:
        """The same for all recipes."""
        wrong = [
            f"{wanted.name} ({wanted.type})"
            for wanted in _RECIPES
            if wanted.name not in source.names or source.field(wanted.name).type != wanted.type
        ]
        if wrong:
            raise BadTable(
                f"The source holds no recipes of pairs: it lacks {', '.join(wrong)}. Make recipes "
                "with `palate data agents`."
            )
        return _DRAWN

    def make(self, rows: pa.Table) -> tuple[pa.Table, Problems]:
        """Draw both pictures of every pair."""
        try:
            pairs = list(agents.scenes(rows))
        except IndexError:
            raise BadTable(
                "A recipe names a prompt or a value that this Palate does not know. Draw it with "
                "the version that made it, or make the recipes again."
            ) from None
        columns = {
            "person": rows["person"],
            "pair": rows["pair"],
            "split": rows["split"].cast(pa.string()),
            "prompt": [prompt_of(liked.content) for liked, _ in pairs],
            "liked": [self._cell(liked) for liked, _ in pairs],
            "disliked": [self._cell(disliked) for _, disliked in pairs],
        }
        return pa.table(columns, schema=_DRAWN), {}

    def _cell(self, scene: Scene) -> dict[str, bytes]:
        pixels = draw(scene, self.size)
        png = self.format == "png"
        return {"bytes": quick_png(pixels) if png else encoded(pixels, self.format)}


_RECIPES = agents.PAIRS
_DRAWN = pictured(
    [
        pa.field("person", pa.int32()),
        pa.field("pair", pa.int32()),
        pa.field("split", pa.string()),
        pa.field("prompt", pa.string()),
        pa.field("liked", IMAGE),
        pa.field("disliked", IMAGE),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Decode:
    """Pictures from anywhere to pictures we vouch for: every pixel decoded, upright, plain RGB."""

    column: str | None = None  # None: every column that holds pictures
    size: int | None = None  # the longest side at most; None: as they come
    format: str = "jpeg"
    strict: bool = False  # each in a limited process of its own: 0.15 s dearer, survives anything

    name: ClassVar = "decode"
    files: ClassVar = "*.parquet"
    rows: ClassVar = 32

    def __post_init__(self) -> None:
        check_format(self.format)
        if self.size is not None and self.size < 1:
            raise BadInput(f"The size is {self.size} px; it must be at least 1.")

    def settings(self) -> dict[str, Any]:
        """Column, size, format, strict."""
        return asdict(self)

    def schema(self, source: pa.Schema) -> pa.Schema:
        """The same columns, pictures as encoded bytes."""
        names = picture_columns(source, self.column)
        return pictured(pa.field(f.name, IMAGE) if f.name in names else f for f in source)

    def make(self, rows: pa.Table) -> tuple[pa.Table, Problems]:
        """Open, shrink and save again every picture of every row."""
        names = picture_columns(rows.schema, self.column)
        good, problems = opened(rows, names, self._again, strict=self.strict)
        kept = without(rows, problems)
        columns: dict[str, Any] = {name: kept[name] for name in kept.column_names}
        for place, name in enumerate(names):
            files = zip(good, paths(kept[name]), strict=True)
            columns[name] = [{"bytes": row[place], "path": path} for row, path in files]
        return pa.table(columns, schema=self.schema(rows.schema)), problems

    def _again(self, pixels: Pixels) -> bytes:
        return encoded(shrunk(pixels, self.size) if self.size else pixels, self.format)
