"""Pictures as files: their names, and all of them on one page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from palate.types import Picture, Request

_CELL, _MARGIN, _ACROSS = 256, 230, 10  # of the contact sheet: pixels, pixels, pictures


def file_name(number: int, request: Request, private: bool) -> str:
    """0000-a-cat-above-a-cup.png; the number alone if the prompt is to stay private."""
    said = re.sub(r"[\W_]+", "-", request.prompt.split(",")[0].lower())[:40].strip("-")
    return f"{number:04d}-{said}.png" if said and private else f"{number:04d}.png"


def small(picture: Picture) -> NDArray[np.uint8]:
    """For the contact sheet."""
    import numpy as np
    from PIL import Image

    image = Image.fromarray(picture.pixels)
    image.thumbnail((_CELL, _CELL))
    return np.asarray(image)


def page(
    requests: Sequence[Request], pictures: Sequence[NDArray[np.uint8]], count: int, private: bool
) -> NDArray[np.uint8]:
    """Every picture, each row with its prompt and seeds beside it."""
    from palate.sheets import Row, sheet

    rows, lines = [], max(1, (max(p.shape[0] for p in pictures) - 20) // 15)
    for start, end in _rows(len(requests), count):
        first, last = requests[start], requests[end - 1]
        seeds = f"seed {first.seed}" if end - start == 1 else f"seeds {first.seed} to {last.seed}"
        said = shorten(first.prompt, 34 * lines, placeholder=" …") if private else ""
        rows.append(Row(pictures=pictures[start:end], title=seeds, note=said))
    return sheet(rows, margin=_MARGIN)


def _rows(number: int, count: int) -> Iterator[tuple[int, int]]:
    """Where each row starts and ends: a prompt's pictures, ten to a row."""
    for prompt in range(0, number, count):
        for start in range(prompt, prompt + count, _ACROSS):
            yield start, min(start + _ACROSS, prompt + count)
