"""The Fréchet distance between clouds of points, taken for normal distributions.

    |m_x - m_y|^2 + tr S_x + tr S_y - 2 tr (S_x S_y)^(1/2)                                  (1)

It is the FID when the encoder is Inception, and another number else. It is biased: between two
draws of n from one distribution it is about D (D + 5) / 2n and not 0, so that only distances of as
many pictures compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from palate.backbones.inception import NAME as INCEPTION
from palate.evals.measures import Eye, Measure, Seen, bare, one_eye
from palate.evals.moments import Moments
from palate.types import Mark

if TYPE_CHECKING:
    from jaxtyping import Float

_SURE = 1e-12  # eigenvalues below this share of the largest may be rounding


def frechet_distance(made: Moments, real: Moments, *, seed: int = 0) -> Measure:
    """How far the made pictures are from the real ones, as the encoder sees them."""
    sizes = made.n, real.n, len(made.mean)
    return _measure(frechet(made, real), made.eye, *sizes, seed=seed)


def frechet_between(made: Seen, real: Seen, *, seed: int = 0) -> Measure:
    """The same, of pictures that are all at hand."""
    sizes = len(made), len(real), made.points.shape[1]
    return _measure(between(made, real), made.eye, *sizes, seed=seed)


def _measure(value: float, eye: Eye, made: int, real: int, width: int, *, seed: int) -> Measure:
    few = min(made, real)
    notes = () if few > width else (f"{few} pictures leave a covariance of {width}² singular",)
    return Measure(
        name=name_for(eye.encoder),
        figure=bare(value, made),
        eye=eye,
        seed=seed,
        protocol=f"Fréchet distance to {real} real pictures, covariances over n - 1",
        notes=notes,
    )


def name_for(encoder: Mark) -> str:
    """What to call the distance."""
    return "FID" if encoder.name == INCEPTION else f"FD_{encoder.name}"


def between(made: Seen, real: Seen) -> float:
    """(1), of pictures that are all at hand."""
    eye = one_eye(made, real)
    if 2 <= min(len(made), len(real)) <= made.points.shape[1]:
        return _of_few(made.points.double(), real.points.double())
    return frechet(Moments.of(made.points, eye), Moments.of(real.points, eye))


def _of_few(x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]) -> float:
    """(1) of fewer pictures than numbers: tr (A B)^(1/2) is the sum of the singular values of
    X Y' / sqrt((n - 1)(m - 1)), both centred, which is no larger than there are pictures."""
    (x, near), (y, real) = ((z - z.mean(0), z.mean(0)) for z in (x, y))
    n, m = len(x) - 1, len(y) - 1
    size = float(x.square().sum() / n + y.square().sum() / m)
    root = float(torch.linalg.svdvals(x @ y.T).sum()) / (n * m) ** 0.5
    return max(0.0, float((near - real).square().sum()) + size - 2 * root)


def frechet(x: Moments, y: Moments) -> float:
    """(1)."""
    x._check(len(y.mean), y.eye)
    a, b = x.covariance(), y.covariance()
    size = float(a.trace() + b.trace())
    value = float((x.mean - y.mean).square().sum()) + size - 2 * trace_of_root(a, b)
    assert value >= -1e-6 * size, (value, size)
    return max(value, 0.0)  # below it for rounding alone


def trace_of_root(a: Float[Tensor, "D D"], b: Float[Tensor, "D D"]) -> float:
    """tr (A B)^(1/2) of two covariances, singular or not.

    With A = L L' the eigenvalues of A B are those of L' B L: one Cholesky factor and no root of a
    matrix. Where that would take square roots of mere rounding, the singular values of
    A^(1/2)' B^(1/2) are summed instead.
    """
    low, failed = torch.linalg.cholesky_ex(a)
    if not failed:
        squares = torch.linalg.eigvalsh(low.T @ b @ low)
        if squares[0] > _SURE * squares[-1]:
            return float(squares.sqrt().sum())
    return float(torch.linalg.svdvals(_root(a).T @ _root(b)).sum())


def _root(a: Float[Tensor, "D D"]) -> Float[Tensor, "D R"]:
    """R with R R' = A, of as many columns as A has rank."""
    values, vectors = torch.linalg.eigh(a)
    kept = values > len(a) * torch.finfo(a.dtype).eps * values[-1]
    return vectors[:, kept] * values[kept].sqrt()
