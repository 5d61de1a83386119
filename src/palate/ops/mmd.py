"""Maximum mean discrepancy: how far apart two clouds of points are (PrefGen's alignment).

    MMD^2(X, Y) = mean k(x, x') + mean k(y, y') - 2 mean k(x, y)

N and M points, D dimensions. Bandwidths are the median distance between points of the two clouds,
times some factors; the paper names neither its kernel nor a bandwidth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float

KernelName = Literal["rbf", "imq", "linear"]
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)


def mmd(
    x: Float[Tensor, "N D"],
    y: Float[Tensor, "M D"],
    *,
    kernel: KernelName = "rbf",
    unbiased: bool = False,
    factors: tuple[float, ...] = FACTORS,
) -> Float[Tensor, ""]:
    """MMD^2. Biased it is never below 0; unbiased it leaves out what a point makes of itself."""
    of = _kernel(kernel, _median(x.detach(), y.detach()), factors)
    xx, yy, xy = of(x, x), of(y, y), of(x, y)
    if not unbiased:
        return xx.mean() + yy.mean() - 2 * xy.mean()
    return _apart(xx) + _apart(yy) - 2 * xy.mean()


def _kernel(
    name: KernelName, scale: Tensor, factors: tuple[float, ...]
) -> Callable[[Tensor, Tensor], Tensor]:
    if name == "linear":
        return lambda a, b: a @ b.T
    squares = [(scale * factor) ** 2 for factor in factors]
    if name == "rbf":
        return lambda a, b: _mean([(-_far(a, b) / (2 * s)).exp() for s in squares])
    return lambda a, b: _mean([(1 + _far(a, b) / s) ** -0.5 for s in squares])


def _far(a: Float[Tensor, "N D"], b: Float[Tensor, "M D"]) -> Float[Tensor, "N M"]:
    """Squared distances, not below 0 for rounding; in fp32, where half precision would cancel."""
    a, b = a.float(), b.float()
    with torch.autocast(a.device.type, enabled=False):
        return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp_min(0)


def _median(x: Tensor, y: Tensor) -> Float[Tensor, ""]:
    """The median distance between any two different points."""
    points = torch.cat([x, y])
    far = _far(points, points)
    upper = torch.ones_like(far, dtype=torch.bool).triu(1)
    return far[upper].median().sqrt().clamp_min(1e-6)


def _apart(k: Float[Tensor, "N N"]) -> Float[Tensor, ""]:
    """The mean off the diagonal."""
    count = len(k)
    return (k.sum() - k.diagonal().sum()) / (count * (count - 1))


def _mean(kernels: list[Tensor]) -> Tensor:
    return torch.stack(kernels).mean(0)
