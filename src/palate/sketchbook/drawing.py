"""From a scene to pixels."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from palate.errors import BadInput
from palate.sketchbook.canvas import paint
from palate.sketchbook.finish import finish
from palate.sketchbook.scenes import Scene, any_scene

SIZE = 128  # pixels a side, as the built-in models see the world
SIZES = (32, 1024)


def draw(scene: Scene, size: int = SIZE) -> NDArray[np.uint8]:
    """The picture of a scene, (size, size, 3); the same bytes in every process."""
    if not SIZES[0] <= size <= SIZES[1]:
        raise BadInput(
            f"A drawing of {size} px was asked for; {SIZES[0]} to {SIZES[1]} are allowed."
        )
    return finish(paint(scene, size), scene)


def fingerprint(scenes: int = 60) -> str:
    """One hash over many drawings: does this machine draw what others drew?"""
    pictures = hashlib.sha256()
    for seed in range(scenes):
        pictures.update(draw(any_scene(seed)).tobytes())
    return pictures.hexdigest()


# What fingerprint() must be. A change to the look of the world makes it a new world: models trained
# on the old one, and figures measured in it, no longer hold.
GOLDEN = "58155b74f7c7dc66bf38d4359d710842f5c258c327e805068cbacc20c5ca1ba8"
