"""What a judge makes of pictures: what they show, and how far their style is from a person's likes.

Like every eye it sees a picture once, and keeps in the run's folder what it saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.backbones.encoders import JudgeEncoder
from palate.backbones.judges import Judge, Sight
from palate.evals.measures import Eye
from palate.evals.seeing import Memory, key_of
from palate.evals.textures import signature
from palate.recipes.comparison.audience import Audience, Pixels
from palate.recipes.comparison.guests import seen_file

if TYPE_CHECKING:
    from jaxtyping import Float

_AT_ONCE = 16


class Truth:
    """A judge that knows the people: what it knows of a picture, and one style loss beside it."""

    def __init__(self, judge: Judge, audience: Audience, out: Path) -> None:
        self.judge, self.audience, self._encoder = judge, audience, JudgeEncoder(judge)
        self.eye = Eye(encoder=self._encoder.mark, preprocessing=self._encoder.preprocessing)
        self._memory = Memory(self.eye, seen_file(out, self.eye, "judge"))
        self.save = self._memory.save
        self._style = cache(self._style_of)

    def look(
        self, pictures: Sequence[Pixels], people: Sequence[int]
    ) -> tuple[Sight, NDArray[np.float64]]:
        """What is in each picture, and its mean style loss to its person's liked ones."""
        keys = [
            sha256(key_of(pixels) + self.audience.mark(person)).digest()
            for pixels, person in zip(pictures, people, strict=True)
        ]

        def make(rows: list[int]) -> Float[Tensor, "M D"]:
            return self._seen([pictures[r] for r in rows], [people[r] for r in rows])

        found = self._memory.of(keys, make, _AT_ONCE)
        points = found[:, :-1].to(self.judge.heads.weight.device)
        return self.judge.decided(points), found[:, -1].double().numpy()

    def _seen(self, pictures: Sequence[Pixels], people: Sequence[int]) -> Float[Tensor, "M D"]:
        """What the judge knows of each before it decides, and the loss as one more number."""
        maps, losses = self._encoder.maps(pictures), []
        for point, person in zip(signature(maps), people, strict=True):
            middle, spread = self._style(person)
            losses.append(float((point - middle).square().sum()) + spread)
        points = self.judge.gathered(maps[-1]).float().cpu()
        return torch.cat([points, torch.tensor(losses)[:, None]], 1)

    def _style_of(self, person: int) -> tuple[Tensor, float]:
        """The mean of signatures, and the mean of their square distances from it."""
        points = signature(self._encoder.maps(self.audience.liked(person)))
        middle = points.mean(0)
        return middle, float((points - middle).square().sum(1).mean())
