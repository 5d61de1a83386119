"""Boxes to weights: each place of the picture shares itself out among regions, sum 1.

Boxes are (left, top, right, bottom), each 0 to 1, painted back to front.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from palate.errors import BadInput

if TYPE_CHECKING:
    from jaxtyping import Float, Int

Box = tuple[float, float, float, float]


def partition(
    boxes: Sequence[Box], height: int, width: int, *, feather: float = 0.03
) -> Float[Tensor, "R+1 height width"]:
    """M_c for every box, then the background's: sum_c M_c = 1 at every place.

    Every place has one owner; feathering is an average, and averages keep the sum. `feather` is
    the reach of the blur, in parts of the shorter side (0.02 to 0.04 hides seams).
    """
    hard = F.one_hot(owners(boxes, height, width), len(boxes) + 1).permute(2, 0, 1).float()
    return blur(hard, round(feather * min(height, width)))


def owners(boxes: Sequence[Box], height: int, width: int) -> Int[Tensor, "height width"]:
    """Who owns each place: the last box painted over it, else the background (len(boxes))."""
    canvas = torch.full((height, width), len(boxes), dtype=torch.int64)
    for number, (left, top, right, bottom) in enumerate(boxes):
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise BadInput(
                f"Box {number} is {boxes[number]}; a box is (left, top, right, bottom), each from "
                "0 to 1, left before right and top before bottom."
            )
        rows = slice(round(top * height), round(bottom * height))
        columns = slice(round(left * width), round(right * width))
        canvas[rows, columns] = number
    return canvas


def blur(x: Float[Tensor, "R height width"], reach: int) -> Float[Tensor, "R height width"]:
    """The mean over a square of 2 reach + 1 places a side; edges are repeated outwards."""
    if reach < 1:
        return x
    side = 2 * reach + 1
    x = F.avg_pool2d(F.pad(x[None], (reach, reach, 0, 0), "replicate"), (1, side), stride=1)
    return F.avg_pool2d(F.pad(x, (0, 0, reach, reach), "replicate"), (side, 1), stride=1)[0]


def on_grid(
    mask: Float[Tensor, "B height width"], rows: int, columns: int
) -> Float[Tensor, "B rows*columns 1"]:
    """The mask's mean over each place of a grid. Linear: what summed to one still does."""
    return F.adaptive_avg_pool2d(mask, (rows, columns)).flatten(1)[..., None]


def grid_of(height: int, width: int, places: int) -> tuple[int, int]:
    """Rows and columns of the layer that has so many places: sides are halved, rounding up."""
    rows, columns = height, width
    while rows * columns > places and rows * columns > 1:
        rows, columns = -(-rows // 2), -(-columns // 2)
    assert rows * columns == places, (height, width, places)
    return rows, columns
