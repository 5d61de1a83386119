"""The people who were trained with: a row of tokens each, and how what they like looks.

Users   what the modulator hears of a person; learned
Known   where their liked and disliked pictures lie, as Eyes see them; fixed. By these somebody new
        is placed among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from palate.errors import BadTaste, Mismatch
from palate.methods.premier.eyes import KEPT
from palate.methods.premier.model import Sizes

if TYPE_CHECKING:
    from jaxtyping import Float

LEAST = 2  # pictures of a trained person on either side: one says nothing of how they differ
RIDGE = 0.03  # of the mean variance; from 0.01 to 0.3 new people are placed equally well


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """What N people's pictures look like."""

    likes: Float[Tensor, "N F"]  # where each person's liked pictures lie in the mean
    dislikes: Float[Tensor, "N F"]
    noise: Float[Tensor, "F F"]  # how one picture differs from its person's mean: a covariance

    @classmethod
    def of(
        cls, liked: Sequence[Float[Tensor, "n F"]], disliked: Sequence[Float[Tensor, "m F"]]
    ) -> Known:
        """From everybody's points."""
        for what, side in (("liked", liked), ("disliked", disliked)):
            for number, points in enumerate(side):
                if len(points) < LEAST:
                    raise BadTaste(
                        f"Person {number} of the training set has {len(points)} {what} pictures; "
                        f"everybody needs {LEAST} at least. Leave them out, or add pictures."
                    )
        sides, noise = [*liked, *disliked], torch.zeros(())
        for points in sides:  # one by one: thousands of covariances at once would fill memory
            noise = noise + points.double().T.cov() / len(sides)
        likes, dislikes = (
            torch.stack([p.mean(0) for p in side]).to(KEPT).float() for side in (liked, disliked)
        )
        return cls(likes=likes, dislikes=dislikes, noise=noise.float())

    def difference(self) -> Float[Tensor, "N F"]:
        """What each person likes, less what they do not."""
        return self.likes - self.dislikes

    def tensors(self) -> dict[str, Tensor]:
        """By name, as a file keeps them."""
        means = {"likes": self.likes.to(KEPT), "dislikes": self.dislikes.to(KEPT)}
        return {**means, "noise": self.noise}

    @classmethod
    def taken(cls, tensors: dict[str, Tensor]) -> Known:
        """Out of what such a file holds."""
        return cls(**{name: tensors.pop(name).float() for name in ("likes", "dislikes", "noise")})


class Users(nn.Module):
    """A table of people."""

    def __init__(self, table: Float[Tensor, "N T U"]) -> None:
        super().__init__()
        self.table = nn.Parameter(table.clone())

    @classmethod
    def drawn(cls, people: int, sizes: Sizes, *, seed: int = 0, reach: float = 0.1) -> Users:
        """As published: uniform in ±reach, nobody known yet."""
        stream = torch.Generator().manual_seed(seed)
        drawn = torch.rand(people, sizes.tokens, sizes.user, generator=stream)
        return cls((2 * drawn - 1) * reach)

    @classmethod
    def placed(cls, known: Known, sizes: Sizes, *, seed: int = 0) -> Users:
        """By what their pictures look like: alike people begin alike, and nobody from nothing.

        Points in units of how one person's pictures differ, so that what tells people apart is
        large; then turned at random into tokens of unit scale.
        """
        root = torch.linalg.cholesky(steady(known.noise.double()))
        points = known.difference().double()
        white = torch.linalg.solve_triangular(root, (points - points.mean(0)).T, upper=False).T
        numbers = (white.shape[1], sizes.tokens * sizes.user)
        turn = torch.empty(numbers, dtype=torch.float64)
        nn.init.orthogonal_(turn, generator=torch.Generator().manual_seed(seed))
        turned = white @ turn
        table = turned / turned.std().clamp_min(1e-12)
        return cls(table.float().unflatten(1, (sizes.tokens, sizes.user)))

    def forward(self, who: Tensor) -> Float[Tensor, "B T U"]:
        """Some of them."""
        return self.table[who]

    def middle(self) -> Float[Tensor, "1 T U"]:
        """Who is like everybody."""
        return self.table.mean(0, keepdim=True)

    def check(self, sizes: Sizes, known: Known) -> None:
        """Refuse a table whose people are not as the modulator reads them, or are others."""
        theirs, mine = tuple(self.table.shape[1:]), (sizes.tokens, sizes.user)
        if theirs != mine:
            raise Mismatch(
                f"These users are {theirs[0]} tokens of width {theirs[1]}, and the modulator reads "
                f"{mine[0]} of width {mine[1]}. Use the users it was trained with."
            )
        if len(known.likes) != len(self.table):
            raise Mismatch(
                f"There are {len(self.table)} users and pictures of {len(known.likes)} people. "
                "Use those that were trained together."
            )


def steady(covariance: Float[Tensor, "F F"], ridge: float = RIDGE) -> Float[Tensor, "F F"]:
    """A covariance that can be inverted."""
    level = covariance.diagonal().mean().clamp_min(1e-12)
    return covariance + ridge * level * torch.eye(len(covariance), dtype=covariance.dtype)
