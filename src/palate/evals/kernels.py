"""How far apart two clouds of points are by a kernel: CMMD and KID.

    MMD^2(X, Y) = mean k(x, x') + mean k(y, y') - 2 mean k(x, y)                            (1)

CMMD is 1000 MMD^2 with k = exp(-|x - y|^2 / 2 sigma^2) between points of length 1, sigma 10. All
its values are close to 1, so k - 1 is summed, in float64: the ones cancel, and single precision is
enough for the products. N and M points, D numbers each.

Biased means over all pairs, as the code behind published CMMDs takes them; unbiased leaves out the
pairs of a point with itself, as their paper says. The biased one falls as n grows.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from palate.errors import BadInput, Mismatch
from palate.evals.measures import Eye, Measure, Seen, bare, finite, one_eye
from palate.evals.moments import Moments
from palate.evals.stats import LEVEL, Figure, some_of

if TYPE_CHECKING:
    from jaxtyping import Float

SIGMA = 10.0
PAPERS = ("clip-vit-large-patch14-336", "openai/clip-vit-large-patch14-336")
_BLOCK = 2048  # rows of a kernel matrix that are there at once
_UNIT = 1e-3  # how far a mean squared length may be from 1
_ROWS = 64  # of them, that are worked on at once
_SMALL = 0.05  # exponents up to here lose one part in 10^7 at most to a fifth term
Step = Callable[[Tensor], Tensor]


def cmmd_distance(
    made: Seen, real: Seen, *, sigma: float = SIGMA, unbiased: bool = False, seed: int = 0
) -> Measure:
    """How far the made pictures are from the real ones, as a CLIP sees them."""
    eye, how = one_eye(made, real), "unbiased" if unbiased else "biased"
    return Measure(
        name=name_for(eye),
        figure=bare(cmmd(made.points, real.points, sigma=sigma, unbiased=unbiased), len(made)),
        eye=eye,
        seed=seed,
        protocol=f"1000 MMD² to {len(real)} real pictures, {how}, Gaussian of sigma {sigma:g}",
    )


def name_for(eye: Eye) -> str:
    """CMMD by the paper's CLIP, and by another when it was another."""
    return "CMMD" if eye.encoder.name in PAPERS else f"CMMD_{eye.encoder.name}"


def cmmd(
    x: Float[Tensor, "N D"],
    y: Float[Tensor, "M D"],
    *,
    sigma: float = SIGMA,
    unbiased: bool = False,
) -> float:
    """1000 times (1), exactly, a block of the kernel matrix at a time."""
    _check_enough(x, y, 2 if unbiased else 1)
    x, y = _ready(x, y)
    middle = x.mean(0)
    lifted = _lifted(x, middle, sigma), _lifted(y, middle, sigma)
    xx, yy, xy = _sums(*lifted, _swapped, _finish(*lifted))
    n, m = len(x) - unbiased, len(y) - unbiased
    return 1000 * (xx / (len(x) * n) + yy / (len(y) * m) - 2 * xy / (len(x) * len(y)))


def cmmd_of_moments(
    x: Moments,
    y: Moments,
    *,
    sigma: float = SIGMA,
    unbiased: bool = False,
    about: float | None = None,
) -> float:
    """CMMD of points of length 1 from their moments alone, hence of any number of them.

    With s = sigma^2 and t = <x, y> there k = e^((t - 1)/s), here up to squares of t - c. The mean
    of t is |m|^2 and of t^2 is |M|^2, M the second moment. By default c is the mean cosine of the
    two clouds, and little is left out; about 0 that is never below 0, and the figure never above.
    """
    x._check(len(y.mean), y.eye)
    for cloud in (x, y):
        _check_unit(cloud)
    s, c = sigma**2, float(x.mean @ y.mean) if about is None else about
    m, second = (float((a - b).square().sum()) for a, b in _both(x, y))
    value = exp((c - 1) / s) * (m / s + (second - 2 * c * m) / (2 * s * s))  # the ones cancel
    if unbiased:  # off the diagonal the sum of k - 1 is the same, over n - 1 for n
        for one in (x, y):
            m, second = (float(z.square().sum()) for z in (one.mean, one.second()))
            value += _mean_below_one(m, second, s, c) / (one.n - 1)
    return 1000 * value


def _both(x: Moments, y: Moments) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    return (x.mean, y.mean), (x.second(), y.second())


def _mean_below_one(first: float, second: float, s: float, c: float) -> float:
    """The mean of k - 1, if those of t and its square are `first` and `second`."""
    square = second - 2 * c * first + c * c
    return exp((c - 1) / s) * (1 + (first - c) / s + square / (2 * s * s)) - 1


def _check_unit(x: Moments) -> None:
    if x.n < 2:
        raise BadInput(f"{x.n} pictures are no cloud; give at least 2.")
    length = float(x.scatter.trace() / x.n + x.mean.square().sum())
    if abs(length - 1) > _UNIT:
        raise BadInput(
            f"These points have a mean squared length of {length:.4g}. The CMMD of moments holds "
            "for points of length 1: normalise them first, or use the exact one."
        )


