"""A second pass of the model in every step, with other texts: what ViPer's code does.

It costs as much as the first. Where there is no negative half (guidance built in, or none), there
is nothing to weigh the texts against, and no second pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from palate.backbones.lending import announced, shadowing
from palate.ops.viper import towards

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class Other:
    """Texts of the second pass, a row for each picture, and how much they count."""

    liked: Float[Tensor, "B S C"]
    disliked: Float[Tensor, "B S C"]
    degree: Float[Tensor, " B"]
    away: Float[Tensor, " B"]


@contextmanager
def again(model: Any, other: Other) -> Iterator[None]:
    """Let a U-Net or a transformer of ours be run twice in each step of our sampler."""
    inner = model.forward

    def forward(*args: Any, encoder_hidden_states: Tensor, **kwargs: Any) -> tuple[Tensor, ...]:
        first = inner(*args, encoder_hidden_states=encoder_hidden_states, **kwargs)[0]
        riders = announced()
        if riders is None or all(riders.speaking):
            return (first,)
        at = list(riders.pictures[: len(first) // 2])  # the negative rows come first
        texts = torch.cat([other.disliked[at], other.liked[at]]).to(encoder_hidden_states)
        second = inner(*args, encoder_hidden_states=texts, **kwargs)[0]
        degree, away = (
            amount[at].to(first).reshape(-1, *[1] * (first.ndim - 1))
            for amount in (other.degree, other.away)
        )
        negative, prompted = first.chunk(2)
        disliked, liked = second.chunk(2)
        return (torch.cat([negative, towards(prompted, liked, disliked, degree, away)]),)

    with shadowing("forward", [(model, forward)]):
        yield
