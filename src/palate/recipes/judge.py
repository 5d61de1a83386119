"""sketchbook-judge: a small network that reads content and look off a picture.

Pictures are softened and made noisy at random, because the judge is to read generated pictures,
which are never quite as crisp as drawings.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from palate.backbones.judges import HEADS, NOBODY, Judge, truth
from palate.learn.settings import Fit
from palate.recipes.drawings import Drawings
from palate.recipes.recipe import Parts
from palate.sketchbook.drawing import draw
from palate.sketchbook.people import Looks
from palate.sketchbook.scenes import any_scene, codes_of
from palate.sketchbook.vocabulary import DIMENSIONS

TRAIN_FROM, TEST_FROM = 2_000_000_000, 3_000_000_000  # seeds nothing else draws from


@dataclass(frozen=True, kw_only=True)
class JudgeRecipe:
    """What the judge is made of and how it learns."""

    summary: str = "reads content and look off pictures; trained on drawings alone"
    fit: Fit
    widths: tuple[int, ...] = (24, 40, 80, 128, 192)
    pictures: int = 1_000_000
    soft: float = 0.5  # how much of a blurred picture may be mixed in
    noise: float = 0.06  # of pixels in -1..1
    tested: int = 4000

    def parts(self) -> Parts:
        """A judge, drawings with their truth, and the sum of all heads' cross-entropies."""
        judge = Judge(widths=self.widths)
        with torch.no_grad():
            for number, parameter in enumerate(judge.parameters()):
                _begin(parameter, number)

        def loss(batch: tuple[Tensor, dict[str, Tensor]], generator: torch.Generator) -> dict:
            pixels, labels = batch
            logits = judge(self._worn(pixels.permute(0, 3, 1, 2) / 127.5 - 1, generator))
            each = {
                name: F.cross_entropy(logits[name].float(), labels[name], ignore_index=NOBODY)
                for name in HEADS
            }
            return {"loss": torch.stack(list(each.values())).sum()}

        items = Drawings(first=TRAIN_FROM, count=self.pictures, about=truth)
        return Parts(modules={"judge": judge}, items=items, loss=loss)

    def _worn(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Somewhat softened and noisy, each picture its own way."""
        drawn = torch.rand((2, len(pixels), 1, 1, 1), generator=generator).to(pixels.device)
        blurred = F.avg_pool2d(pixels, 3, 1, 1)
        grain = torch.randn(pixels.shape, generator=generator).to(pixels.device)
        soft = pixels + self.soft * drawn[0] * (blurred - pixels)
        return soft + self.noise * drawn[1] * grain

    def keep(self, parts: Parts, folder: Path) -> None:
        """Weights (bf16) and config, as `Judge.from_pretrained` reads them."""
        deepcopy(cast(Judge, parts.modules["judge"])).bfloat16().save_pretrained(folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How often the weights as kept, in bf16, read each thing right off unseen drawings."""
        kept = deepcopy(cast(Judge, parts.modules["judge"])).bfloat16().float()
        return judged(kept, self.tested)


def _begin(parameter: Tensor, number: int) -> None:
    """Kaiming's start for whatever multiplies, drawn from our own generator."""
    if parameter.ndim > 1:
        fan = parameter[0].numel()
        drawn = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number))
        parameter.copy_(drawn * (2 / fan) ** 0.5)


def judged(judge: Judge, count: int) -> dict[str, float]:
    """The share of fresh drawings on which a judge is right, head by head."""
    right: list[Looks] = []
    content = 0
    for start in range(TEST_FROM, TEST_FROM + count, 100):
        scenes = [any_scene(seed) for seed in range(start, min(start + 100, TEST_FROM + count))]
        sight = judge.look_at(np.stack([draw(scene) for scene in scenes]))
        right.append(sight.looks == codes_of(scenes))
        content += sum(
            seen == scene.content.arrangement
            for seen, scene in zip(sight.arrangements, scenes, strict=True)
        )
    each = dict(zip(DIMENSIONS, np.concatenate(right).mean(axis=0).tolist(), strict=True))
    mean = float(np.mean(list(each.values())))
    return {"content": content / count, "attributes": mean, **each}


JUDGE = JudgeRecipe(
    fit=Fit(
        steps=8000, batch=64, lr=3e-3, weight_decay=0.02, warmup=300, ema=0.999, bf16=True,
        channels_last=True, log_every=50, checkpoint_steps=500,
    ),
)  # fmt: skip
DEBUG = JudgeRecipe(
    fit=Fit(steps=4, batch=8, lr=1e-3, log_every=1, checkpoint_steps=2),
    widths=(16, 16, 16, 16, 16),  # narrower ones crash torch 2.13 on CPU in channels_last
    pictures=64,
    tested=100,
)
