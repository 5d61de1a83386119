"""How sure a mean is when rows and columns both differ: people and the prompts they share.

Both are drawn anew; a value counts as often as its row was drawn times as often as its column,

    m = sum w_i v_j x_ij / sum w_i v_j                                            (1)

(Owen's pigeonhole bootstrap). What is neither the row's nor the column's doing counts three times
over in it. So the draws are pulled together until their variance is

    V = V_rows + V_columns - V_cells,  V_g = sum over groups of (sum of x - mean)^2 / n^2     (2)

(Cameron, Gelbach and Miller's), but not below that of rows or columns alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from palate.seeds import name_key, uniform

ROWS, COLUMNS = "bootstrap", "across"  # what they are drawn by
_ROOM = 2**18  # weights that are there at once


def shared(units: Sequence[Hashable], across: Sequence[Hashable]) -> bool:
    """Whether some of `across`, of which there are several, belong to several units."""
    assert len(units) == len(across), (len(units), len(across))
    return 1 < len(set(across)) < len(set(zip(units, across, strict=True)))


@dataclass(frozen=True, eq=False)
class Table:
    """Values, and the number of each one's row and column."""

    x: NDArray[np.float64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    def pulled(self, draws: int, seed: int = 0) -> NDArray[np.float64]:
        """Draws of (1) with the variance of (2)."""
        means, middle = self.drawn(draws, seed), self.x.mean()
        spread = means.var()
        if spread == 0:
            return means
        return middle + (means - middle) * sqrt(self.variance() / spread)

    def drawn(self, draws: int, seed: int = 0) -> NDArray[np.float64]:
        """(1); draws that hold no value at all, as few can, are left out."""
        means, step = [], max(1, _ROOM // len(self.x))
        which = self.rows.tobytes(), self.columns.tobytes()
        for start in range(0, draws, step):
            weights = _weights(*which, seed, start, min(start + step, draws))
            some = weights.any(1)
            means.append((weights @ self.x)[some] / weights.sum(1)[some])
        return np.concatenate(means)

    def variance(self) -> float:
        """(2)."""
        places = self.rows * (self.columns.max() + 1) + self.columns
        cells = np.unique(places, return_inverse=True)[1]
        one, other = self._grouped(self.rows), self._grouped(self.columns)
        return max(one, other, one + other - self._grouped(cells))

    def wider(self) -> float:
        """How many times as far the mean strays as for its rows alone."""
        alone = self._grouped(self.rows)
        return sqrt(self.variance() / alone) if alone else 1.0

    def _grouped(self, which: NDArray[np.int64]) -> float:
        off = self.x - self.x.mean()
        return float((np.bincount(which, off) ** 2).sum() / len(off) ** 2)


@lru_cache(maxsize=32)  # figures of the same people share their draws, which are most of the work
def _weights(rows: bytes, columns: bytes, seed: int, start: int, stop: int) -> NDArray[np.float64]:
    """w_i v_j of each value, a row a draw; who belongs to which row is told as bytes."""
    draws, often = np.arange(start, stop), []
    for key, told in ((ROWS, rows), (COLUMNS, columns)):
        which = np.frombuffer(told, np.int64)
        often.append(_often(int(which.max()) + 1, seed, draws, key)[:, which])
    return often[0] * often[1]


def _often(size: int, seed: int, draws: NDArray[np.int64], key: str) -> NDArray[np.float64]:
    """How often each of so many is in each draw."""
    some = (uniform(seed, name_key(key), draws[:, None], np.arange(size)) * size).astype(np.int64)
    places = some + size * np.arange(len(draws))[:, None]
    counts = np.bincount(places.ravel(), minlength=size * len(draws))
    return counts.reshape(len(draws), size).astype(np.float64)
