"""What is made of scores that say how surely somebody likes a picture.

A judge must have had no part in training what it judges; its mean alone says little, as a picture
may please everybody: what is personal is the difference to the same picture's score for another.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from palate.errors import BadInput
from palate.evals import stats
from palate.evals.paired import Difference, difference
from palate.evals.stats import Figure

if TYPE_CHECKING:
    from jaxtyping import Float


def surely(yes: Float[Tensor, " N"], no: Float[Tensor, " N"]) -> Float[Tensor, " N"]:
    """e^yes / (e^yes + e^no) of two words' logits, which in half precision overflows as written."""
    return (yes.float() - no.float()).sigmoid()


def numbers(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """As an array; what is not a number would count as a loss without a word."""
    x = np.asarray(values, np.float64)
    if bad := int((~np.isfinite(x)).sum()):
        first = int((~np.isfinite(x)).argmax())
        raise BadInput(
            f"{bad} of {x.size} {what} are no numbers, the first in place {first}. Leave these "
            "pictures out, or score them again."
        )
    return x


def rate(
    mine: ArrayLike,
    base: ArrayLike,
    units: Sequence[Hashable] | None = None,
    across: Sequence[Hashable] | None = None,
    *,
    ties: float = 0.5,
    seed: int = 0,
) -> Figure:
    """The share of prompts at which a way scores higher than the base model did for the same one.

    The base model is always an argument: against another it is another number.
    """
    x, y = numbers(mine, "scores"), numbers(base, "scores of the base model")
    if x.shape != y.shape or not x.size:
        raise BadInput(
            f"{x.size} scores stand beside {y.size} of the base model; give one of each for every "
            "prompt."
        )
    return stats.half_share(np.where(x == y, ties, x > y), units, across, seed=seed)


def liked(
    scores: ArrayLike,
    units: Sequence[Hashable] | None = None,
    *,
    above: float = 0.5,
    seed: int = 0,
) -> Figure:
    """The share of pictures that are judged liked; no base model is asked."""
    return stats.share(numbers(scores, "scores") > above, units, seed=seed)


def personal(
    own: ArrayLike,
    strangers: ArrayLike,
    units: Sequence[Hashable] | None = None,
    across: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Difference:
    """The same pictures scored with their person's history less with another person's."""
    return difference(own, strangers, units, across, seed=seed)


def choices_right(
    first: ArrayLike,
    labels: ArrayLike,
    units: Sequence[Hashable] | None = None,
    *,
    tie_within: float = 0.0,
    seed: int = 0,
) -> Figure:
    """How often a scorer chose as people did, as PickScore's authors count.

    `first` is how likely it finds the first picture the better one; within the limit of the other's
    it calls a tie. A label is 1 (the first), 0 or 1/2 (a tie). A tie on one side alone is half
    right.
    """
    p, label = numbers(first, "choices"), np.asarray(labels, np.float64)
    strange = ~np.isin(label, (0.0, 0.5, 1.0))
    if strange.any() or p.shape != label.shape:
        raise BadInput(
            f"{p.size} choices stand beside {label.size} labels, {int(strange.sum())} of which are "
            "none of 0, 0.5 and 1. Give as many of each."
        )
    said = np.where(np.abs(2 * p - 1) <= tie_within, 0.5, p > 0.5)
    return stats.half_share(1 - np.abs(said - label), units, seed=seed)
