"""Trained people met as if they were new: placed by a few pictures, as everybody later is.

A person who is placed by sixteen pictures is quieter and less sure than the tokens they learned as
one of the trained, and what turns the base model would never have heard such. Of trained people
read from their own tokens 89.7 % taste is reached, of the same people placed by eight liked and
eight disliked pictures 84.1 % (40 people). So a share of each batch is placed, and is to look as
those pictures show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.errors import BadInput
from palate.methods.premier.newcomers import placed
from palate.methods.premier.users import Known
from palate.recipes.gallery import Which
from palate.recipes.wanting import favoured

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, kw_only=True)
class Meetings:
    """How many of a batch, its last ones, and after how many pictures of either side."""

    share: float = 0.0
    histories: tuple[int, ...] = (4, 8, 16)  # one of these for all of a batch

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1 or not self.histories or min(self.histories) < 1:
            raise BadInput(
                f"A share of {self.share} is met after {self.histories} pictures: give a share "
                "from 0 to 1, and histories of at least 1."
            )

    @property
    def most(self) -> int:
        """Pictures of either side that somebody must have."""
        return max(self.histories)

    def rows(self, batch: int) -> slice:
        """Which of a batch."""
        return slice(batch - round(self.share * batch), batch)


@dataclass(frozen=True, kw_only=True, eq=False)
class Met:
    """What some people's pictures say of them."""

    coefficients: Float[Tensor, "B N"]
    favoured: Sequence[Sequence[int]]  # values that these pictures show to be liked


@dataclass(frozen=True, kw_only=True, eq=False)
class Gathering:
    """Everybody's pictures: where they lie, and what they show."""

    known: Known
    points: Float[Tensor, "shown A"]
    values: Float[Tensor, "shown 50"]
    chosen: tuple[Which, Which]

    def meet(self, who: Sequence[int], pictures: int, generator: torch.Generator) -> Met:
        """These people, by so many pictures that they like, and as many that they do not."""
        sides = [torch.stack([_some(s[n], pictures, generator) for n in who]) for s in self.chosen]
        liked, disliked = (self.points[which].mean(1) for which in sides)
        shows = self.values[sides[0]].sum(1) - self.values[sides[1]].sum(1)
        uncertain = self.known.noise * (2 / pictures)
        found = placed(self.known.difference(), liked - disliked, uncertain)
        return Met(coefficients=found, favoured=favoured(shows.double().numpy()))


def _some(which: NDArray[np.int64], count: int, generator: torch.Generator) -> Tensor:
    """Some of a person's pictures, none twice."""
    return torch.from_numpy(which)[torch.randperm(len(which), generator=generator)[:count]]
