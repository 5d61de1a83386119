"""How a picture for a person is to look, which a method learns to say beside the flow.

What a person likes is a thousandth part of a flow's error, and is learned late from it alone. A
head on the features the flow is read from says the look: what the picture itself shows where little
noise is left, and the exact chances of what this person would choose where nothing else is. It is
left behind when training ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from palate.backbones import FLUX, SDXL
from palate.sketchbook.people import World, affinities
from palate.sketchbook.vocabulary import SIZES

if TYPE_CHECKING:
    from jaxtyping import Float, Int

CHANCE = torch.tensor([1 / size for size in SIZES for _ in range(size)])


class Wanting(nn.Module):
    """From features (B, width, ...) to the look."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.look = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, sum(SIZES)))

    def missed(
        self,
        features: Float[Tensor, "B C"],
        shown: Int[Tensor, "B 12"],
        wanted: Float[Tensor, "B 50"],
        noise: Float[Tensor, " B"],
    ) -> Float[Tensor, ""]:
        """How far it is from knowing what there is to know, in nats; `noise` goes from 0 to 1."""
        true = torch.cat(
            [F.one_hot(shown[:, n].long(), size) for n, size in enumerate(SIZES)], 1
        ).to(wanted)
        known = torch.lerp(true, wanted, noise[:, None]).split(SIZES, 1)
        said = self.look(features).float().split(SIZES, 1)
        each = [F.cross_entropy(s, k) + _entropy(k) for s, k in zip(said, known, strict=True)]
        return torch.stack(each).mean()


def _entropy(chances: Float[Tensor, "B K"]) -> Float[Tensor, ""]:
    """Less what nobody can know: sum of p log p."""
    return torch.xlogy(chances, chances).sum(1).mean()


def wishes(people: NDArray[np.int64], world: World | None = None) -> Float[Tensor, "people 50"]:
    """The exact chance of each value in a picture each person likes."""
    world = world or World()
    liked = torch.from_numpy(affinities(people, world)).float() / world.temperature
    by_taste = torch.cat([part.softmax(1) for part in liked.split(SIZES, 1)], 1)
    return torch.lerp(by_taste, CHANCE.expand_as(by_taste), world.neutral)


def last_layer(backbone: SDXL | FLUX) -> nn.Module:
    """What turns features into the flow."""
    pipe = backbone.pipe
    return pipe.transformer.proj_out if isinstance(backbone, FLUX) else pipe.unet.conv_out


def width_of(backbone: SDXL | FLUX) -> int:
    """How wide those features are."""
    pipe = backbone.pipe
    if isinstance(backbone, FLUX):
        return pipe.transformer.inner_dim
    return pipe.unet.config.block_out_channels[0]


def pooled(features: Tensor) -> Float[Tensor, "B C"]:
    """Their mean over all places, of a U-Net (B, C, H, W) or of a transformer (B, S, C)."""
    return features.mean((2, 3)) if features.ndim == 4 else features.mean(1)
