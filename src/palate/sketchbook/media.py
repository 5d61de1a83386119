"""Six media, each a function from flat pixels to pixels."""

from __future__ import annotations

from functools import lru_cache, reduce

import numpy as np
from numpy.typing import NDArray

from palate.sketchbook.pixelwork import Colour, Map, Pixels, blotches, grid, mix, whole


def _luminance(pixels: Pixels) -> Map:
    red, green, blue = pixels
    return red * np.float32(0.299) + green * np.float32(0.587) + blue * np.float32(0.114)


def _flat(pixels: Pixels, paper: Colour, ink: Colour) -> Pixels:
    return pixels


def _ink(pixels: Pixels, paper: Colour, ink: Colour) -> Pixels:
    """Brush and ink: what is dark runs black, what is bright stays paper, the rest is a wash."""
    brush = brush_map(pixels.shape[-1])
    level = _luminance(pixels) + np.float32(26) * brush
    wash = mix(paper, pixels, np.float32(0.76) + np.float32(0.24) * brush)
    return np.where(level < 50, np.float32(0.35) * ink, np.where(level > 212, paper, wash))


def _watercolor(pixels: Pixels, paper: Colour, ink: Colour) -> Pixels:
    """Edges wander, pigment settles in blotches, and the paper shines through."""
    source, pigment = bleed_map(pixels.shape[-1])
    return mix(_from(pixels, source), paper, pigment)


def _pointillist(pixels: Pixels, paper: Colour, ink: Colour) -> Pixels:
    """Each dot takes the colour under its middle; paper between the dots."""
    source, cover = dots_map(pixels.shape[-1])
    return mix(mix(pixels, paper, 0.55), _from(pixels, source), cover)


def _hatched(pixels: Pixels, paper: Colour, ink: Colour) -> Pixels:
    """Strokes one way in the mid tones, crossed in the darker; chalk strokes on the darkest."""
    tone, (single, crossed) = _luminance(pixels), hatch_map(pixels.shape[-1])
    chalk = tone < 70
    strokes = np.where(chalk, single, np.where(tone < 130, crossed, single))
    share = np.float32(0.55) - np.float32(0.25) * chalk
    return mix(mix(pixels, paper, 0.15), np.where(chalk, paper, ink), share * strokes)


def _pixel(pixels: Pixels, paper: Colour, ink: Colour) -> Pixels:
    """Coarse squares and few colours."""
    size = pixels.shape[-1]
    side = max(1, size // 42)
    count = -(-size // side)
    beyond = count * side - size
    if beyond:
        pixels = np.pad(pixels, ((0, 0), (0, beyond), (0, beyond)), mode="edge")
    columns = reduce(np.add, (pixels[:, :, i::side] for i in range(side)))
    sums = reduce(np.add, (columns[:, i::side] for i in range(side)))
    few = np.round(sums / np.float32(36 * side * side)) * np.float32(36)
    return few.repeat(side, axis=1).repeat(side, axis=2)[:, :size, :size]


MEDIA = {
    "flat": _flat,
    "ink": _ink,
    "watercolor": _watercolor,
    "pointillist": _pointillist,
    "hatched": _hatched,
    "pixel": _pixel,
}


def _from(pixels: Pixels, source: NDArray[np.int64]) -> Pixels:
    """Every pixel takes the colour found at another place."""
    return pixels.reshape(3, -1).take(source, axis=1)


@lru_cache(maxsize=8)
def brush_map(size: int) -> Map:
    """A dry brush: streaks along one diagonal, -1..1."""
    x, y = grid(size)
    streaks = np.sin(130 * (x + 0.7 * y) + 5 * blotches("streaks", size, 9))
    return whole(0.5 * streaks + 0.5 * blotches("brush", size, 30), 63)


@lru_cache(maxsize=8)
def bleed_map(size: int) -> tuple[NDArray[np.int64], Map]:
    """From which pixel each takes its colour, and how much paper shows."""
    x, y = grid(size)
    wander = 0.013
    row = y + wander * (blotches("bleed-y", size, 12) + 0.6 * blotches("bleed-y2", size, 27))
    column = x + wander * (blotches("bleed-x", size, 12) + 0.6 * blotches("bleed-x2", size, 27))
    pigment = 0.26 + 0.22 * blotches("pigment", size, 10) + 0.08 * blotches("fine", size, 40)
    return _place(row, column, size), whole(np.clip(pigment, 0, 1))


def _place(y: NDArray[np.float64], x: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """The index of the pixel at (y, x), rows one after another."""
    row, column = (np.clip(np.floor(at * size), 0, size - 1).astype(np.int64) for at in (y, x))
    return row * size + column


@lru_cache(maxsize=8)
def dots_map(size: int, across: int = 40) -> tuple[NDArray[np.int64], Map]:
    """For every pixel the middle of its dot, and how far it is covered."""
    x, y = grid(size)
    line = np.floor(y * across)
    shift = 0.5 * (line % 2)  # every second line stands between the dots of the first
    cx = (np.floor(x * across - shift) + 0.5 + shift) / across
    cy = (line + 0.5) / across
    away = np.hypot(x - cx, y - cy) * across
    return _place(cy, cx, size), whole(np.clip((0.54 - away) * 5, 0, 1))


@lru_cache(maxsize=8)
def hatch_map(size: int, across: int = 30) -> tuple[Map, Map]:
    """Strokes one way, and both ways."""
    x, y = grid(size)
    waver = 0.25 * blotches("hatch", size, 8)

    def lines(along: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(2.4 * (np.abs(2 * ((along * across + waver) % 1) - 1) - 0.5), 0, 1)

    one, other = lines(x + y), lines(x - y)
    return whole(one), whole(np.maximum(one, other))
