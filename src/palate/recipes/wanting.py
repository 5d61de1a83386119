"""How a picture for a person is to look, which a method learns to say beside the flow.

What a person likes is a thousandth part of a flow's error, and is learned late from it alone. A
head on the features the flow is read from says the look: what the picture itself shows where little
noise is left, and the exact chances of what this person would choose where nothing else is. It is
left behind when training ends.

A teacher shows how: the flow that the base model itself has for the prompt with the person's
favourites told in words, which their tokens are to bring about without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from palate.backbones import FLUX, SDXL
from palate.recipes.crowd import Crowd, looks_of
from palate.recipes.looks import CHANCE, has
from palate.sketchbook.people import World, affinities, attributes, likelier
from palate.sketchbook.vocabulary import SIZES, VALUES
from palate.sketchbook.words import PHRASES

if TYPE_CHECKING:
    from jaxtyping import Float, Int


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
        known = torch.lerp(has(shown), wanted, noise[:, None]).split(SIZES, 1)
        said = self.look(features).float().split(SIZES, 1)
        each = [F.cross_entropy(s, k) + _entropy(k) for s, k in zip(said, known, strict=True)]
        return torch.stack(each).mean()


@dataclass(frozen=True, kw_only=True, eq=False)
class Wishes:
    """What everybody in a crowd wants, and what the pictures they like show."""

    looks: Int[Tensor, "people pairs 12"]
    wanted: Float[Tensor, "people 50"]
    words: Sequence[str]

    @classmethod
    def of(cls, crowd: Crowd, skip: int) -> Wishes:
        """Without the pairs that are histories, the first ones."""
        people = crowd.numbers()
        looks = looks_of(crowd)[:, 0, skip:]
        return cls(looks=looks, wanted=wishes(people), words=favourites(people))

    def known(self, who: Int[Tensor, " B"], keep: Float[Tensor, " B"]) -> Float[Tensor, "B 50"]:
        """Chances of values for these people; of nobody only what chance gives."""
        return torch.lerp(CHANCE, self.wanted[who], keep[:, None])

    def told(
        self, prompts: Sequence[str], who: Int[Tensor, " B"], keep: Float[Tensor, " B"]
    ) -> list[str]:
        """The prompts with what these people like best; nobody likes nothing."""
        both = zip(who.tolist(), keep.tolist(), strict=True)
        return with_favourites(prompts, [self.words[int(n)] if kept else "" for n, kept in both])


def _entropy(chances: Float[Tensor, "B K"]) -> Float[Tensor, ""]:
    """Less what nobody can know: sum of p log p."""
    return torch.xlogy(chances, chances).sum(1).mean()


def wishes(people: NDArray[np.int64], world: World | None = None) -> Float[Tensor, "people 50"]:
    """The exact chance of each value in a picture each person likes."""
    world = world or World()
    return CHANCE * torch.from_numpy(likelier(affinities(people, world), world)).float()


def favourites(people: NDArray[np.int64], most: int = 9) -> list[str]:
    """What each person likes best, one value of a dimension, as captions have them."""
    place = {value: n for n, (_, value) in enumerate(VALUES)}
    matter = {value: dimension for dimension, value in VALUES}
    found = []
    for liked in affinities(people, World()):
        best: dict[str, str] = {}
        for value in attributes(liked)[0]:
            best.setdefault(matter[value], value)
        said = sorted(list(best.values())[:most], key=place.__getitem__)
        found.append(", ".join(PHRASES[value] for value in said))
    return found


def with_favourites(prompts: Sequence[str], words: Sequence[str]) -> list[str]:
    """Each prompt and then what its person likes."""
    both = zip(prompts, words, strict=True)
    return [", ".join(part for part in parts if part) for parts in both]


def width_of(backbone: SDXL | FLUX) -> int:
    """How wide those features are."""
    pipe = backbone.pipe
    if isinstance(backbone, FLUX):
        return pipe.transformer.inner_dim
    return pipe.unet.config.block_out_channels[0]


def pooled(features: Tensor) -> Float[Tensor, "B C"]:
    """Their mean over all places, of a U-Net (B, C, H, W) or of a transformer (B, S, C)."""
    return features.mean((2, 3)) if features.ndim == 4 else features.mean(1)
