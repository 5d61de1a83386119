"""A study with people: what they prefer, how surely, and whether they agree.

Votes of one person are no more independent than pictures of one prompt: raters are what intervals
draw anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.errors import BadInput
from palate.evals import stats
from palate.evals.agreement import krippendorff, table_of
from palate.evals.bradley_terry import Strengths, Tally, Ties, strengths, tally
from palate.evals.stats import LEVEL, Figure
from palate.evals.votes import Vote
from palate.seeds import name_key, uniform

DRAWS = 500


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One way to make pictures, among the others."""

    strength: Figure
    best: int  # its place at best and at worst, in 95 % of draws; 1 is first
    worst: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What a study found."""

    standings: dict[str, Standing]
    wins: dict[tuple[str, str], Figure]  # share of votes for the first; ties by half
    left: Figure  # share of choices for what stood left: a half, if sides do not matter
    agreement: float | None  # Krippendorff's alpha; None where nobody saw what another saw
    tied: int
    tally: Tally
    notes: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "standings": {
                name: {**one.strength.facts(), "best": one.best, "worst": one.worst}
                for name, one in self.standings.items()
            },
            "wins": {f"{a} over {b}": figure.facts() for (a, b), figure in self.wins.items()},
            "left": self.left.facts(),
            "agreement": self.agreement,
            "tied": self.tied,
            "notes": list(self.notes),
        }


def study(
    votes: Sequence[Vote],
    names: Sequence[str] = (),
    *,
    ties: Ties = "davidson",
    draws: int = DRAWS,
    seed: int = 0,
) -> Found:
    """Strengths, shares of wins and agreement, with intervals over raters."""
    counted = tally(votes, names)
    whole = strengths(counted, ties=ties)
    raters = list(dict.fromkeys(vote.rater for vote in votes))
    drawn = _drawn(votes, raters, counted.names, ties, draws, seed) if len(raters) > 1 else None
    decided = [vote for vote in votes if vote.preferred is not None]
    left = [vote.choice == "left" for vote in decided]
    try:
        agreement = krippendorff(table_of(votes))
    except BadInput:
        agreement = None
    return Found(
        standings=_standings(whole, drawn, len(votes), len(raters)),
        wins=_shares(votes, seed),
        left=stats.share(left, [vote.rater for vote in decided], seed=seed),
        agreement=agreement,
        tied=len(votes) - len(decided),
        tally=counted,
        notes=_notes(whole, raters, agreement),
    )


def _drawn(
    votes: Sequence[Vote],
    raters: Sequence[str],
    names: Sequence[str],
    ties: Ties,
    draws: int,
    seed: int,
) -> NDArray[np.float64]:
    """Strengths (draws, k) of raters drawn with replacement, each with all their votes.

    Draws in which some way met no other are left out; they are few, unless raters are.
    """
    own = [tally([vote for vote in votes if vote.rater == rater], names) for rater in raters]
    wins, tied = (np.stack([getattr(one, what) for one in own]) for what in ("wins", "ties"))
    found, key, places = [], name_key("raters"), np.arange(len(raters))
    for draw in range(draws):
        chosen = (uniform(seed, key, draw, places) * len(raters)).astype(int)
        sums = (each[chosen].sum(0) for each in (wins, tied))
        again = Tally(names=tuple(names), **dict(zip(("wins", "ties"), sums, strict=True)))
        try:
            found.append(strengths(again, ties=ties).values)
        except BadInput:
            continue
    return np.array(found).reshape(-1, len(names))


def _standings(
    whole: Strengths, drawn: NDArray[np.float64] | None, votes: int, raters: int
) -> dict[str, Standing]:
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    k = len(whole.names)
    low, high = np.full((2, k), [[-inf], [inf]])
    best, worst = np.ones(k, int), np.full(k, k)
    if drawn is not None and len(drawn):
        low, high = np.quantile(drawn, tails, axis=0)
        places = (drawn[:, None, :] > drawn[:, :, None]).sum(2) + 1
        best, worst = np.quantile(places, tails, axis=0, method="nearest").astype(int)
    return {
        name: Standing(
            strength=Figure(
                value=float(whole.values[i]),
                low=float(low[i]),
                high=float(high[i]),
                n=votes,
                units=raters,
            ),
            best=int(best[i]),
            worst=int(worst[i]),
        )
        for i, name in enumerate(whole.names)
    }


def _shares(votes: Sequence[Vote], seed: int) -> dict[tuple[str, str], Figure]:
    """Each pair's share for its first: Wilson's interval, widened to the raters'."""
    found = {}
    for pair in sorted({vote.pair for vote in votes}):
        some = [vote for vote in votes if vote.pair == pair]
        values = [
            0.5 if vote.preferred is None else float(vote.preferred == pair[0]) for vote in some
        ]
        found[pair] = stats.half_share(values, [vote.rater for vote in some], seed=seed)
    return found


def _notes(whole: Strengths, raters: Sequence[str], agreement: float | None) -> tuple[str, ...]:
    notes = []
    if len(raters) == 1:
        notes.append("One rater alone says nothing of how people differ: no interval is known.")
    if whole.imagined:
        notes.append(
            "Some way never lost, or never won: its strength has no limit. It rests on "
            f"{whole.imagined:g} imagined wins each way in every pair."
        )
    if agreement is None:
        notes.append("No pair was shown to two raters: how they agree is unknown.")
    return tuple(notes)
