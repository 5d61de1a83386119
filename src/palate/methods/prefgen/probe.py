"""What each layer of the reader knows of a person: two tasks, one linear probe a layer.

    who    which of some people a history belongs to      (inter-user, chance 1 / people)
    like   whether a picture is liked, after a history     (intra-user, chance 1 / 2)

A probe is a multinomial logistic regression with a ridge, on states of unit scale; nothing of it is
random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float, Int


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """States of every layer with their classes, to learn from and to be asked about."""

    states: Float[Tensor, "N L C"]
    classes: Int[Tensor, " N"]
    asked: Float[Tensor, "M L C"]
    answers: Int[Tensor, " M"]


def right(task: Task, ridge: float = 1e-2) -> Tensor:
    """Whether each layer's probe answers right, (M, L)."""
    layers = range(task.states.shape[1])
    return torch.stack([_right(task, layer, ridge) for layer in layers], 1)


def _right(task: Task, layer: int, ridge: float) -> Tensor:
    states, asked = task.states[:, layer].double(), task.asked[:, layer].double()
    mean, scale = states.mean(0), states.std(0).clamp_min(1e-6)
    count = int(task.classes.max()) + 1
    fitted = logistic((states - mean) / scale, task.classes, count, ridge)
    return _scores((asked - mean) / scale, fitted).argmax(1) == task.answers


def logistic(
    x: Float[Tensor, "N C"], classes: Int[Tensor, " N"], count: int, ridge: float
) -> Float[Tensor, "C+1 K"]:
    """Weights, the last row a bias: the minimum of mean cross-entropy + ridge/2 |W|^2.

    L-BFGS with a line search, from zero: the problem is convex, so where it starts is all one.
    """
    weights = torch.zeros(x.shape[1] + 1, count, dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights],
        max_iter=200,
        history_size=20,
        tolerance_grad=1e-7,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(_scores(x, weights), classes)
        loss = loss + ridge / 2 * weights[:-1].square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach()


def _scores(x: Tensor, weights: Tensor) -> Float[Tensor, "N K"]:
    return x @ weights[:-1] + weights[-1]
