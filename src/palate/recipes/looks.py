"""Looks as rows of numbers, one for each of the fifty values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from palate.sketchbook.vocabulary import OFFSETS, SIZES

if TYPE_CHECKING:
    from jaxtyping import Float, Int

CHANCE = torch.tensor([1 / size for size in SIZES for _ in range(size)])  # of a look drawn blindly


def has(looks: Int[Tensor, "... 12"]) -> Float[Tensor, "... 50"]:
    """A 1 for each value a picture has."""
    places = looks + torch.tensor(OFFSETS, device=looks.device)
    none = torch.zeros(*looks.shape[:-1], sum(SIZES), device=looks.device)
    return none.scatter(-1, places, 1.0)


def spread(looks: Int[Tensor, "... 12"]) -> Float[Tensor, "... 50"]:
    """Values a picture has, each less what chance would give it."""
    return has(looks) - CHANCE.to(looks.device)
