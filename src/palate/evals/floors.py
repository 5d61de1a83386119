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
    units: Sequence[Hashable] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Figure:
    """What the distance says of two halves of the real pictures: less is not to be had at that n.

    Halves share no unit (a person, a prompt), and are of equal size; the interval holds 95 % of
    draws.
    """
    values, sizes = np.empty(draws), []
    for draw in range(draws):
        one, other = _halves(len(real), units, seed, draw)
        values[draw] = distance(real[one], real[other])
        sizes.append(len(one))
    return _of(values, min(sizes))


def _halves(
    n: int, units: Sequence[Hashable] | None, seed: int, draw: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    names: dict[Hashable, int] = {}
    which = np.array([names.setdefault(unit, len(names)) for unit in units or range(n)])
    assert len(which) == n, (len(which), n)
    order = np.argsort(uniform(seed, name_key("halves"), draw, np.arange(len(names))))
    first = np.isin(which, order[: len(names) // 2])
    one, other = np.flatnonzero(first), np.flatnonzero(~first)
    if not len(one):
        raise BadInput(
            f"{n} pictures of {len(names)} unit do not make two halves that share none. Give "
            "pictures of at least two."
        )
    size = min(len(one), len(other))
    return one[:size], other[:size]


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
