"""What a Parquet table holds, and every row of it that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from palate.data import agents, schema, shards
from palate.data.cells import holds_bytes
from palate.data.pickapic import Rules, scan
from palate.errors import BadPicture
from palate.images import open_picture

Problem = tuple[str, str]  # file or row, what is wrong with it
_KINDS = {  # told by the columns a table must have
    "pairs": ("label0", "image0", "image1"),
    "ratings": ("score", "image"),
    "Pick-a-Pic": ("label_0", "image_0_uid", "ranking_id"),
    "people": ("affinity", "liked", "disliked"),
    "recipes of pairs": ("liked_look", "disliked_look", "content"),
}


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What something holds, in numbers, and everything that is wrong with it."""

    kind: str
    facts: dict[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def joined(kind: str, holdings: Sequence[Holding]) -> Holding:
    """Several holdings as one: how many of each kind, their numbers added up."""
    facts: dict[str, int] = {}
    for holding in holdings:
        for name, value in {holding.kind: 1, **holding.facts}.items():
            facts[name] = facts.get(name, 0) + value
    return Holding(kind=kind, facts=facts, problems=tuple(p for h in holdings for p in h.problems))


def holding_of(path: Path) -> Holding:
    """Look at every value and open every picture of a table."""
    columns = shards.read_schema(path)
    kinds = [kind for kind, needed in _KINDS.items() if set(needed) <= set(columns.names)]
    kind = kinds[0] if kinds else "table"
    if kind == "Pick-a-Pic":  # its pictures are only worth opening for the users that are kept
        return Holding(kind=kind, facts=_pickapic_facts(path))
    facts = {"rows": shards.read_metadata(path).num_rows, **_values(path, kind, columns)}
    pictures = [f.name for f in columns if holds_bytes(f.type)]
    return Holding(kind=kind, facts=facts, problems=tuple(_broken(path, pictures)))


def _values(path: Path, kind: str, columns: pa.Schema) -> dict[str, int]:
    """Refuse what is out of range; count users."""
    if kind in ("pairs", "ratings"):
        wanted = schema.PAIRS if kind == "pairs" else schema.RATINGS
        schema.check_schema(columns, wanted, path.name)
        without = [name for name in wanted.names if not holds_bytes(wanted.field(name).type)]
        facts = schema.check_values(pq.read_table(path, columns=without), path.name)
        return {"users": facts.users, "rows without user": facts.without_user}
    if kind in ("people", "recipes of pairs"):
        wanted = agents.PEOPLE if kind == "people" else agents.PAIRS
        schema.check_schema(columns, wanted, path.name)
    return {}


def _pickapic_facts(path: Path) -> dict[str, int]:
    report = scan([path], Rules()).report
    return {
        "rows": report.rows.given,
        "users": report.users.given,
        "users that would be kept": report.users.kept,
    }


def _broken(path: Path, columns: list[str]) -> Iterator[Problem]:
    """Every cell without a picture in it that can be opened."""
    if not columns:
        return
    row = 0
    for batch in pq.ParquetFile(path).iter_batches(batch_size=256, columns=columns):
        for cells in batch.to_pylist():
            for name, cell in cells.items():
                if fault := _fault(cell, path.parent):
                    yield f"{path.name} row {row} {name}", fault
            row += 1


def _fault(cell: dict[str, Any] | None, beside: Path) -> str | None:
    data, place = (cell or {}).get("bytes"), (cell or {}).get("path")
    if data is None and not place:
        return "holds no picture: neither bytes nor a path"
    try:
        open_picture(beside / str(place) if data is None else data, name="the picture")
    except BadPicture as problem:
        return str(problem)
    return None
