"""Strengths from pairwise choices, ties and all.

    P(i over j) = e^a / (e^a + e^b + e^(t + (a + b)/2)),  a, b the strengths of i and j       (1)

is Davidson's model, in which t says how ready people are to call a tie; without ties it is Bradley
and Terry's. Ties may also count as half a win for either, which needs no t. Strengths sum to 0 and
are found by Newton's method; the likelihood has one top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from palate.errors import BadInput
from palate.evals.votes import Vote

Ties = Literal["davidson", "half"]
Square = NDArray[np.float64]  # (k, k)
IMAGINED = 0.5  # wins each way in every compared pair, where the votes alone have no answer
_STEPS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """How often each way was preferred to each other, row over column, and how often neither."""

    names: tuple[str, ...]
    wins: Square
    ties: Square  # symmetric: a tie stands in both places

    @property
    def met(self) -> Square:
        """How often two were compared."""
        return self.wins + self.wins.T + self.ties


@dataclass(frozen=True, kw_only=True, eq=False)
class Strengths:
    """How strong each way is, the sum being 0."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    covariance: Square  # Wald's, of votes that are independent
    tie: float | None  # t; None where ties are half wins, or there are none
    imagined: float  # wins each way that were added; 0 where the votes had an answer

    def error(self, one: int, other: int) -> float:
        """The standard error of a difference of two, if votes were independent."""
        c = self.covariance
        return float(np.sqrt(c[one, one] + c[other, other] - 2 * c[one, other]))


def tally(votes: Sequence[Vote], names: Sequence[str] = ()) -> Tally:
    """Count votes; `names` may say which ways there are, in which order."""
    found = sorted({name for vote in votes for name in vote.pair})
    names = tuple(dict.fromkeys(names or found))
    unknown = sorted(set(found) - set(names))
    if unknown:
        raise BadInput(f"There are votes on {', '.join(unknown)}; asked for: {', '.join(names)}.")
    number = {name: i for i, name in enumerate(names)}
    wins, ties = np.zeros((2, len(names), len(names)))
    for vote in votes:
        i, j = (number[name] for name in vote.pair)
        if vote.preferred is None:
            ties[i, j] += 1
            ties[j, i] += 1
        else:
            winner = number[vote.preferred]
            wins[winner, i + j - winner] += 1
    return Tally(names=names, wins=wins, ties=ties)


def check(counted: Tally) -> None:
    """Refuse votes that say nothing of some ways, or of any."""
    met, names = counted.met, counted.names
    never = [name for name, row in zip(names, met, strict=True) if not row.any()]
    if never or len(names) < 2:
        raise BadInput(
            f"Never compared: {', '.join(never or names) or 'anything'}. Every way needs votes "
            "against another; add some, or leave it out."
        )
    if not counted.wins.any():
        raise BadInput(
            f"All {int(met.sum() / 2)} votes are ties, which say of nothing that it is better. "
            "Show more pairs, or pairs that differ more."
        )
    with_first = _reach(met > 0)[0]
    if not with_first.all():
        apart = [name for name, there in zip(names, with_first, strict=True) if not there]
        raise BadInput(
            f"{', '.join(apart)} were never compared with {names[0]}, not even by way of others. "
            "Add votes between the two groups, or rank them apart."
        )


def strengths(
    counted: Tally, *, ties: Ties = "davidson", imagined: float | None = None
) -> Strengths:
    """The most likely strengths.

    Where the likelihood has no top (`bounded`), half a win each way is imagined in every pair that
    met, and said so; or as many as given.
    """
    check(counted)
    if imagined is None:
        imagined = 0.0 if bounded(counted, ties) else IMAGINED
    wins = counted.wins + imagined * (counted.met > 0)
    tied = counted.ties
    if ties == "half":
        wins, tied = wins + tied / 2, np.zeros_like(tied)
    values, covariance, tie = _top(wins, tied)
    return Strengths(
        names=counted.names,
        values=values,
        covariance=covariance,
        tie=tie,
        imagined=imagined,
    )


def bounded(counted: Tally, ties: Ties) -> bool:
    """Whether the likelihood has a top.

    It has none where strengths may grow for ever: if some way never lost to some others, or if
    wins reach as far as ties do. With t, strengths d may grow by d_i - d_j >= 2 for each win of i
    over j and |d_i - d_j| <= 2 for each tie, unless such demands contradict one another around some
    ring: going down 1 for a win, up 1 for a tie either way, one comes back below where one began.
    """
    beaten = (counted.wins + counted.ties) > 0
    if not _reach(beaten).all():
        return False
    if ties == "half" or not counted.ties.any():
        return True
    rise = np.where(counted.wins > 0, -1.0, np.where(counted.ties > 0, 1.0, np.inf))
    for middle in range(len(rise)):  # Floyd and Warshall's least rises
        rise = np.minimum(rise, rise[:, [middle]] + rise[[middle]])
    return bool((np.diag(rise) < 0).any())


def chances(values: NDArray[np.float64], tie: float | None) -> tuple[Square, Square]:
    """(1), row over column, and the chance of a tie."""
    gap = (values[:, None] - values) / 2
    shared = 0.0 if tie is None else np.exp(tie)
    whole = np.exp(gap) + np.exp(-gap) + shared
    return np.exp(gap) / whole, shared / whole


def _top(wins: Square, ties: Square) -> tuple[NDArray[np.float64], Square, float | None]:
    """Newton's method on strengths and, where there are ties, t; steps of at most 1."""
    k, has_ties = len(wins), bool(ties.any())
    at = np.zeros(k + has_ties)
    for _ in range(_STEPS):
        slope, bend = _slopes(at, wins, ties)
        step = np.linalg.solve(bend, slope)
        at = at + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-13:
            break
    at[:k] -= at[:k].mean()
    covariance = np.linalg.inv(_slopes(at, wins, ties)[1])[:k, :k] - 1 / k
    return at[:k], covariance.astype(np.float64), float(at[k]) if has_ties else None


def _slopes(
    at: NDArray[np.float64], wins: Square, ties: Square
) -> tuple[NDArray[np.float64], Square]:
    """First derivatives of the log-likelihood, and second ones with their sign turned."""
    k = len(wins)
    has_ties, met = len(at) > k, wins + wins.T + ties
    win, tie = chances(at[:k], float(at[k]) if has_ties else None)
    score = win + tie / 2  # what i may expect of j: a win is 1, a tie a half
    slope = np.zeros_like(at)
    slope[:k] = (wins + ties / 2 - met * score).sum(1)
    spread = met * (win + tie / 4 - score**2)
    bend = np.zeros((len(at), len(at)))
    bend[:k, :k] = np.diag(spread.sum(1)) - spread
    bend[:k, :k] += 1 / k  # all strengths together may move freely: this keeps them in place
    if has_ties:
        slope[k] = (ties - met * tie).sum() / 2
        bend[:k, k] = bend[k, :k] = (met * tie * (0.5 - score)).sum(1)
        bend[k, k] = (met * tie * (1 - tie)).sum() / 2
    return slope, bend


def _reach(steps: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """From where one gets to where, in any number of steps."""
    reach = steps | np.eye(len(steps), dtype=bool)
    for _ in range(len(steps)):
        reach = (reach.astype(int) @ reach) > 0
    return reach