def kid(made: Seen, real: Seen, *, subsets: int = 100, size: int = 1000, seed: int = 0) -> Measure:
    """The kernel inception distance: (1) of (<x, y>/D + 1)^3, unbiased, a mean over subsets."""
    eye = one_eye(made, real)
    if min(len(made), len(real)) < size:
        raise BadInput(
            f"KID over subsets of {size} needs as many pictures, and there are {len(made)} made "
            f"and {len(real)} real. Give more, or a smaller size for all you compare."
        )
    values = np.array([
        poly_mmd(
            _some(made, size, seed, 2 * draw),
            _some(real, size, seed, 2 * draw + 1),
        )
        for draw in range(subsets)
    ])  # fmt: skip
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value, low, high = float(values.mean()), float(low), float(high)
    return Measure(
        name=f"KID_{eye.encoder.name}",
        figure=Figure(value=value, low=low, high=high, n=size, units=subsets),
        eye=eye,
        seed=seed,
        protocol=f"unbiased cubic MMD², {subsets} subsets of {size}; 95 % of subsets",
    )


def _some(seen: Seen, size: int, seed: int, draw: int) -> Tensor:
    return seen.points[torch.from_numpy(some_of(len(seen), size, seed, draw))]


def poly_mmd(x: Float[Tensor, "N D"], y: Float[Tensor, "M D"]) -> float:
    """(1), unbiased, of the cubic kernel (<x, y>/D + 1)^3."""
    _check_enough(x, y, 2)
    x, y = (z.double() for z in _ready(x, y))
    xx, yy, xy = _sums(x, y, lambda b: b, lambda k: k.div_(x.shape[1]).add_(1).pow_(3))
    n, m = len(x), len(y)
    return xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * xy / (n * m)


def _lifted(x: Tensor, middle: Tensor, sigma: float) -> Float[Tensor, "N D+2"]:
    """x / sigma, -|x|^2 / 2 sigma^2 and 1, so that one product holds the exponent, see below.

    Taking the middle away changes no distance, and leaves less to cancel.
    """
    found = x.new_ones(len(x), x.shape[1] + 2)
    near = found[:, :-2]
    torch.sub(x, middle.to(x), out=near).div_(sigma)
    found[:, -2] = torch.linalg.vector_norm(near, dim=1).square_().div_(-2)
    return found


def _swapped(b: Float[Tensor, "M D+2"]) -> Float[Tensor, "M D+2"]:
    """Lifted points as the other factor: their product is then -|a - b|^2 / 2 sigma^2."""
    return torch.cat([b[:, :-2], b[:, -1:], b[:, -2:-1]], 1)


def _finish(x: Float[Tensor, "N D+2"], y: Float[Tensor, "M D+2"]) -> Step:
    """e^z - 1 of all exponents z; in single precision and near 0 by four terms, twice as fast."""
    far = sum(float(points[:, -2].min().mul(-2).sqrt()) for points in (x, y))
    return _near if x.dtype == torch.float32 and far**2 / 2 <= _SMALL else torch.Tensor.expm1_


def _near(z: Tensor) -> Tensor:
    """z + z^2/2 + z^3/6 + z^4/24."""
    sixth, half, one = z.new_tensor([1 / 6, 1 / 2, 1.0])
    inner = torch.add(sixth, z, alpha=1 / 24)
    for term in (half, one):
        torch.addcmul(term, inner, z, out=inner)
    return inner.mul_(z)


def _check_enough(x: Tensor, y: Tensor, least: int) -> None:
    if min(len(x), len(y)) < least:
        raise BadInput(f"Between {len(x)} and {len(y)} points: give at least {least} of each.")


def _ready(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Finite, and in single precision at least."""
    for points in (x, y):
        finite(points, "a cloud")
    if x.shape[1] != y.shape[1]:
        raise Mismatch(
            f"Points of {x.shape[1]} and of {y.shape[1]} numbers cannot be compared: different "
            "encoders saw them."
        )
    x, y = (z if z.dtype == torch.float64 else z.float() for z in (x, y))
    return x, y


def _sums(x: Tensor, y: Tensor, factor: Step, finish: Step) -> tuple[float, float, float]:
    """The kernel's sums over pairs of x, of y, and of both; a point with itself counts nothing.

    One room serves all blocks: to ask the system for another each time costs as much as a kernel.
    """
    room = x.new_empty(min(_BLOCK, max(len(x), len(y))) ** 2)

    def of(one: Tensor, other: Tensor) -> float:
        total = 0.0
        for i, a in enumerate(one.split(_BLOCK)):
            for j, b in enumerate(other.split(_BLOCK)):
                if one is other and j < i:  # as much as the block across the diagonal
                    continue
                k = room[: len(a) * len(b)].view(len(a), len(b))
                torch.mm(a, factor(b).T, out=k)
                found = _summed(k, finish, itself=one is other and i == j)
                total += found * (2 if one is other and j > i else 1)
        return total

    return of(x, x), of(y, y), of(x, y)


def _summed(k: Float[Tensor, "N M"], finish: Step, *, itself: bool) -> float:
    """A few rows at a time, which stay in the processor's cache; sums of rows in float64."""
    total = torch.zeros((), dtype=torch.float64, device=k.device)
    for start in range(0, len(k), _ROWS):
        rows = finish(k[start : start + _ROWS])
        if itself:
            rows.diagonal(start).zero_()
        total += rows.sum(1).sum(dtype=torch.float64)
    return float(total)
