"""A judge of the drawn world: reads off a picture what is in it and how it looks.

Trained apart from everything that conditions, on drawings alone, it gives "does this fit this
person" a ground truth. It speaks of arrangements (see `Content.arrangement`), because "a cat left
of a cup" and "a cup right of a cat" are the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from numpy.typing import NDArray
from torch import Tensor, nn

from palate.sketchbook.people import Looks
from palate.sketchbook.scenes import Scene, look_to_codes
from palate.sketchbook.vocabulary import DIMENSIONS, SIZES, SUBJECTS

LAYOUTS = ("alone", "stacked", "beside")
HEADS = {**dict(zip(DIMENSIONS, SIZES, strict=True)), "layout": 3, "first": 12, "second": 12}
NOBODY = -100  # "second" where a subject is alone: what cross_entropy leaves out


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a judge saw in some pictures."""

    looks: Looks  # (n, 12)
    arrangements: tuple[tuple[str, ...], ...]


class Judge(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="palate",
    license="apache-2.0",
    tags=["sketchbook"],
):
    """A small residual network with one head for each dimension and three for the content."""

    def __init__(self, widths: Sequence[int] = (24, 40, 80, 128, 192)) -> None:
        super().__init__()
        stem, *rest = widths
        self.body = nn.Sequential(
            nn.Conv2d(3, stem, 4, 2, 1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
            *(Residual(a, b) for a, b in zip(widths, rest, strict=False)),
        )
        self.heads = nn.Linear(6 * widths[-1], sum(HEADS.values()))

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """Pictures (n, 3, 128, 128) in -1..1 to logits for each head."""
        return self.answers(self.pooled(pixels))

    def answers(self, points: Tensor) -> dict[str, Tensor]:
        """What it knows (n, 6 c) to logits for each head."""
        logits = self.heads(points)
        return dict(zip(HEADS, logits.split(list(HEADS.values()), 1), strict=True))

    def pooled(self, pixels: Tensor) -> Tensor:
        """What it knows of each picture before it decides: six numbers a channel."""
        return self.gathered(self.body(pixels))

    @staticmethod
    def gathered(x: Tensor) -> Tensor:
        """The last layer's maps (n, c, h, w) as points (n, 6 c)."""
        quarters = F.adaptive_avg_pool2d(x, 2).flatten(1)  # left and right matter
        return torch.cat([x.mean((2, 3)), x.amax((2, 3)), quarters], dim=1)

    @torch.inference_mode()
    def look_at(self, pictures: NDArray[np.uint8]) -> Sight:
        """Pictures (n, height, width, 3) as people see them."""
        return self.decided(self.eval().pooled(to_input(pictures).to(self.heads.weight.device)))

    @torch.inference_mode()
    def decided(self, points: Tensor) -> Sight:
        """What it sees, from what it knows of each picture."""
        logits = self.answers(points)
        best = {name: head.argmax(1).cpu().numpy() for name, head in logits.items()}
        looks = np.stack([best[dimension] for dimension in DIMENSIONS], axis=1)
        seen = zip(best["layout"], best["first"], best["second"], strict=True)
        return Sight(
            looks=looks.astype(np.uint8),
            arrangements=tuple(arrangement(*map(int, codes)) for codes in seen),
        )


class Residual(nn.Module):
    """Two convolutions, the first halving the picture, beside a plain projection."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.near = nn.Conv2d(before, after, 3, 2, 1, bias=False)
        self.near_norm = nn.BatchNorm2d(after)
        self.far = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.far_norm = nn.BatchNorm2d(after)
        self.beside = nn.Conv2d(before, after, 1, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, before, h, w) to (n, after, h/2, w/2)."""
        changed = self.far_norm(self.far(F.relu(self.near_norm(self.near(x)))))
        return F.relu(changed + self.beside(x))


def to_input(pictures: NDArray[np.uint8], side: int = 128) -> Tensor:
    """Bytes (n, height, width, 3) to (n, 3, side, side) in -1..1."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    if x.shape[-2:] != (side, side):
        x = F.interpolate(x, (side, side), mode="area")
    return x


def truth(scene: Scene) -> dict[str, int]:
    """What a perfect judge would say of a scene, as a class for each head."""
    layout, *subjects = scene.content.arrangement
    places = [SUBJECTS.index(subject) for subject in subjects]
    codes = dict(zip(DIMENSIONS, look_to_codes(scene.look), strict=True))
    second = places[1] if len(places) > 1 else NOBODY
    return {**codes, "layout": LAYOUTS.index(layout), "first": places[0], "second": second}


def arrangement(layout: int, first: int, second: int) -> tuple[str, ...]:
    """As `Content.arrangement` says it, of a class for each head."""
    subjects = (SUBJECTS[first], SUBJECTS[second])
    return (LAYOUTS[layout], *subjects[: 1 if layout == 0 else 2])
