"""Distances between two pictures by what the layers of a network see: LPIPS and Gram style loss.

What they are given are a network's feature maps, layer by layer; any network's will do, and the
number is that network's. N pictures, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from palate.errors import Mismatch

if TYPE_CHECKING:
    from jaxtyping import Float

Per = Literal["place", "number"]
_TINY = 1e-10  # LPIPS' own


def lpips(
    x: Sequence[Float[Tensor, "N C H W"]],
    y: Sequence[Float[Tensor, "N C H W"]],
    weights: Sequence[Float[Tensor, " C"]],
) -> Float[Tensor, " N"]:
    """Sum over layers of the mean over places of w . (x/|x| - y/|y|)^2.

    To a reference lower is nearer; between pictures of one prompt higher is more diverse. The
    network takes pictures in -1..1: in 0..1 it gives other numbers and no error.
    """
    _check(x, y)
    total = torch.zeros(len(x[0]), device=x[0].device)
    for a, b, weight in zip(x, y, weights, strict=True):
        apart = (_along(a) - _along(b)).square()
        total = total + (apart * weight[:, None, None]).sum(1).mean((1, 2))
    return total


def _along(x: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
    return x / (x.square().sum(1, keepdim=True).sqrt() + _TINY)


def gram(x: Float[Tensor, "N C H W"], per: Per = "place") -> Float[Tensor, "N C C"]:
    """F F' over H W ("place"), or over C H W ("number"), which makes all of it C times smaller."""
    flat = x.flatten(2)
    return flat @ flat.mT / (flat.shape[2] * (1 if per == "place" else flat.shape[1]))


def style_loss(
    x: Sequence[Float[Tensor, "N C H W"]],
    y: Sequence[Float[Tensor, "N C H W"]],
    per: Per = "place",
) -> Float[Tensor, " N"]:
    """The mean square difference of Gram matrices, summed over layers. Say `per` beside it."""
    _check(x, y)
    apart = [(gram(a, per) - gram(b, per)).square().mean((1, 2)) for a, b in zip(x, y, strict=True)]
    return torch.stack(apart).sum(0)


def signature(x: Sequence[Float[Tensor, "N C H W"]], per: Per = "place") -> Float[Tensor, "N D"]:
    """Gram matrices as one point a picture: style losses are these points' square distances."""
    return torch.cat([gram(layer, per).flatten(1) / layer.shape[1] for layer in x], 1)


def style_cosine(
    x: Sequence[Float[Tensor, "N C H W"]], y: Sequence[Float[Tensor, "N C H W"]]
) -> Float[Tensor, " N"]:
    """1 less the cosine of Gram matrices, a mean over layers; knows no scale."""
    _check(x, y)
    pairs = [(gram(a).flatten(1), gram(b).flatten(1)) for a, b in zip(x, y, strict=True)]
    return torch.stack([1 - torch.cosine_similarity(a, b) for a, b in pairs]).mean(0)


def _check(x: Sequence[Tensor], y: Sequence[Tensor]) -> None:
    shapes = [[tuple(layer.shape) for layer in layers] for layers in (x, y)]
    if shapes[0] != shapes[1] or not x:
        raise Mismatch(
            f"The layers of one side are {shapes[0]}, of the other {shapes[1]}. Bring all pictures "
            "to one size, and give as many of each."
        )
