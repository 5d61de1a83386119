"""What people said when two pictures were shown side by side; in and out as CSV and JSON.

    rater, item, left, right, choice

The item is what both were made for (a prompt, a person), `left` and `right` are the ways the two
were made, and the choice is "left", "right" or "tie".
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from palate import store
from palate.errors import BadFile, BadTable

CHOICES = ("left", "right", "tie")


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One rater, two pictures, one choice."""

    rater: str
    item: str
    left: str
    right: str
    choice: str

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise BadTable(f"A choice is {self.choice!r}; it must be one of: {', '.join(CHOICES)}.")
        empty = [name for name, value in asdict(self).items() if not value]
        if empty:
            raise BadTable(f"A vote has no {' and no '.join(empty)}; every vote needs all five.")
        if self.left == self.right:
            raise BadTable(
                f"A vote compares {self.left} with itself; two different ways are needed."
            )

    @property
    def pair(self) -> tuple[str, str]:
        """The two ways, whichever stood left."""
        return (self.left, self.right) if self.left < self.right else (self.right, self.left)

    @property
    def preferred(self) -> str | None:
        """The way that was chosen; None is a tie."""
        return {"left": self.left, "right": self.right}.get(self.choice)


COLUMNS = tuple(field.name for field in fields(Vote))


def read_votes(path: Path) -> list[Vote]:
    """From a .csv with a head line, or a .json with a list of objects."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path} cannot be read: {error}.") from None
    return votes_of(_rows(path, text), str(path))


def _rows(path: Path, text: str) -> list[Mapping[str, Any]]:
    if path.suffix.lower() == ".csv":
        try:
            return list(csv.DictReader(io.StringIO(text, newline="")))
        except csv.Error as error:
            raise BadFile(
                f"{path} is no table: {error}. A quotation mark that is never closed does this."
            ) from None
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFile(f"{path} is neither a .csv nor JSON; votes come as one of the two.") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadTable(f"{path} must hold a list of objects with: {', '.join(COLUMNS)}.")
    return rows


def votes_of(rows: Iterable[Mapping[str, Any]], where: str = "The table") -> list[Vote]:
    """Votes from rows of a table; columns beyond ours are left out."""
    votes = []
    for number, row in enumerate(rows, 1):
        missing = [name for name in COLUMNS if row.get(name) is None]
        if missing:
            raise BadTable(
                f"{where} has no {', '.join(missing)} in row {number}; a vote needs: "
                f"{', '.join(COLUMNS)}."
            )
        try:
            votes.append(Vote(**{name: str(row[name]).strip() for name in COLUMNS}))
        except BadTable as error:
            raise BadTable(f"{where}, row {number}: {error}") from None
    return votes


def write_votes(path: Path, votes: Sequence[Vote]) -> None:
    """As .csv, or else as .json; what `read_votes` reads."""
    rows = [asdict(vote) for vote in votes]
    if path.suffix.lower() != ".csv":
        return store.write_json(path, rows)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    store.write_bytes(path, text.getvalue().encode())
