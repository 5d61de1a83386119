"""In front of everything: rain, snow, leaves, sparkles."""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi, sin

import skia

from palate.sketchbook.brushes import VARIANTS, Outline, brush, scattered, straight
from palate.sketchbook.palettes import Palette

FALLING = {
    "rain": (30, "dark", 0.8),
    "snow": (25, "light", 1.0),
    "leaves": (12, "second", 1.0),
    "sparkles": (10, "light", 1.0),
}  # how many, in which colour, how opaque


def ornament(canvas: skia.Canvas, kind: str, palette: Palette, variant: int) -> None:
    """One of the fields of rain, snow, leaves or sparkles."""
    _, role, alpha = FALLING[kind]
    if kind != "rain":  # an edge, or white snow would be lost on a white sky
        canvas.drawPath(falling(kind, variant), brush(palette.dark, 0.55))
    canvas.drawPath(_field(kind, variant, 1.0), brush(getattr(palette, role), alpha))


def falling(kind: str, variant: int) -> skia.Path:
    """All that falls or floats, with its edges."""
    return _field(kind, variant, 1.45)


@lru_cache(maxsize=8 * VARIANTS)
def _field(kind: str, variant: int, swollen: float) -> skia.Path:
    """The same at any size, as one path."""
    count, _, _ = FALLING[kind]
    one = {"rain": _drop, "snow": _flake, "leaves": _leaf, "sparkles": _spark}[kind]
    return straight(
        *(
            one(1.16 * x - 0.08, 1.16 * y - 0.08, r, swollen)
            for x, y, r in scattered(kind, variant, count)
        )
    )


def _drop(x: float, y: float, r: float, swollen: float) -> Outline:
    dx, dy, w = 0.03 * (0.7 + 0.3 * r), 0.05 * (0.7 + 0.3 * r), 0.0095 * swollen
    return [(x + dx - w, y - dy), (x + dx + w, y - dy), (x - dx + w, y + dy), (x - dx - w, y + dy)]


def _flake(x: float, y: float, r: float, swollen: float) -> Outline:
    size = (0.013 + 0.009 * r) * swollen
    return [(x + size * cos(pi * i / 4), y + size * sin(pi * i / 4)) for i in range(8)]


def _leaf(x: float, y: float, r: float, swollen: float) -> Outline:
    c, s = 0.055 * cos(2 * pi * r) * swollen, 0.055 * sin(2 * pi * r) * swollen
    side = [(-1.0, 0.0), (-0.3, 0.5), (0.4, 0.4), (1.0, 0.0), (0.4, -0.4), (-0.3, -0.5)]
    return [(x + u * c - v * s, y + u * s + v * c) for u, v in side]


def _spark(x: float, y: float, r: float, swollen: float) -> Outline:
    size = (0.042 + 0.025 * r) * swollen
    reach = (size if i % 2 == 0 else 0.3 * size for i in range(8))
    return [(x + d * cos(pi * i / 4), y + d * sin(pi * i / 4)) for i, d in enumerate(reach)]
