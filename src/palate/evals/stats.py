"""Figures with how sure they are.

Pictures of one prompt, or answers of one person, are not independent: intervals come from drawing
whole units (prompts, people) anew, not single values. Where both differ and people share prompts,
both are drawn anew (`crossed`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import inf, isfinite, sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from palate.evals import crossed
from palate.seeds import name_key, uniform

LEVEL = 0.95
DRAWS = 2000
_ROOM = 2**18  # numbers of drawn units that are there at once


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number, the interval it lies in at 95 %, and how many values and units it rests on."""

    value: float
    low: float
    high: float
    n: int
    units: int

    def __format__(self, how: str) -> str:
        """In percent with its interval: f"{figure:>24}"."""
        return f"{f'{self.value:.1%} ({self.low:.1%}, {self.high:.1%})':{how}}"

    def facts(self) -> dict[str, Any]:
        """For JSON, which knows no infinity: there, None is "nobody knows"."""
        return {k: v if isfinite(v) else None for k, v in asdict(self).items()}


def mean(
    values: ArrayLike,
    units: Sequence[Hashable] | None = None,
    across: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Figure:
    """The mean of all values; units are drawn with replacement, each with all its values.

    So is what units share, where `across` says of each value which it is (units are people, say,
    and across are prompts). One unit alone says nothing of how units differ: its interval is
    endless.
    """
    x = np.asarray(values, np.float64)
    assert x.ndim == 1 and len(x), x.shape
    sums, counts = by_unit(x, units)
    if len(sums) == 1:
        low, high = -inf, inf
    elif units is not None and across is not None and crossed.shared(units, across):
        table = crossed.Table(x, _numbers(units), _numbers(across))
        low, high = _ends(table.pulled(DRAWS, seed))
    else:
        low, high = _ends(_drawn_means(sums, counts, seed))
    return Figure(value=float(x.mean()), low=low, high=high, n=len(x), units=len(sums))


def wider(
    values: ArrayLike, units: Sequence[Hashable] | None, across: Sequence[Hashable] | None
) -> float:
    """How many times as far the mean strays when what units share is drawn anew, too."""
    if units is None or across is None or not crossed.shared(units, across):
        return 1.0
    return crossed.Table(np.asarray(values, np.float64), _numbers(units), _numbers(across)).wider()


def share(
    right: ArrayLike,
    units: Sequence[Hashable] | None = None,
    across: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Figure:
    """How many are right: Wilson's interval, widened to the units' where that is wider.

    Wilson alone takes the pictures of one prompt for independent; drawing units alone calls 20 of
    20 a certainty.
    """
    return half_share(np.asarray(right, bool), units, across, seed=seed)


def half_share(
    right: ArrayLike,
    units: Sequence[Hashable] | None = None,
    across: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Figure:
    """A share in which a tie counts by half: of values 0, 1/2 and 1."""
    x = np.asarray(right, np.float64)
    found = mean(x, units, across, seed=seed)
    low, high = wilson(float(x.sum()), len(x))
    if found.units > 1:
        low, high = min(low, found.low), max(high, found.high)
    elif found.n > 1:  # all values are of one unit: how others would differ, nobody knows
        low, high = 0.0, 1.0
    return Figure(value=found.value, low=low, high=high, n=found.n, units=found.units)


def wilson(right: float, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval for `right` of n independent trials; a tie may be half right."""
    assert 0 <= right <= n and n > 0, (right, n)
    z = NormalDist().inv_cdf((1 + level) / 2)
    p = right / n
    middle = p + z * z / (2 * n)
    reach = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + side * reach) / (1 + z * z / n) for side in (-1, 1))
    return (0.0 if right == 0 else low), (1.0 if right == n else high)  # not 1e-17


def some_of(n: int, size: int, seed: int, draw: int) -> NDArray[np.int64]:
    """The numbers of `size` of n, none twice: a set drawn with replacement repeats pictures, and
    looks further from any other than it is."""
    return np.sort(np.argsort(uniform(seed, name_key("some"), draw, np.arange(n)))[:size])


def by_unit(
    x: NDArray[np.float64], units: Sequence[Hashable] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and count of each unit's values, units in the order they first appear."""
    if units is None:
        return x, np.ones_like(x)
    assert len(units) == len(x), (len(units), len(x))
    which = _numbers(units)
    sums, counts = np.bincount(which, x), np.bincount(which)
    return sums.astype(np.float64), counts.astype(np.float64)


def _numbers(units: Sequence[Hashable]) -> NDArray[np.int64]:
    """Which unit each is, counted in the order they first appear."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(unit, len(numbers)) for unit in units])


def _ends(means: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _drawn_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], seed: int
) -> NDArray[np.float64]:
    """Sum over count, of units drawn with replacement."""
    size, means = len(sums), np.empty(DRAWS)
    step = max(1, _ROOM // size)
    for start in range(0, DRAWS, step):
        some = _drawn(size, seed, start, min(start + step, DRAWS))
        means[start : start + step] = sums[some].sum(1) / counts[some].sum(1)
    return means


@lru_cache(maxsize=8)  # figures of the same people share their draws, which are most of the work
def _drawn(size: int, seed: int, start: int, stop: int) -> NDArray[np.int64]:
    """Which units some of the draws hold, a row a draw."""
    draws, places = np.arange(start, stop)[:, None], np.arange(size)
    return (uniform(seed, name_key(crossed.ROWS), draws, places) * size).astype(np.int64)


def auc(above: ArrayLike, below: ArrayLike, *, seed: int = 0) -> Figure:
    """How likely one of `above` is larger than one of `below`, ties by half; rows are units.

    Each unit gives one value to either side; units are drawn with replacement.
    """
    x, y = np.asarray(above, np.float64), np.asarray(below, np.float64)
    assert x.shape == y.shape and x.ndim == 1 and len(x), (x.shape, y.shape)
    wins = (np.sign(x[:, None] - y[None]) + 1) / 2  # (above, below)
    size, key, places = len(x), name_key("auc"), np.arange(len(x))
    values = np.empty(DRAWS)
    for draw in range(DRAWS):
        drawn = (uniform(seed, key, draw, places) * size).astype(int)
        often = np.bincount(drawn, minlength=size)
        values[draw] = often @ wins @ often / size**2
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(
        value=float(wins.mean()), low=float(low), high=float(high), n=2 * size, units=size
    )


def calibration_error(scores: ArrayLike, truth: ArrayLike, bins: int = 10) -> float:
    """The expected calibration error: how far, on average, a score is from how often it is right.

    Bins are of equal width over 0 to 1 and count by how many scores fall in.
    """
    x, right = np.asarray(scores, np.float64), np.asarray(truth, bool)
    place = np.minimum((x * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    off = np.abs(np.bincount(place, x, bins) - np.bincount(place, right.astype(float), bins))
    assert counts.sum() == len(x), (counts.sum(), len(x))
    return float(off.sum() / len(x))
