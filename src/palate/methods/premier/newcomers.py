"""Somebody new as a combination of trained people, e = Σ c_k e_k: at once, from their pictures.

What somebody likes, less what they do not, lies where their taste lies: whatever both sides show
alike, as what a prompt names, cancels. Of n liked and m disliked pictures that
difference x is uncertain by the covariance U = W/n + W/m, W being how one person's pictures differ.
Trained people say how tastes spread, with covariance B around the mean a. The best linear guess of
e is then a ridge regression whose ridge is the noise itself, so that one picture moves little and
fifty move all the way:

    c_k = (1 + (x_k - a)ᵀ (B + U)⁻¹ (x - a)) / N

Nothing is optimised. Who dislikes nothing is placed by where what they like lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from palate.errors import BadPicture
from palate.methods.premier.users import RIDGE, Known, steady

if TYPE_CHECKING:
    from jaxtyping import Float


def coefficients(
    known: Known,
    liked: Float[Tensor, "n F"],
    disliked: Float[Tensor, "m F"] | None = None,
    ridge: float = RIDGE,
) -> Float[Tensor, " N"]:
    """c, whose sum is 1."""
    both = disliked is not None and len(disliked) > 0
    sides = {"liked": liked, "disliked": disliked} if both else {"liked": liked}
    for side, points in sides.items():
        _check(side, points)
    means = [points.double().mean(0) for points in sides.values()]
    people = known.difference() if both else known.likes
    seen = means[0] - means[1] if both else means[0]
    uncertain = known.noise.double() * sum(1 / len(points) for points in sides.values())
    return placed(people, seen[None], uncertain, ridge)[0]


def placed(
    people: Float[Tensor, "N F"],
    seen: Float[Tensor, "B F"],
    uncertain: Float[Tensor, "F F"],
    ridge: float = RIDGE,
) -> Float[Tensor, "B N"]:
    """The same for some whose points are equally uncertain."""
    middle = people.double().mean(0)
    spread = people.double() - middle
    whole = steady(spread.T @ spread / len(people) + uncertain.double(), ridge)
    moved = torch.linalg.solve(whole, (seen.double() - middle).T).T @ spread.T
    return ((1 + moved) / len(people)).float()


def combined(
    table: Float[Tensor, "N T U"], weights: Float[Tensor, "... N"]
) -> Float[Tensor, "... T U"]:
    """e = Σ c_k e_k: one number for all tokens of a person; of one person or many."""
    return torch.einsum("...n,ntu->...tu", weights.to(table), table)


def _check(side: str, points: Tensor) -> None:
    bad: Sequence[int] = (~points.isfinite().all(1)).nonzero().flatten().tolist()
    if bad:
        raise BadPicture(
            f"What was seen in {side} picture {bad[0] + 1} is no number (NaN or infinite), so "
            "nothing can be learned from it. Leave it out, or load what sees in fp32."
        )
