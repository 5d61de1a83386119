"""Contact sheets: rows of pictures with a word beside each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]  # (height, width, 3)

PAPER, INK, FAINT = (255, 255, 255), (40, 40, 46), (120, 120, 128)
GAP = 6
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, kw_only=True)
class Row:
    """Some pictures, a title and a fainter line under it. No pictures: a heading."""

    pictures: Sequence[Pixels] = ()
    title: str = ""
    note: str = ""


def sheet(rows: Sequence[Row], *, margin: int = 0) -> Pixels:
    """Rows one under another; titles stand in a left margin of so many pixels, if any."""
    cell = max((max(p.shape[:2]) for row in rows for p in row.pictures), default=0)
    across = max((len(row.pictures) for row in rows), default=0)
    heights = [cell + GAP if row.pictures else 36 for row in rows]
    size = (margin + across * (cell + GAP) + GAP, sum(heights) + GAP)
    page = Image.new("RGB", size, PAPER)
    top = GAP
    for row, height in zip(rows, heights, strict=True):
        _lay(page, row, top, cell, margin)
        top += height
    return np.asarray(page)


def _lay(page: Image.Image, row: Row, top: int, cell: int, margin: int) -> None:
    for i, picture in enumerate(row.pictures):
        page.paste(Image.fromarray(picture), (margin + GAP + i * (cell + GAP), top))
    pen, font, small = ImageDraw.Draw(page), ImageFont.load_default(15), ImageFont.load_default(12)
    pen.text((GAP, top + 4), row.title, fill=INK, font=font)
    for i, line in enumerate(_wrapped(row.note, small, (margin or page.width) - 2 * GAP)):
        pen.text((GAP, top + 26 + 15 * i), line, fill=FAINT, font=small)


def _wrapped(text: str, font: Font, width: int) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and font.getlength(longer) > width:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines
