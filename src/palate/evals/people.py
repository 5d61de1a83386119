"""A study with people: what they prefer, how surely, and whether they agree.

Votes of one person are no more independent than pictures of one prompt: raters are what intervals
draw anew, and for shares of votes the items, too, where raters saw the same ones.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.errors import BadInput
from palate.evals import stats
from palate.evals.agreement import krippendorff, table_of
from palate.evals.bradley_terry import Strengths, Tally, Ties, strengths, tally
from palate.evals.paired import design_effect, votes_needed
from palate.evals.stats import LEVEL, Figure
from palate.evals.votes import Vote
from palate.seeds import name_key, uniform

DRAWS, SEED = 500, 0
_ALIKE = 1e-9  # strengths nearer than this differ by rounding alone, and share their places


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
    # Votes like these that would tell, four in five times.
    needed: dict[tuple[str, str], int | None]
    notes: tuple[str, ...]

    def table(self) -> str:
        """For a terminal: ways from the best down, then every two of them."""
        rows = [f"{'':24}{'strength':>26}{'place':>12}"]
        for name, one in sorted(self.standings.items(), key=lambda item: -item[1].strength.value):
            figure, place = one.strength, f"{one.best} to {one.worst}"
            lies = f"{figure.value:.2f} ({figure.low:.2f}, {figure.high:.2f})"
            rows.append(f"{name:24}{lies:>26}{place:>12}")
        rows += ["", f"{'':40}{'share of votes':>26}{'votes':>8}{'needed':>9}"]
        for pair, share in self.wins.items():
            needed = self.needed[pair]
            told = f"{' over '.join(pair):40}{share:>26}{share.n:>8}"
            rows.append(f"{told}{'' if needed is None else f'{needed:,}':>9}")
        agreement = "unknown" if self.agreement is None else f"{self.agreement:.2f}"
        rows += ["", f"{self.tied} ties; agreement of raters (alpha) {agreement}; what stood left "
                 f"was chosen {self.left}".rstrip()]  # fmt: skip
        return "\n".join([*rows, *self.notes])

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "standings": {
                name: {**one.strength.facts(), "best": one.best, "worst": one.worst}
                for name, one in self.standings.items()
            },
            "wins": {
                f"{a} over {b}": {**figure.facts(), "needed": self.needed[a, b]}
                for (a, b), figure in self.wins.items()
            },
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
    seed: int = SEED,
) -> Found:
    """Strengths, shares of wins and agreement, with intervals over raters."""
    counted = tally(votes, names)
    whole = strengths(counted, ties=ties)
    raters = list(dict.fromkeys(vote.rater for vote in votes))
    drawn = _drawn(votes, raters, counted.names, ties, draws, seed) if len(raters) > 1 else None
    decided = [vote for vote in votes if vote.preferred is not None]
    left = [vote.choice == "left" for vote in decided]
    apart = _apart(votes)
    try:
        agreement = krippendorff(table_of(votes))
    except BadInput:
        agreement = None
    return Found(
        standings=_standings(whole, drawn, len(votes), len(raters)),
        wins={pair: stats.half_share(*one, seed=seed) for pair, one in apart.items()},
        left=stats.share(left, *_over(decided), seed=seed),
        agreement=agreement,
        tied=len(votes) - len(decided),
        tally=counted,
        needed={pair: _needed(values, raters) for pair, (values, raters, _) in apart.items()},
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
        ahead = drawn[:, None, :] - drawn[:, :, None]  # of each way, every other
        first, last = (ahead > _ALIKE).sum(2) + 1, (ahead > -_ALIKE).sum(2)
        best = np.quantile(first, tails[0], axis=0, method="nearest").astype(int)
        worst = np.quantile(last, tails[1], axis=0, method="nearest").astype(int)
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


def _over(votes: Sequence[Vote]) -> tuple[list[str], list[str]]:
    """What intervals of votes are over."""
    return [vote.rater for vote in votes], [vote.item for vote in votes]


def _apart(
    votes: Sequence[Vote],
) -> dict[tuple[str, str], tuple[list[float], list[str], list[str]]]:
    """Each pair's votes: 1 for its first, a half for a tie; who gave them, and on what."""
    found = {}
    for pair in sorted({vote.pair for vote in votes}):
        some = [vote for vote in votes if vote.pair == pair]
        values = [
            0.5 if vote.preferred is None else float(vote.preferred == pair[0]) for vote in some
        ]
        found[pair] = (values, *_over(some))
    return found


def _needed(values: Sequence[float], raters: Sequence[Hashable]) -> int | None:
    """How many votes tell such a share from a half, if raters go on to be as alike as these."""
    share = float(np.mean(values))
    if share in (0.0, 0.5, 1.0):
        return None
    several = 1 < len(set(raters)) < len(raters)
    return ceil(votes_needed(share) * (design_effect(values, raters) if several else 1.0))


def _notes(whole: Strengths, raters: Sequence[str], agreement: float | None) -> tuple[str, ...]:
    notes = []
    if len(raters) == 1:
        notes.append("One rater alone says nothing of how people differ: no interval is known.")
    if whole.imagined:
        notes.append(
            "Some way never lost or never won, or all but tied: strengths have no limit. They rest "
            "on "
            f"{whole.imagined:g} imagined wins each way in every pair."
        )
    if agreement is None:
        notes.append("No pair was shown to two raters: how they agree is unknown.")
    return tuple(notes)
