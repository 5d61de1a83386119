"""Behind the subjects: plain, gradient, hills or stripes, and what stands in the sky."""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi, sin

import numpy as np
import skia
from numpy.typing import NDArray

from palate.sketchbook.brushes import (
    VARIANTS,
    Numbers,
    Outline,
    brush,
    colours,
    lay_out,
    nth,
    path_in,
    points,
    scattered,
    straight,
)
from palate.sketchbook.palettes import Palette, blend
from palate.sketchbook.scenes import Scene
from palate.sketchbook.shapes import disc, in_language

BACKDROP = ("backdrop", "palette", "light", "shape", "tilt")  # what `backdrop` depends on


@lru_cache(maxsize=1024)
def backdrop(
    kind: str, palette_name: str, light: str, shape: str, tilt: str, size: int
) -> NDArray[np.uint8]:
    """The part of a picture that no seed changes."""
    palette = colours(palette_name, light)
    pixels = np.empty((size, size, 4), np.uint8)
    with skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType) as canvas:
        canvas.clear(skia.Color(*palette.sky))
        lay_out(canvas, size, tilt)
        if kind == "gradient":
            deep = blend(palette.ground, palette.dark, 0.3)
            # Bands, not a shader: flat steps look the same on every processor.
            for i in range(-8, 40):
                share = min(max(i / 31, 0.0), 1.0)
                band = skia.Rect.MakeLTRB(-1, i / 32, 2, 2)
                canvas.drawRect(band, brush(blend(palette.sky, deep, share)))
        elif kind == "stripes":
            canvas.drawPath(_stripes(shape), brush(blend(palette.low, palette.ground, 0.6)))
    return pixels


# How far a line strays from straight: broad waves when rounded, a shiver when wobbly.
_STRAY = {"rounded": (0.035, 9.0), "angular": (0.0, 1.0), "wobbly": (0.016, 37.0)}


@lru_cache(maxsize=3)
def _stripes(shape: str) -> skia.Path:
    reach, pace = _STRAY[shape]
    y = np.linspace(1.5, -0.5, 80)
    left = (1.5 - y) / 2 - 0.5 + reach * np.sin(pace * y)
    edges = [left + (i - 4) / 6 for i in range(16)]
    bands = (np.concatenate([_line(x, y), _line(x + 1 / 12, y)[::-1]]) for x in edges)
    return straight(*bands)


def _line(x: Numbers, y: Numbers) -> Numbers:
    return np.stack([x, y], axis=1)


@lru_cache(maxsize=3 * VARIANTS)
def _hills(variant: int, shape: str) -> tuple[skia.Path, skia.Path]:
    """A far line of hills and a near one."""
    phase = 2 * pi * variant / VARIANTS
    x = np.linspace(-0.5, 1.5, 12 if shape == "angular" else 160)  # few points make peaks
    rough = _STRAY[shape][0] * np.sin(_STRAY[shape][1] * 1.7 * x) if shape == "wobbly" else 0.0
    far = 0.6 + 0.08 * np.sin(5.2 * x + phase) + 0.04 * np.sin(11 * x + 2 * phase) + rough
    near = 0.76 + 0.06 * np.sin(4.1 * x - phase) + 0.03 * np.sin(9 * x + phase) + rough
    return _below(x, far), _below(x, near)


def _below(x: Numbers, y: Numbers) -> skia.Path:
    return straight([*zip(x, y, strict=True), (1.5, 1.6), (-0.5, 1.6)])


def in_the_sky(canvas: skia.Canvas, scene: Scene, palette: Palette, numbers: Numbers) -> None:
    """Noon has a sun with rays, dusk half a sun on the horizon, night a moon and stars."""
    light, shape, right = scene["light"], scene["shape"], bool(numbers[2] < 0.5)
    if light == "noon":
        canvas.drawPath(_sun(0.82 if right else 0.18, shape), brush(palette.glow))
    elif light == "dusk":
        x = 0.7 if right else 0.3
        canvas.drawPath(_disc(x, 0.66, 0.36, shape), brush(palette.glow, 0.4))
        canvas.drawPath(_disc(x, 0.66, 0.24, shape), brush(palette.glow))
    elif light == "night":
        path = _moon_and_stars(0.82 if right else 0.18, nth(numbers[3]))
        canvas.drawPath(path, brush(palette.glow))


@lru_cache(maxsize=16)
def _disc(x: float, y: float, r: float, shape: str) -> skia.Path:
    """A disc in one shape language: round, seven-sided, or trembling."""
    points = in_language(disc("glow", 0, 0, 1), shape, 0.0) * r + (x, y)
    return path_in(shape)(points)


@lru_cache(maxsize=6)
def _sun(x: float, shape: str, y: float = 0.18) -> skia.Path:
    rays = straight(*(_ray(x, y, 2 * pi * i / 10) for i in range(10)))
    path = skia.Path(_disc(x, y, 0.085, shape))
    path.addPath(rays)
    return path


def _ray(x: float, y: float, turn: float) -> Outline:
    c, s = cos(turn), sin(turn)
    corners = ((0.11, -0.013), (0.155, -0.009), (0.155, 0.009), (0.11, 0.013))
    return [(x + u * c - v * s, y + u * s + v * c) for u, v in corners]


@lru_cache(maxsize=2 * VARIANTS)
def _moon_and_stars(x: float, variant: int) -> skia.Path:
    t = np.linspace(0.25 * pi, 1.75 * pi, 20)
    s = np.linspace(1.7 * pi, 0.3 * pi, 20)
    outer = np.stack([x + 0.1 * np.cos(t), 0.18 + 0.1 * np.sin(t)], axis=1)
    inner = np.stack([x + 0.045 + 0.075 * np.cos(s), 0.18 + 0.088 * np.sin(s)], axis=1)
    path = skia.PathBuilder()
    path.addPolygon(points(np.concatenate([outer, inner])), True)
    for star_x, star_y, r in scattered("stars", variant, 16):
        path.addCircle(star_x, 0.62 * star_y, 0.006 + 0.007 * r)
    return path.detach()


def hills(canvas: skia.Canvas, scene: Scene, palette: Palette, numbers: Numbers) -> None:
    """Two lines of hills, in front of what stands in the sky."""
    if scene["backdrop"] == "hills":
        far, near = _hills(nth(numbers[1]), scene["shape"])
        canvas.drawPath(far, brush(palette.low))
        canvas.drawPath(near, brush(palette.ground))
