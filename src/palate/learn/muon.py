"""Muon (Jordan et al. 2024): the matrices inside a model's blocks move by turned gradients alone.

A gradient is mostly a few directions; made orthogonal, all of its directions move alike. Whatever
is no such matrix (norms, biases, embeddings, first and last layers) moves by AdamW.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Float

_QUINTIC = (3.4445, -4.7750, 2.0315)  # steep at 0: five turns bring what is 0.01 near 1
_TURNS = 5
_LIKE_ADAM = 0.2  # how far AdamW moves a number at lr 1, so that both take the same lr


class Muon(torch.optim.AdamW):
    """AdamW, but for groups with "turned"; these keep one moment in place of two."""

    def __init__(self, groups: Iterable[dict[str, Any]], momentum: float = 0.95, **options: Any):
        super().__init__(groups, **options)
        for group in self.param_groups:
            group.setdefault("turned", False)
            group["momentum"] = momentum

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move everything that has a gradient."""
        assert closure is None
        turned = [
            (group, param, param.grad)
            for group in self.param_groups
            if group["turned"]
            for param in group["params"]
            if param.grad is not None
        ]
        for _, param, _ in turned:
            param.grad = None  # AdamW passes these by
        super().step()
        ahead = [self._ahead(param, grad, group) for group, param, grad in turned]
        for (group, param, grad), move in zip(turned, all_orthogonal(ahead), strict=True):
            reach = group["lr"] * _LIKE_ADAM * max(move.shape) ** 0.5
            param.mul_(1 - group["lr"] * group["weight_decay"])
            param.add_(move.to(param).view_as(param), alpha=-reach)
            param.grad = grad

    def _ahead(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> Float[Tensor, "R C"]:
        state = self.state[param]
        if not state:  # AdamW asks for a step wherever something is kept
            state.update(step=torch.zeros(()), moment=torch.zeros_like(param))
        state["step"] += 1
        held = state["moment"]
        held.lerp_(grad, 1 - group["momentum"])
        # Nesterov's. A convolution's row is all that one channel sees.
        return grad.lerp(held, group["momentum"]).flatten(1)


def all_orthogonal(matrices: Sequence[Float[Tensor, "R C"]]) -> list[Float[Tensor, "R C"]]:
    """Each made orthogonal; those of one shape together, as one by one they keep no core busy."""
    places: dict[Any, list[int]] = {}
    for place, matrix in enumerate(matrices):
        places.setdefault((matrix.shape, matrix.device), []).append(place)
    found: dict[int, Tensor] = {}
    for some in places.values():
        found |= zip(some, orthogonal(torch.stack([matrices[n] for n in some])), strict=True)
    return [found[place] for place in range(len(matrices))]


def orthogonal(matrix: Float[Tensor, "*N R C"]) -> Float[Tensor, "*N R C"]:
    """A matrix with the same singular vectors and all singular values near 1 (0.7 to 1.2)."""
    wide = matrix if matrix.shape[-2] <= matrix.shape[-1] else matrix.mT
    x = (wide / wide.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-7)).bfloat16()
    a, b, c = _QUINTIC
    for _ in range(_TURNS):
        square = x @ x.mT
        x = a * x + (b * square + c * (square @ square)) @ x
    return x if wide is matrix else x.mT


def matrices(module: nn.Module) -> list[Tensor]:
    """Weights of linear layers and convolutions inside numbered blocks, that are to be trained."""
    return [
        layer.weight
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.requires_grad
        if any(part.isdigit() for part in name.split("."))
    ]
