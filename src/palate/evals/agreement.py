"""Whether raters agree beyond chance."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from palate.errors import BadInput
from palate.evals.votes import Vote


def fleiss(table: ArrayLike) -> float:
    """Fleiss' kappa of items by categories; every item has as many raters."""
    counts = np.asarray(table, np.float64)
    raters = counts.sum(1)
    if raters.min() != raters.max() or raters[0] < 2:
        raise BadInput(
            f"Items have from {raters.min():g} to {raters.max():g} ratings. Fleiss' kappa needs as "
            "many of each, two at least; Krippendorff's alpha does not."
        )
    n = raters[0]
    seen = ((counts**2).sum(1) - n) / (n * (n - 1))
    chance = ((counts.sum(0) / counts.sum()) ** 2).sum()
    return _beyond(float(seen.mean()), float(chance))


def krippendorff(table: ArrayLike) -> float:
    """Krippendorff's alpha for names, of items by categories; items rated once do not count."""
    counts = np.asarray(table, np.float64)
    counts = counts[counts.sum(1) >= 2]
    if not len(counts):
        raise BadInput(
            "No item was rated by two raters, so nothing is known of how they agree. Show some "
            "pairs to several people."
        )
    raters, total = counts.sum(1, keepdims=True), counts.sum()
    seen = ((counts * (counts - 1)) / (raters - 1)).sum() / total
    each = counts.sum(0)
    return _beyond(float(seen), float((each * (each - 1)).sum() / (total * (total - 1))))


def _beyond(seen: float, chance: float) -> float:
    """What share of the room above chance is filled; all alike is full agreement."""
    return 1.0 if chance == 1 else (seen - chance) / (1 - chance)


def table_of(votes: Sequence[Vote]) -> NDArray[np.int64]:
    """Each item and pair: how many preferred the one, the other, neither, whichever stood left.

    Of a rater who saw the same more than once the first vote counts: agreeing with oneself is not
    agreement.
    """
    rows: dict[Hashable, list[int]] = {}
    firsts: dict[Hashable, Vote] = {}
    for vote in votes:
        firsts.setdefault((vote.rater, vote.item, vote.pair), vote)
    for vote in firsts.values():
        row = rows.setdefault((vote.item, vote.pair), [0, 0, 0])
        row[2 if vote.preferred is None else vote.pair.index(vote.preferred)] += 1
    return np.array(list(rows.values()), np.int64).reshape(-1, 3)
