"""People of one mind, made up from pictures that others were shown: a reader's first lessons.

Who likes a little of everything says little in eight pairs, and a reader that cannot compare
pictures yet hears only noise. Here one to three dimensions are all a person cares for, and what
they like and dislike are the ends of some hundred pictures. Who can read them learns the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from palate.sketchbook.people import attributes
from palate.sketchbook.vocabulary import OFFSETS, SIZES
from palate.sketchbook.words import PHRASES

if TYPE_CHECKING:
    from jaxtyping import Float, Int

MOST = 3  # dimensions one of them cares for
OFFERED = 128  # pictures they choose from


@dataclass(frozen=True, kw_only=True, eq=False)
class Mind:
    """What such a person cares for, and which pictures they like and dislike."""

    likes: Float[Tensor, " 50"]  # of unit mean square
    pictures: Int[Tensor, "2 pairs"]  # places among the looks they were drawn for; liked first

    @property
    def words(self) -> str:
        """What they like in words, strongest first."""
        return ", ".join(PHRASES[value] for value in attributes(self.likes.numpy())[0])


def mind(looks: Int[Tensor, "N 12"], pairs: int, generator: torch.Generator) -> Mind:
    """Somebody new."""
    cares = torch.randperm(len(SIZES), generator=generator)
    cares = cares[: 1 + int(torch.randint(MOST, (1,), generator=generator))]
    likes = torch.zeros(sum(SIZES))
    for dimension in cares.tolist():
        values = torch.randn(SIZES[dimension], generator=generator)
        some = slice(OFFSETS[dimension], OFFSETS[dimension] + SIZES[dimension])
        likes[some] = values - values.mean()
    likes /= likes.square().mean().sqrt()
    offered = torch.randint(len(looks), (max(OFFERED, 2 * pairs),), generator=generator)
    pleases = likes[looks[offered].long() + torch.tensor(OFFSETS)].sum(1)
    order = offered[pleases.argsort()]
    return Mind(likes=likes, pictures=torch.stack([order[-pairs:], order[:pairs]]))
