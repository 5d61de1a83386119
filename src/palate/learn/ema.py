"""The average of the weights along the way, which often draws better than the last ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from palate.learn.state import local, put


class Ema:
    """An exponential average of trainable parameters, kept in fp32 whatever they are in."""

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self._parameters = {n: p for n, p in parameters.items() if p.requires_grad}
        self._decay = decay
        self.average = {n: p.detach().float().clone() for n, p in self._parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights of a step, counted from 0. Early steps count more: see `ramp`."""
        average = [local(tensor) for tensor in self.average.values()]
        weights = [local(parameter).float() for parameter in self._parameters.values()]
        torch._foreach_lerp_(average, weights, 1 - ramp(self._decay, step))  # type: ignore[attr-defined]

    @contextmanager
    def swap(self) -> Iterator[None]:
        """Lend the averaged weights to the modules; theirs come back at the end, bit for bit."""
        own = {name: p.detach().clone() for name, p in self._parameters.items()}
        self._give(self.average)
        try:
            yield
        finally:
            self._give(own)

    @torch.no_grad()
    def _give(self, weights: Mapping[str, torch.Tensor]) -> None:
        for name, parameter in self._parameters.items():
            put(parameter, weights[name])


def ramp(decay: float, step: int) -> float:
    """How much of the average stays: 0.1 at first, since it began as untrained weights."""
    return min(decay, (1 + step) / (10 + step))
