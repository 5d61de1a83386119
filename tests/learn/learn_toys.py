"""What the tests of `learn` train: small, and a pure function of an index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from palate import seeds
from palate.learn.facts import Fact
from palate.learn.fit import fit
from palate.learn.settings import Fit


class Line:
    """Points of y = 2x + 1."""

    def __len__(self) -> int:
        return 50

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.tensor([index / 25 - 1.0])
        return x, 2 * x + 1


class Cloud:
    """Noise with a label; 37 of them, so that no batch ends where an epoch does."""

    def __len__(self) -> int:
        return 37

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.tensor(seeds.normal(index, range(8)), dtype=torch.float32)
        return x, x[:1] * x[1:2]


def net(width: int = 32) -> nn.Sequential:
    """Dropout and all, and the same weights each time."""
    layers = nn.Sequential(
        nn.Linear(8, width), nn.BatchNorm1d(width), nn.GELU(), nn.Dropout(0.1), nn.Linear(width, 1)
    )
    with torch.no_grad():
        for key, parameter in enumerate(layers.parameters()):
            draw = torch.empty_like(parameter).normal_(generator=seeds.generator(key))
            parameter.copy_(draw / parameter.shape[-1] ** 0.5)
    return layers


class Steady(nn.Module):
    """Without batch statistics, of which each process would take its own, and without dropout."""

    def __init__(self) -> None:
        super().__init__()
        layers = net()
        self.blocks = nn.ModuleList([layers[0], layers[2]])
        self.last = layers[4]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return self.last(x)


def train(run: Path | None, config: Fit, module: nn.Module | None = None) -> Iterator[Fact]:
    """Train a net on the cloud, with noise from the generator the loop hands out."""
    module = net() if module is None else module

    def loss(batch: list[torch.Tensor], generator: torch.Generator) -> dict[str, torch.Tensor]:
        x, y = (part.cpu() for part in batch)
        noise = 0.1 * torch.randn(x.shape, generator=generator)
        off = module(x + noise) - y
        return {"loss": off.square().mean(), "off": off.abs().mean()}

    return fit({"net": module}, Cloud(), loss, config, run=run)


def fingerprints(run: Path, step: int) -> dict[str, str]:
    """sha256 of everything a checkpoint says about weights, average and optimizer."""
    manifest = json.loads((run / f"step_{step:08d}" / "manifest.json").read_text())
    return {n: entry["sha256"] for n, entry in manifest.items() if n.endswith(".safetensors")}
