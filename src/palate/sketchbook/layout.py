"""What is where: for each place in a picture, which subject, which part of it, and what falls."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import skia
from numpy.typing import NDArray

from palate.seeds import uniform
from palate.sketchbook.brushes import lay_out, nth
from palate.sketchbook.canvas import SCENE, standing
from palate.sketchbook.ornaments import FALLING, falling
from palate.sketchbook.scenes import Scene
from palate.sketchbook.vocabulary import SUBJECTS

PARTS = ("dark", "light", "glow", "first", "second", "third")  # by what they wear
FALLS = tuple(FALLING)


def layout(scene: Scene, size: int) -> NDArray[np.uint8]:
    """(size, size, 3): 0 or 1 + the number of a subject, of its part, and of what falls there."""
    numbers = uniform(scene.seed, SCENE, np.arange(12))
    codes = np.zeros((size, size, 4), np.uint8)
    with skia.Surface(codes, colorType=skia.kRGBA_8888_ColorType) as canvas:
        lay_out(canvas, size, scene["tilt"])
        for subject, parts in standing(canvas, scene, numbers):
            for role, shape, outlined in parts:
                if outlined is not None:
                    canvas.drawPath(outlined, _code(subject, "dark"))
                canvas.drawPath(shape, _code(subject, role))
        if (kind := scene["ornament"]) in FALLS:
            canvas.drawPath(falling(kind, nth(numbers[10])), _over(kind))
    return codes[:, :, :3]


@lru_cache
def _code(subject: str, role: str) -> skia.Paint:
    """Two numbers for a colour; its edges are hard, for there is nothing between two codes."""
    code = skia.Color(1 + SUBJECTS.index(subject), 1 + PARTS.index(role), 0)
    return skia.Paint(AntiAlias=False, Color=code)


@lru_cache
def _over(kind: str) -> skia.Paint:
    """A third number, beside the two that are there already."""
    code = skia.Color(0, 0, 1 + FALLS.index(kind))
    return skia.Paint(AntiAlias=False, Color=code, BlendMode=skia.BlendMode.kPlus)
