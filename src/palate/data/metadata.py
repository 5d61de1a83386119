"""metadata.csv of a picture folder, as Hugging Face's ImageFolder knows it.

file_name,prompt,comment
liked/a.png,a lighthouse at noon,love the light
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Set
from pathlib import Path, PurePosixPath
from unicodedata import normalize

TABLE = "metadata.csv"
COLUMNS = ("file_name", "prompt", "comment")  # further ones are nobody's concern

Words = dict[str, tuple[str | None, str | None]]  # file name -> prompt, comment
Fault = tuple[str, str]  # file, what is wrong with it


def read_words(folder: Path, pictures: Set[str]) -> tuple[Words, list[Fault]]:
    """What was said about the pictures of a folder, and every fault of the table."""
    known = {normalize("NFC", name): name for name in pictures}  # macOS saves names in NFD
    words: Words = {}
    faults: list[Fault] = []
    try:
        for line, row in _rows(folder / TABLE):
            name, fault = _named(row["file_name"] or "", known)
            if name in words:
                fault = f"names {name} a second time"
            if fault:
                faults.append((TABLE, f"line {line} {fault}"))
            else:
                words[name] = (_said(row.get("prompt")), _said(row.get("comment")))
    except csv.Error as fault:
        faults.append((TABLE, f"cannot be read as CSV ({fault})"))
    except _Unusable as fault:
        faults.append((TABLE, str(fault)))
    return words, faults


def write_words(words: Words) -> bytes:
    """The table for these pictures."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows((name, prompt or "", comment or "") for name, (prompt, comment) in words.items())
    return text.getvalue().encode()


class _Unusable(Exception):
    """Why the whole table cannot be used, worded to follow its name."""


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    if not path.exists():
        return
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    columns = reader.fieldnames or ()
    if "file_name" not in columns:
        raise _Unusable(
            f"has no column file_name (it has: {', '.join(map(repr, columns)) or 'nothing'}); its "
            f"first line must be {','.join(COLUMNS)}"
        )
    for row in reader:
        if None in row:
            raise _Unusable(
                f"line {reader.line_num} has more cells than the first line; put text that "
                'contains a comma in "quotes"'
            )
        yield reader.line_num, row


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # Excel marks its UTF-8
    except UnicodeDecodeError as error:
        raise _Unusable(f"is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise _Unusable(f"cannot be read ({error.strerror})") from None


def _named(given: str, known: dict[str, str]) -> tuple[str, str]:
    """The picture a cell names, or what is wrong with the cell."""
    path = PurePosixPath(given.strip())
    if path.is_absolute() or ".." in path.parts:
        return "", f"names {given!r}; a file_name stays inside the folder, like liked/a.png"
    name = known.get(normalize("NFC", str(path)))
    return (name, "") if name else ("", f"names {given!r}, which is not there")


def _said(cell: str | None) -> str | None:
    return (cell or "").strip() or None
