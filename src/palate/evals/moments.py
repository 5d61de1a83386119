"""The first two moments of a cloud of points, gathered bit by bit and summed across processes.

Kept are how many points there are, their mean and their scatter about it, in float64: nothing is
lost where the mean is far larger than the spread, and parts join in any order (Chan, Golub and
LeVeque's formula). D numbers a point.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from palate import store
from palate.errors import BadInput, Mismatch
from palate.evals.measures import NOBODY, Eye, finite
from palate.types import Mark

if TYPE_CHECKING:
    from jaxtyping import Float

KIND = "moments"
_AT_ONCE = 1024  # rows in float64 at a time; a product of fewer is slow


class Moments:
    """How many points there are, their mean m, and their scatter, the sum of (x - m)(x - m)'."""

    def __init__(self, width: int, eye: Eye = NOBODY) -> None:
        self.n, self.eye = 0, eye
        self.mean = torch.zeros(width, dtype=torch.float64)
        self.scatter = torch.zeros(width, width, dtype=torch.float64)

    @classmethod
    def of(cls, points: Float[Tensor, "N D"], eye: Eye = NOBODY) -> Moments:
        """Of points that are all at hand."""
        return cls(points.shape[1], eye).update(points)

    def update(self, points: Float[Tensor, "N D"]) -> Moments:
        """Take in some more points."""
        finite(points, "this cloud")
        self._check(points.shape[1], self.eye)
        for some in points.split(_AT_ONCE):
            x = some.to("cpu", torch.float64)
            mean = x.mean(0)
            x = x - mean
            self.scatter.addmm_(x.T, x)
            self._join(len(x), mean)
        return self

    def merge(self, other: Moments) -> Moments:
        """Take in all points of another."""
        self._check(len(other.mean), other.eye)
        self.scatter += other.scatter
        self._join(other.n, other.mean)
        return self

    def across(self) -> Moments:
        """Those of the points of all processes of torch.distributed, the same in each."""
        from torch.distributed import all_reduce

        n, mean = torch.tensor(self.n), self.mean * self.n
        all_reduce(n)
        all_reduce(mean)
        mean /= max(int(n), 1)
        gap = self.mean - mean
        scatter = self.scatter.addr(gap, gap, alpha=self.n)
        all_reduce(scatter)
        return _whole(int(n), mean, scatter, self.eye)

    def covariance(self) -> Float[Tensor, "D D"]:
        """Unbiased: over n - 1."""
        if self.n < 2:
            raise BadInput(
                f"Of {self.n} pictures there is no covariance; give at least 2, and better more "
                f"than the {len(self.mean)} numbers the encoder makes of each."
            )
        return self.scatter / (self.n - 1)

    def second(self) -> Float[Tensor, "D D"]:
        """The mean of x x', not about the mean."""
        return self.scatter / self.n + torch.outer(self.mean, self.mean)

    def save(self, path: Path) -> str:
        """Write them down, so that a number can be checked again; a fingerprint comes back."""
        config = {
            "n": self.n,
            "encoder": vars(self.eye.encoder),
            "preprocessing": self.eye.preprocessing,
        }
        return store.save(
            path, {"mean": self.mean, "scatter": self.scatter}, kind=KIND, config=config
        )

    @classmethod
    def load(cls, path: Path) -> Moments:
        """As they were saved."""
        found, tensors = store.load(path, kind=KIND)
        eye = Eye(
            encoder=Mark(**found.config["encoder"]), preprocessing=found.config["preprocessing"]
        )
        return _whole(found.config["n"], tensors["mean"], tensors["scatter"], eye)

    def _check(self, width: int, eye: Eye) -> None:
        if eye != self.eye or width != len(self.mean):
            raise Mismatch(
                f"These moments are of points of {len(self.mean)} numbers seen by {self.eye}; "
                f"others, of {width} numbers seen by {eye}, cannot join them."
            )

    def _join(self, n: int, mean: Float[Tensor, " D"]) -> None:
        """n points of that mean, whose scatter about it was added already."""
        both, gap = self.n + n, mean - self.mean
        if n:
            self.scatter.addr_(gap, gap, alpha=self.n * n / both)
            self.mean = self.mean + gap * (n / both)
            self.n = both


def _whole(n: int, mean: Tensor, scatter: Tensor, eye: Eye) -> Moments:
    found = Moments(0, eye)
    found.n, found.mean, found.scatter = n, mean, scatter
    return found
