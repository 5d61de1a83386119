"""Distances between whole sets, made fair: the same n for all, and what real is from real.

A distance between sets has no value for each picture, falls as n grows, and rises when pictures
are drawn twice. So sets are compared over the same draws of equally many pictures, none twice.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from palate.errors import BadInput
from palate.evals.measures import Seen, one_eye
from palate.evals.stats import LEVEL, Figure, some_of
from palate.seeds import name_key, uniform

Distance = Callable[[Seen, Seen], float]
DRAWS = 20


def floor(
    real: Seen,
    distance: Distance,
    *,
    made: int,
    units: Sequence[Hashable] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Figure:
    """What the distance says of so many real pictures, as if made, and all others: less is not to
    be had at these numbers.

    As a method does, they serve all units (people, prompts) alike; the interval holds 95 % of
    draws.
    """
    n = len(real)
    if not 1 < made < n - 1:
        raise BadInput(
            f"Of {n} real pictures {made} cannot stand for made ones; at least 2 must be left on "
            "either side."
        )
    values = np.empty(draws)
    for draw in range(draws):
        one = _spread(n, made, units, seed, draw)
        values[draw] = distance(real[one], real[np.setdiff1d(np.arange(n), one)])
    return _of(values, made)


def _spread(
    n: int, size: int, units: Sequence[Hashable] | None, seed: int, draw: int
) -> NDArray[np.int64]:
    """So many of n, as many of each unit as can be."""
    luck = uniform(seed, name_key("spread"), draw, np.arange(n))
    mine: dict[Hashable, list[int]] = {}
    for place in np.argsort(luck):
        mine.setdefault(units[place] if units else place, []).append(int(place))
    turns = [(turn, luck[place], place) for own in mine.values() for turn, place in enumerate(own)]
    return np.sort([place for *_, place in sorted(turns)[:size]])


def check_equal(groups: Mapping[str, Seen]) -> int:
    """How many pictures each way made, if all made as many."""
    sizes = {name: len(seen) for name, seen in groups.items()}
    if len(set(sizes.values())) > 1:
        said = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise BadInput(
            f"These ways cannot be compared at different n: {said}. A distance between sets falls "
            f"as n grows: make as many with each, or compare {min(sizes.values())} of each."
        )
    return next(iter(sizes.values()))


def at_equal_n(
    groups: Mapping[str, Seen],
    real: Seen,
    distance: Distance,
    *,
    size: int,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """Each way's distance to the real, over the same draws of rows: row i is one prompt and seed.

    The real pictures stay as they are.
    """
    n = check_equal(groups)
    one_eye(real, *groups.values())
    if not 2 <= size <= n:
        raise BadInput(f"Draws of {size} pictures from {n}: give a size from 2 to {n}.")
    rows = [some_of(n, size, seed, draw) for draw in range(draws)]
    return {
        name: np.array([distance(seen[some], real) for some in rows])
        for name, seen in groups.items()
    }


def nearer(mine: NDArray[np.float64], other: NDArray[np.float64], size: int) -> Figure:
    """The difference of two ways over the same draws; below 0, mine is nearer to the real."""
    return _of(mine - other, size)


def _of(values: NDArray[np.float64], size: int) -> Figure:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(
        value=float(values.mean()), low=float(low), high=float(high), n=size, units=len(values)
    )
