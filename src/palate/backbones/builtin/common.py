"""What all built-in models share: sizes, towers, and first weights from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

SIZE, LATENTS = 128, 8  # pixels a side and latent channels
SHIFT = 3.0  # of a picture's steps towards noise, where what stands where is decided


@dataclass(frozen=True, kw_only=True)
class Tower:
    """A transformer that reads text or sees a picture."""

    width: int
    layers: int
    heads: int
    inner: int


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """First weights come from the global generator: lend it a seed, then put it back."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
