"""What Premier sees of pictures: where a CLIP places them, or what a reader sees before any text.

Of either the few axes are kept along which pictures differ most. A reader's eyes were taught what
is in a picture and tell how pictures look nearly twice as well as a CLIP's points; where no such
reader is at hand, a CLIP does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.backbones.clips import Clip
from palate.backbones.reader import Reader
from palate.types import Mark

if TYPE_CHECKING:
    from jaxtyping import Float

Sees = Clip | Reader
Pixels = NDArray[np.uint8]
KEPT = torch.float16  # where people stand and the axes; caches of points are such, too
AXES = 64  # as good as all 384 numbers of the built-in reader: R² of taste 0.45 and 0.46
LOOKED = 4000  # pictures from which axes are found


class Eyes:
    """A CLIP's or a reader's, along some axes."""

    def __init__(self, partner: Sees, axes: Float[Tensor, "F A"]) -> None:
        self.partner, self.axes, self.mark = partner, axes, mark(partner)

    @classmethod
    def of(cls, partner: Sees, points: Float[Tensor, "N F"], most: int = AXES) -> Eyes:
        """Along those on which these points lie farthest apart."""
        return cls(partner, principal(points[:LOOKED], most))

    @property
    def kind(self) -> str:
        """The shelf of the catalog where the partner is found."""
        return "reader" if isinstance(self.partner, Reader) else "clip"

    def see(self, pictures: Sequence[Pixels]) -> Float[Tensor, "N A"]:
        """Where each picture lies."""
        return self.along(points(self.partner, pictures).cpu())

    def along(self, points: Float[Tensor, "N F"]) -> Float[Tensor, "N A"]:
        """Points on those axes."""
        return points @ self.axes


def points(partner: Sees, pictures: Sequence[Pixels]) -> Float[Tensor, "N F"]:
    """All that is seen in each picture, in a row."""
    return partner.see(pictures).float().flatten(1)


def mark(partner: Sees) -> Mark:
    """Whose eyes they are; that a reader learns to read better does not change its eyes."""
    if isinstance(partner, Reader):
        return Mark(name=partner.name, fingerprint=partner.eyes)
    return partner.mark


def principal(points: Float[Tensor, "N F"], most: int) -> Float[Tensor, "F A"]:
    """The axes along which points lie farthest apart, the farthest first."""
    found = torch.linalg.svd((points - points.mean(0)).double(), full_matrices=False)
    return found.Vh[:most].T.to(KEPT).float()
