"""What everything on the canvas is drawn with: colours of the hour, brushes, paths, places."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import product

import numpy as np
import skia
from numpy.typing import NDArray

from palate.seeds import name_key, uniform
from palate.sketchbook.palettes import PALETTES, RGB, Palette

VARIANTS = 8  # of each subject, ornament field and hill line
TILT = {"level": 0.0, "leaning left": -13.0, "leaning right": 13.0}  # degrees, clockwise

Numbers = NDArray[np.float64]
Outline = list[tuple[float, float]]


def nth(number: float) -> int:
    """Which of the variants a number in [0, 1) means."""
    return int(number * VARIANTS)


@lru_cache(maxsize=128)
def colours(name: str, light: str, turn: int = 0) -> Palette:
    """A palette at an hour, its three subject colours turned."""
    palette = PALETTES[name].turned(turn)
    return palette.at_night() if light == "night" else palette


def lay_out(canvas: skia.Canvas, size: int, tilt: str) -> None:
    """From here on the picture is 1 x 1, turned about its middle."""
    canvas.scale(size, size)
    canvas.rotate(TILT[tilt], 0.5, 0.5)


@lru_cache(maxsize=4096)
def brush(colour: RGB, alpha: float = 1.0) -> skia.Paint:
    """Flat colour with smooth edges."""
    return skia.Paint(AntiAlias=True, Color=skia.Color(*colour, round(alpha * 255)))


Corners = Iterable[tuple[float, float]] | NDArray[np.float64]


def straight(*outlines: Corners) -> skia.Path:
    """Closed outlines with straight sides."""
    path = skia.PathBuilder()
    for corners in outlines:
        path.addPolygon(points(corners), True)
    return path.detach()


def points(corners: Corners) -> list[skia.Point]:
    """Corners as skia wants them."""
    return [skia.Point(float(x), float(y)) for x, y in corners]


def path_in(shape: str) -> Callable[[Numbers], skia.Path]:
    """How outlines become paths in a shape language."""
    return straight if shape == "angular" else soft


def soft(corners: NDArray[np.float64]) -> skia.Path:
    """A closed outline whose corners only pull: a quadratic spline through the sides' middles."""
    middles = (corners + np.roll(corners, 1, axis=0)) / 2
    path = skia.PathBuilder()
    path.moveTo(*map(float, middles[0]))
    for corner, end in zip(corners, np.roll(middles, -1, axis=0), strict=True):
        path.quadTo(*map(float, (*corner, *end)))
    path.close()
    return path.detach()


def scattered(what: str, variant: int, count: int) -> list[tuple[float, float, float]]:
    """Places spread evenly over the picture with some play, and a third number each."""
    side = int(np.ceil(np.sqrt(count)))
    play = uniform(name_key(what), variant, np.arange(side * side)[:, None], np.arange(3))
    cells = list(product(range(side), range(side)))[:count]
    return [
        ((i + 0.15 + 0.7 * u) / side, (j + 0.15 + 0.7 * v) / side, float(w))
        for (i, j), (u, v, w) in zip(cells, play[:count].tolist(), strict=True)
    ]
