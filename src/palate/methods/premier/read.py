"""From a taste to points: every picture is looked at, the same picture once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from palate.images import open_picture
from palate.methods.premier.eyes import Eyes, Pixels
from palate.types import Example, Taste

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """Points of what one person showed."""

    liked: Float[Tensor, "n F"]
    disliked: Float[Tensor, "m F"]


def look(tastes: Sequence[Taste], eyes: Eyes) -> list[Seen]:
    """Everybody's pictures in one go; copies of a picture tell nothing that it did not."""
    sides = [distinct(side) for taste in tastes for side in (taste.liked, taste.disliked)]
    points = eyes.see([pixels for side in sides for pixels in side])
    each = points.split([len(side) for side in sides])
    return [Seen(liked=each[i], disliked=each[i + 1]) for i in range(0, len(each), 2)]


def distinct(examples: Sequence[Example]) -> list[Pixels]:
    """Their pictures, opened; of those with the very same pixels one."""
    pictures = [open_picture(example.image) for example in examples]
    return list({(pixels.shape, pixels.tobytes()): pixels for pixels in pictures}.values())
