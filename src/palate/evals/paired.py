"""One way to make pictures beside another: the same people, prompts and seeds, pair by pair.

Differences are taken pair by pair, and people are what is drawn anew or turned round: what one
person says of twenty pictures is not twenty witnesses.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import comb, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from palate.errors import BadInput
from palate.evals import stats
from palate.evals.stats import Figure
from palate.seeds import bits, name_key

_EXACT = 12  # so many units have few enough ways to be turned round to try all


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Mine less the other's, by how much and how surely."""

    figure: Figure
    p: float  # how often chance alone would make as much of a difference
    better: float  # share of units that gained, those unmoved by half

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.figure.facts(), "p": self.p, "better": self.better}


def difference(
    mine: ArrayLike,
    other: ArrayLike,
    units: Sequence[Hashable] | None = None,
    across: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Difference:
    """The mean difference, its interval over units (and across, as in `stats.mean`), and a
    permutation test that turns units, as wide as the interval is for what they share."""
    x, y = np.asarray(mine, np.float64), np.asarray(other, np.float64)
    _check(x, y)
    sums, _ = stats.by_unit(x - y, units)
    gained = np.sign(sums) / 2 + 0.5
    return Difference(
        figure=stats.mean(x - y, units, across, seed=seed),
        p=permutation(sums, wider=stats.wider(x - y, units, across), seed=seed),
        better=float(gained.mean()),
    )


def _check(x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    if x.shape != y.shape or not x.size:
        raise BadInput(
            f"{x.size} values stand beside {y.size}. A paired comparison needs as many of each, "
            "of the same people, prompts and seeds: leave out what only one of them has."
        )
    bad = ~(np.isfinite(x) & np.isfinite(y))
    if bad.any():
        raise BadInput(
            f"{int(bad.sum())} of {x.size} pairs hold a value that is not a number, the first in "
            f"place {int(bad.argmax())}. Leave these pairs out for both."
        )


def permutation(sums: ArrayLike, *, wider: float = 1.0, seed: int = 0) -> float:
    """How often the sum is as far from 0 when each unit's sign is chance; exact for few units.

    Signs of people leave the prompts they share as they are. Chance that moves those, too, reaches
    `wider` times as far.
    """
    x = np.asarray(sums, np.float64)
    if bad := int((~np.isfinite(x)).sum()):
        raise BadInput(f"{bad} of {x.size} sums are no numbers; leave these units out.")
    if len(x) <= _EXACT:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(x))))
    else:
        draws, places = np.arange(stats.DRAWS)[:, None], np.arange(len(x))
        odd = bits(seed, name_key("permutation"), draws, places) & np.uint64(1)
        signs = np.vstack([np.ones(len(x)), 2.0 * odd - 1])  # what was seen is one of the ways
    found = np.abs(signs @ x)
    return float((wider * found >= abs(x.sum()) * (1 - 1e-12)).mean())


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Holm's p-values: all of a family hold together at the level they are read at."""
    found, most = {}, 0.0
    for rank, name in enumerate(sorted(p, key=lambda name: p[name])):
        most = max(most, min(1.0, (len(p) - rank) * p[name]))
        found[name] = most
    return {name: found[name] for name in p}


def mcnemar(mine_only: int, other_only: int) -> float:
    """The exact p-value of right answers that only one of two gave."""
    n, less = mine_only + other_only, min(mine_only, other_only)
    return min(1.0, 2 * sum(comb(n, k) for k in range(less + 1)) / 2**n)


def votes_needed(share: float, *, power: float = 0.8, level: float = 0.05) -> int:
    """Independent votes that tell a share of wins from a half."""
    if not 0 < share < 1 or share == 0.5:
        raise BadInput(f"A share of {share} cannot be told from a half; give one in (0, 1).")
    z, reach = _quantiles(power, level)
    root = z / 2 + reach * sqrt(share * (1 - share))
    return _up((root / (share - 0.5)) ** 2)


def people_needed(effect: float, *, power: float = 0.8, level: float = 0.05) -> int:
    """People of a paired comparison; the effect is in standard deviations of their differences.

    The normal formula with its usual half square for the t distribution's wider tails.
    """
    if not effect:
        raise BadInput("No number of people shows an effect of 0; give the least that matters.")
    z, reach = _quantiles(power, level)
    return _up(((z + reach) / effect) ** 2 + z * z / 2)


def design_effect(values: ArrayLike, units: Sequence[Hashable]) -> float:
    """How many times more values it takes when those of one unit are alike: 1 + (m - 1) ICC.

    ICC by the analysis of variance, m the usual mean size of a unit; never below 1.
    """
    x = np.asarray(values, np.float64)
    sums, counts = stats.by_unit(x, units)
    k, n = len(counts), len(x)
    if k < 2 or n == k:
        raise BadInput(
            f"{n} values of {k} units do not show how alike those of one unit are. Give at least "
            "two units, and some with several values."
        )
    size = (n - (counts**2).sum() / n) / (k - 1)
    between = (counts * (sums / counts - x.mean()) ** 2).sum() / (k - 1)
    within = ((x**2).sum() - (sums**2 / counts).sum()) / (n - k)
    spread = between + (size - 1) * within
    icc = (between - within) / spread if spread > 0 else 0.0
    return max(1.0, 1 + (n / k - 1) * float(icc))


def _quantiles(power: float, level: float) -> tuple[float, float]:
    normal = NormalDist()
    return normal.inv_cdf(1 - level / 2), normal.inv_cdf(power)


def _up(x: float) -> int:
    return int(np.ceil(x - 1e-9))
