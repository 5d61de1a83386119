"""Scenes of the drawn world as training items, drawn when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.sketchbook.drawing import SIZE, draw
from palate.sketchbook.scenes import Scene, any_scene


@dataclass(frozen=True, kw_only=True)
class Drawings:
    """Item i is a scene of its own, its picture beside whatever is asked about it."""

    first: int  # seed of item 0; ranges of seeds keep training and testing apart
    count: int
    about: Callable[[Scene], Any]
    size: int = SIZE

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Any]:
        scene = any_scene(self.first + index)
        return draw(scene, self.size), self.about(scene)
