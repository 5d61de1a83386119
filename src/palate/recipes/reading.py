"""Whole tables of people read into profiles: one row a person, many in a batch, on every core.

    user_id   liked (list of pictures)   disliked (list, may be missing)   …
        ──▶   user_id   profile (bytes of a *.palate.safetensors)   fingerprint   likes   …

Also `liked_prompts` and `disliked_prompts` (lists of text) are told where they are there. Whatever
else a row holds stays in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from palate.data.cells import Problems, holds_bytes, without
from palate.data.schema import image_bytes
from palate.errors import BadPicture, BadTable, BadTaste
from palate.store import save_profile
from palate.types import Example, Method, Profile, Taste

SIDES = ("liked", "disliked")
_FOUND = (
    pa.field("profile", pa.binary()),
    pa.field("fingerprint", pa.string()),
    pa.field("likes", pa.list_(pa.string())),
)


@dataclass(frozen=True, kw_only=True)
class ReadPeople:
    """A work for `data.bulk`: everybody's profile, by one method for one base model."""

    method: str
    backbone: str
    weights: str | None = None

    name: ClassVar = "read"
    files: ClassVar = "*.parquet"
    rows: ClassVar = 32  # people in a batch

    def settings(self) -> dict[str, Any]:
        """Method and base model, by their content."""
        found = self._method()
        backbone = getattr(found, "backbone", None)
        return {"method": vars(found.mark), "backbone": vars(backbone.mark) if backbone else None}

    def schema(self, source: pa.Schema) -> pa.Schema:
        """All columns but the pictures and their prompts, and what was found."""
        for side in SIDES:
            if side in source.names and not _holds_pictures(source.field(side).type):
                raise BadTable(
                    f"The column {side} is {source.field(side).type}; it must be a list of "
                    "pictures, each plain bytes or a struct with bytes."
                )
        if "liked" not in source.names:
            raise BadTable(
                f"The source has no column `liked` among {', '.join(source.names)}. Make one row a "
                "person, with the pictures they like in a list."
            )
        return pa.schema([field for field in source if field.name not in _TAKEN] + list(_FOUND))

    def make(self, rows: pa.Table) -> tuple[pa.Table, Problems]:
        """Everybody's profile; whoever cannot be read is left out."""
        problems: Problems = {}
        tastes = []
        for place in range(rows.num_rows):
            try:
                tastes.append(taste_in(rows, place))
            except (BadPicture, BadTaste) as why:
                problems[place] = str(why)
        profiles, unread = self._read(tastes)
        kept = [place for place in range(rows.num_rows) if place not in problems]
        problems |= {kept[number]: why for number, why in unread.items()}
        good = without(rows, problems).drop_columns([n for n in _TAKEN if n in rows.column_names])
        for field, column in zip(_FOUND, _columns(profiles), strict=True):
            good = good.append_column(field, pa.array(column, field.type))
        return good, problems

    def _read(self, tastes: Sequence[Taste]) -> tuple[list[Profile], Problems]:
        """All at once; if a picture spoils it, one by one, to know whose it is."""
        found = self._method()
        together = getattr(found, "read_all", None)
        if together is not None and tastes:
            try:
                return together(tastes), {}
            except BadPicture:
                pass
        profiles: list[Profile] = []
        problems: Problems = {}
        for number, taste in enumerate(tastes):
            try:
                profiles.append(found.read(taste))
            except BadPicture as why:
                problems[number] = str(why)
        return profiles, problems

    def _method(self) -> Method:
        return _loaded(self.method, self.backbone, self.weights)


_TAKEN = (*SIDES, *(f"{side}_prompts" for side in SIDES))


@cache  # once in each process
def _loaded(name: str, backbone: str, weights: str | None) -> Method:
    from palate.backbones.catalog import backbone as load_backbone
    from palate.methods.table import method

    return method(name, load_backbone(backbone), Path(weights) if weights else None)


def _holds_pictures(kind: pa.DataType) -> bool:
    is_a = pa.types
    if not (is_a.is_list(kind) or is_a.is_large_list(kind)):
        return False
    inner = kind.value_type
    return is_a.is_binary(inner) or is_a.is_large_binary(inner) or holds_bytes(inner)


def taste_in(rows: pa.Table, place: int) -> Taste:
    """The person in one row."""
    liked, disliked = (tuple(_examples(rows, side, place)) for side in SIDES)
    return Taste(liked=liked, disliked=disliked)


def _examples(rows: pa.Table, side: str, place: int) -> Iterator[Example]:
    cells = _listed(rows, side, place)
    prompts = [told.as_py() for told in _listed(rows, f"{side}_prompts", place)]
    if prompts and len(prompts) != len(cells):
        raise BadTaste(f"{len(cells)} {side} pictures have {len(prompts)} prompts.")
    for number, cell in enumerate(cells):
        data = image_bytes(cell)
        if data is None:
            raise BadPicture(f"{side} picture {number} is empty.")
        yield Example(image=data, prompt=prompts[number] if prompts else None)


def _listed(rows: pa.Table, column: str, place: int) -> list[pa.Scalar]:
    if column not in rows.column_names:
        return []
    cell = rows[column][place]
    return list(cell.values) if cell.is_valid else []


def _columns(profiles: Sequence[Profile]) -> tuple[list[bytes], list[str], list[list[str]]]:
    """Files, fingerprints and likes of some people."""
    files, marks = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.palate.safetensors"
        for profile in profiles:
            marks.append(save_profile(path, profile))
            files.append(path.read_bytes())
    likes = [[word.text for word in profile.words if word.weight > 0] for profile in profiles]
    return files, marks, likes
