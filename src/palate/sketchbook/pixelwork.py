"""Pixels, and maps laid over them.

Maps are made once per picture size and are the same in every picture, so that a finish is a few
array operations. They are rounded to coarse steps: no processor's own sine can change a picture.
Colours come first here, (3, side, side): long rows are what makes the arithmetic fast.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from palate.seeds import name_key, uniform
from palate.sketchbook.palettes import RGB

Pixels = NDArray[np.float32]  # (3, side, side), 0..255
Colour = NDArray[np.float32]  # (3, 1, 1)
Map = NDArray[np.float32]  # (side, side)


@lru_cache(maxsize=64)
def colour(rgb: RGB) -> Colour:
    """A colour to mix with pixels."""
    return np.asarray(rgb, np.float32).reshape(3, 1, 1)


def mix(a: Pixels | Colour, b: Pixels | Colour, share: Map | float) -> Pixels:
    """From a to b, by a share for each pixel or for all."""
    mixed = (b - a) * np.float32(share) if isinstance(share, float) else (b - a) * share
    mixed += a
    return mixed


@lru_cache(maxsize=8)
def grid(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pixel centres, x and y, 0..1."""
    at = (np.arange(size) + 0.5) / size
    y, x = np.meshgrid(at, at, indexing="ij")
    return x, y


def whole(values: NDArray[np.float64], steps: int = 255) -> Map:
    """A map in coarse steps."""
    return (np.round(values * steps) / steps).astype(np.float32)


def blotches(what: str, size: int, cells: int) -> NDArray[np.float64]:
    """Smooth noise -1..1 with about `cells` blotches a side, the same at every size."""
    knots = 2 * uniform(name_key(what), np.arange(cells + 2)[:, None], np.arange(cells + 2)) - 1
    at = grid(size)[0][0] * cells
    low = np.floor(at).astype(int)
    share = at - low
    share = share * share * (3 - 2 * share)
    rows = knots[low] * (1 - share)[:, None] + knots[low + 1] * share[:, None]
    return rows[:, low] * (1 - share) + rows[:, low + 1] * share
