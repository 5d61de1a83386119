"""What stands where and how things look, which a generator learns to say beside the flow.

Of all that a flow misses, the subjects are a few per cent, and without help they are learned last.
Heads on the features the flow is read from name subject and part at each place, what falls there,
and the look, so that those features hold them soon. The heads are left behind when training ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from palate.backbones import FLUX, SDXL
from palate.sketchbook.layout import FALLS, PARTS, layout
from palate.sketchbook.scenes import Scene, codes_of
from palate.sketchbook.vocabulary import SIZES, SUBJECTS

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

KINDS = (1 + len(SUBJECTS), 1 + len(PARTS), 1 + len(FALLS))
SIZE = 32  # places a side
NOBODY = 0.3  # how much a place counts where nothing is


@dataclass(frozen=True, kw_only=True)
class Beside:
    """How much what is said beside the flow counts.

    Too little and prompts are learned late; too much and the flow is. Heavy at first and lighter in
    a second run that begins from it, as (2, 1) and (0.4, 0.2), was best. What is painted can be
    read once there are subjects at all.
    """

    standing: float = 1.0
    look: float = 0.5  # the mean of twelve dimensions
    painted: float = 0.0  # what a proof misreads in the picture the flow leads to
    alike: float = 0.0  # how unlike the drawing that picture is to a proof's eyes

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """All in one."""
        known = self.standing * parts["standing"] + self.look * parts["look"]
        read = {"painted": self.painted, "alike": self.alike}
        found = sum(share * parts[name] for name, share in read.items() if share)
        return parts["flow"] + known + found


class Standing(nn.Module):
    """From features (B, width, `side`, `side`) to SIZE x SIZE places, and to the look of all."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.finer = SIZE // side
        self.places = nn.Conv2d(width, self.finer**2 * sum(KINDS), 1)
        self.look = nn.Linear(width, sum(SIZES))

    def forward(self, features: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """What it says of each place, by kind, and of each dimension of the look."""
        places = F.pixel_shuffle(self.places(features), self.finer).float()
        look = self.look(features.mean((2, 3))).float()
        return places.split(KINDS, 1), look.split(SIZES, 1)

    def missed(self, features: Tensor, scenes: Sequence[Scene]) -> dict[str, Tensor]:
        """How surprised it is by what stands where in these scenes, and by their looks."""
        codes = torch.from_numpy(np.stack([layout(scene, SIZE) for scene in scenes]))
        codes = codes.to(features.device).long()
        said, values = self(features)
        there = [_surprise(kind, codes[..., n]) for n, kind in enumerate(said)]
        look = torch.from_numpy(codes_of(scenes))
        like = _surprise_of_look(values, look)
        return {"standing": torch.stack(there).mean(), "look": like.mean()}

    def look_missed(
        self, features: Tensor, look: Int[Tensor, "B 12"], named: Bool[Tensor, "B 12"]
    ) -> Float[Tensor, ""]:
        """How surprised it is by those values of looks that are named."""
        each, named = _surprise_of_look(self(features)[1], look), named.to(features.device)
        return (each * named).sum() / named.sum().clamp(min=1)


def _surprise(said: Tensor, codes: Tensor) -> Tensor:
    weight = torch.ones(said.shape[1], device=said.device)
    weight[0] = NOBODY
    return F.cross_entropy(said, codes, weight=weight)


def _surprise_of_look(values: Sequence[Tensor], look: Int[Tensor, "B 12"]) -> Float[Tensor, "B 12"]:
    look = look.to(values[0].device)
    like = [F.cross_entropy(v, look[:, n], reduction="none") for n, v in enumerate(values)]
    return torch.stack(like, dim=1)


def last_layer(backbone: SDXL | FLUX) -> nn.Module:
    """What turns features into the flow."""
    pipe = backbone.pipe
    return pipe.transformer.proj_out if isinstance(backbone, FLUX) else pipe.unet.conv_out


@contextmanager
def hearing(layer: nn.Module) -> Iterator[list[Tensor]]:
    """What a layer is given while this lasts."""
    heard: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, given: heard.append(given[0]))
    try:
        yield heard
    finally:
        handle.remove()


def unflattened(rows: Tensor) -> Tensor:
    """Features of places in rows, (B, side * side, width), as (B, width, side, side)."""
    side = round(rows.shape[1] ** 0.5)
    return rows.transpose(1, 2).unflatten(2, (side, side))
