"""How a picture for a person is to look, which a method learns to say beside the flow.

What a person likes is a thousandth part of a flow's error, and is learned late from it alone. A
head on the features the flow is read from says the look: what the picture itself shows where little
noise is left, and the exact chances of what this person would choose where nothing else is. It is
left behind when training ends.

A teacher shows how: the flow that the base model itself has for the prompt with favourites told in
words, which a person's tokens are to bring about without them. Favourites are what their history
shows: asked for what it does not, tokens would say the mean of all that may be, which is no look.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from palate.backbones import FLUX, SDXL
from palate.recipes.crowd import looks_of
from palate.recipes.histories import Histories
from palate.recipes.looks import CHANCE, has
from palate.recipes.unaided import Asked
from palate.sketchbook.people import Affinities, World, affinities, likelier
from palate.sketchbook.vocabulary import OFFSETS, SIZES, VALUES
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
    """What everybody in a crowd wants, what their histories show of it, and what pictures beside
    these do."""

    looks: Int[Tensor, "people pairs 12"]
    wanted: Float[Tensor, "people 50"]
    favoured: Sequence[Sequence[Sequence[int]]]  # values, of each person, after each history

    @classmethod
    def of(cls, histories: Histories) -> Wishes:
        """Everybody whose histories these are."""
        people, looks = histories.crowd.numbers(), looks_of(histories.crowd)
        shown = [
            favoured(tallies(of_one, list(histories.places(int(person)))))
            for person, of_one in zip(people, looks, strict=True)
        ]
        return cls(looks=looks[:, 0, histories.history :], wanted=wishes(people), favoured=shown)

    def known(self, who: Int[Tensor, " B"], keep: Float[Tensor, " B"]) -> Float[Tensor, "B 50"]:
        """Chances of values for these people; of nobody only what chance gives."""
        return torch.lerp(CHANCE, self.wanted[who], keep[:, None])

    def told(
        self,
        prompts: Sequence[str],
        who: Int[Tensor, " B"],
        history: Int[Tensor, " B"],
        keep: Float[Tensor, " B"],
    ) -> list[str]:
        """The prompts with what these histories show; nobody likes nothing."""
        return with_favourites(prompts, self.shown(who, history, keep))

    def shown(
        self, who: Int[Tensor, " B"], history: Int[Tensor, " B"], keep: Float[Tensor, " B"]
    ) -> list[Sequence[int]]:
        """The values that these histories show to be liked; nobody likes nothing."""
        all_three = zip(who.tolist(), history.tolist(), keep.tolist(), strict=True)
        return [self.favoured[int(n)][int(turn)] if kept else () for n, turn, kept in all_three]


def _entropy(chances: Float[Tensor, "B K"]) -> Float[Tensor, ""]:
    """Less what nobody can know: sum of p log p."""
    return torch.xlogy(chances, chances).sum(1).mean()


def wishes(people: NDArray[np.int64], world: World | None = None) -> Float[Tensor, "people 50"]:
    """The exact chance of each value in a picture each person likes."""
    world = world or World()
    return CHANCE * torch.from_numpy(likelier(affinities(people, world), world)).float()


def tallies(looks: Int[Tensor, "2 pairs 12"], histories: Sequence[NDArray[np.int64]]) -> Affinities:
    """How many more of the liked pictures than of the disliked ones show each value, (n, 50)."""
    liked, disliked = has(looks).double().numpy()
    return np.stack([(liked[some] - disliked[some]).sum(0) for some in histories])


def favoured(liked: Affinities, most: int = 9) -> list[list[int]]:
    """What is liked best, one value of a dimension, of those the most loved; each row's numbers."""
    dimensions = [range(start, start + size) for start, size in zip(OFFSETS, SIZES, strict=True)]
    found = []
    for row in liked:
        best = [max(values, key=row.__getitem__) for values in dimensions]
        strongest = sorted((v for v in best if row[v] > 0), key=row.__getitem__, reverse=True)
        found.append(sorted(strongest[:most]))
    return found


def in_words(values: Sequence[int]) -> str:
    """As captions have them."""
    return ", ".join(PHRASES[VALUES[value][1]] for value in values)


def asked_for(values: Sequence[Sequence[int]]) -> Asked:
    """Pictures that have these values, a row for each picture; what else they have is free."""
    codes = torch.zeros(len(values), len(SIZES), dtype=torch.long)
    named = torch.zeros(len(values), len(SIZES), dtype=torch.bool)
    for row, some in enumerate(values):
        for value in some:
            dimension = bisect_right(OFFSETS, value) - 1
            codes[row, dimension], named[row, dimension] = value - OFFSETS[dimension], True
    return Asked(values=codes, named=named)


def with_favourites(prompts: Sequence[str], values: Sequence[Sequence[int]]) -> list[str]:
    """Each prompt and then the values its person likes."""
    both = zip(prompts, map(in_words, values), strict=True)
    return [", ".join(part for part in parts if part) for parts in both]


@torch.no_grad()
def told_flow(backbone: SDXL | FLUX, latents: Tensor, t: Tensor, asked: Sequence[str]) -> Tensor:
    """The teacher's: the base model's own for prompts with favourites.

    After the pass that learns: autocast keeps weights it has cast, and would keep them without
    gradients.
    """
    return backbone.predict(latents, t, backbone.encode(asked)).float()


def width_of(backbone: SDXL | FLUX) -> int:
    """How wide those features are."""
    pipe = backbone.pipe
    if isinstance(backbone, FLUX):
        return pipe.transformer.inner_dim
    return pipe.unet.config.block_out_channels[0]


def pooled(features: Tensor) -> Float[Tensor, "B C"]:
    """Their mean over all places, of a U-Net (B, C, H, W) or of a transformer (B, S, C)."""
    return features.mean((2, 3)) if features.ndim == 4 else features.mean(1)
