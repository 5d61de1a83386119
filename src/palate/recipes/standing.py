"""What stands where, which a generator learns to say beside the flow.

Of all that a flow misses, the subjects are a few per cent, and without help they are learned last.
A head on the features the flow is read from names subject and part at each place, so that those
features hold them soon. The head is left behind when training ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from palate.sketchbook.layout import PARTS, layout
from palate.sketchbook.scenes import Scene
from palate.sketchbook.vocabulary import SUBJECTS

KINDS = (1 + len(SUBJECTS), 1 + len(PARTS))
SIZE = 32  # places a side
NOBODY = 0.3  # how much a place where nothing stands counts


class Standing(nn.Conv2d):
    """From features (B, width, `side`, `side`) to subject and part at SIZE x SIZE places."""

    def __init__(self, width: int, side: int) -> None:
        self.finer = SIZE // side
        super().__init__(width, self.finer**2 * sum(KINDS), 1)

    def missed(self, features: Tensor, scenes: Sequence[Scene]) -> Tensor:
        """How surprised it is by what stands where in these scenes."""
        codes = torch.from_numpy(np.stack([layout(scene, SIZE) for scene in scenes]))
        codes = codes.to(features.device).long()
        said = F.pixel_shuffle(self(features), self.finer).float().split(KINDS, 1)
        return torch.stack([_surprise(kind, codes[..., n]) for n, kind in enumerate(said)]).mean()


def _surprise(said: Tensor, codes: Tensor) -> Tensor:
    weight = torch.ones(said.shape[1], device=said.device)
    weight[0] = NOBODY
    return F.cross_entropy(said, codes, weight=weight)


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
