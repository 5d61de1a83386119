"""What stands where: for each place in a picture, which subject is there and which part of it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import skia
from numpy.typing import NDArray

from palate.seeds import uniform
from palate.sketchbook.brushes import lay_out
from palate.sketchbook.canvas import SCENE, standing
from palate.sketchbook.scenes import Scene
from palate.sketchbook.vocabulary import SUBJECTS

PARTS = ("dark", "light", "glow", "first", "second", "third")  # by what they wear


def layout(scene: Scene, size: int) -> NDArray[np.uint8]:
    """(size, size, 2): 0 for nobody or 1 + the subject's number, and the same for its part."""
    numbers = uniform(scene.seed, SCENE, np.arange(12))
    codes = np.zeros((size, size, 4), np.uint8)
    with skia.Surface(codes, colorType=skia.kRGBA_8888_ColorType) as canvas:
        lay_out(canvas, size, scene["tilt"])
        for subject, parts in standing(canvas, scene, numbers):
            for role, shape, outlined in parts:
                if outlined is not None:
                    canvas.drawPath(outlined, _code(subject, "dark"))
                canvas.drawPath(shape, _code(subject, role))
    return codes[:, :, :2]


@lru_cache
def _code(subject: str, role: str) -> skia.Paint:
    """Two numbers for a colour; its edges are hard, for there is nothing between two codes."""
    code = skia.Color(1 + SUBJECTS.index(subject), 1 + PARTS.index(role), 0)
    return skia.Paint(AntiAlias=False, Color=code)
