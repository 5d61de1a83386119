"""Who a picture shows and how they stand, read off all its places at once.

What stands where (see standing) is a truth about a drawing that a prompt does not give: a cat left
of a cup may be left of it anywhere. Who and how is what a prompt asks for, so of a picture painted
from noise this is what can be held against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn, tensor

from palate.backbones.judges import LAYOUTS, NOBODY, arrangement, truth
from palate.sketchbook.scenes import Scene
from palate.sketchbook.vocabulary import SUBJECTS

if TYPE_CHECKING:
    from jaxtyping import Float

KINDS = {"layout": len(LAYOUTS), "first": len(SUBJECTS), "second": len(SUBJECTS)}
_SIDE = 4  # parts of a picture a side: enough to tell left from right and above from below


class Arranged(nn.Module):
    """From features (B, width, H, W) to a layout and to one subject or two."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.says = nn.Sequential(
            nn.AdaptiveAvgPool2d(_SIDE), nn.Flatten(),
            nn.Linear(width * _SIDE**2, width), nn.SiLU(), nn.Linear(width, sum(KINDS.values())),
        )  # fmt: skip

    def forward(self, features: Float[Tensor, "B D H W"]) -> dict[str, Float[Tensor, "B K"]]:
        """What it says of each matter, as the judge does."""
        told = self.says(features).float().split(list(KINDS.values()), 1)
        return dict(zip(KINDS, told, strict=True))

    def best(self, features: Float[Tensor, "B D H W"]) -> list[tuple[str, ...]]:
        """The likeliest arrangement of each."""
        told = [said.argmax(1).tolist() for said in self(features).values()]
        return [arrangement(*row) for row in zip(*told, strict=True)]

    def missed(
        self, features: Float[Tensor, "B D H W"], scenes: Sequence[Scene]
    ) -> Float[Tensor, ""]:
        """How surprised it is by all three together, a mean over pictures; nobody's second is 0."""
        truths = [truth(scene) for scene in scenes]
        missed = features.new_zeros(())
        for name, said in self(features).items():
            right = tensor([t[name] for t in truths], device=said.device)
            missed = missed + F.cross_entropy(said, right, ignore_index=NOBODY, reduction="sum")
        return missed / len(scenes)
