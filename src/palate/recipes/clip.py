"""sketchbook-clip: a CLIPModel that knows which caption belongs to which drawing.

Its text tower is a text encoder of sketchbook-sdxl and sketchbook-flux; so it learns from train
prompts only, as they do.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from palate.backbones.builtin import Tower, clip_ids, clip_pixels, new_clip, save_clip
from palate.learn.settings import Fit
from palate.recipes.captions import Seen, Telling, scene_in
from palate.recipes.recipe import Parts
from palate.seeds import name_key, uniform
from palate.sketchbook.drawing import draw

TRAIN_FROM, TEST_FROM = 5_000_000_000, 5_500_000_000
TELLING = Telling(mood=0.2)
READS = Tower(width=128, layers=3, heads=4, inner=256)  # 0.5 M numbers
SEES = Tower(width=160, layers=5, heads=5, inner=384)  # 1.3 M


@dataclass(frozen=True, kw_only=True)
class ClipRecipe:
    """What the two towers are made of and how they learn."""

    summary: str = "knows which caption belongs to which drawing"
    fit: Fit
    reads: Tower = READS
    sees: Tower = SEES
    patch: int = 16
    shared: int = 128
    pictures: int = 1_000_000
    tested: int = 1000

    def parts(self) -> Parts:
        """The model, drawings, and how often captions and pictures of a batch are confused."""
        clip = self.new()

        def loss(batch: tuple[Tensor, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
            seeds, pictures = batch
            scenes = [scene_in("train", seed) for seed in seeds.tolist()]
            captions = TELLING.all_of(scenes, generator)
            logits = _logits(clip, captions, pictures).float()
            right = torch.arange(len(seeds), device=logits.device)
            both = F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)
            return {"loss": both / 2, "right": (logits.argmax(1) == right).float().mean()}

        return Parts(
            modules={"clip": clip}, items=Seen(first=TRAIN_FROM, count=self.pictures), loss=loss
        )

    def new(self) -> Any:
        """The model, before it learns."""
        return new_clip(self.reads, self.sees, patch=self.patch, shared=self.shared)

    def keep(self, parts: Parts, folder: Path) -> None:
        """As `CLIPModel.from_pretrained` and `CLIPProcessor.from_pretrained` read it."""
        save_clip(parts.modules["clip"], folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How often the right caption is found among a hundred, seen and unseen prompts alike."""
        return found(deepcopy(parts.modules["clip"]).bfloat16().float(), self.tested)


def _logits(clip: Any, captions: list[str], pictures: Tensor) -> Tensor:
    """(pictures, captions); what belongs together lies on the diagonal."""
    device = clip.logit_scale.device
    out = clip(
        input_ids=clip_ids(captions).to(device), pixel_values=clip_pixels(pictures).to(device)
    )
    return out.logits_per_image


@torch.no_grad()
def found(clip: Any, count: int) -> dict[str, float]:
    """Top-1 retrieval in hundreds of fresh pairs, of train prompts and of held-out ones."""
    return {f"found, {split} prompts": _found(clip, split, count) for split in ("train", "test")}


def _found(clip: Any, split: str, count: int) -> float:
    right = 0
    for start in range(TEST_FROM, TEST_FROM + count, 100):
        seeds = np.arange(start, min(start + 100, TEST_FROM + count))
        scenes = [scene_in(split, int(seed)) for seed in seeds]
        luck = uniform(seeds[:, None], name_key("told"), np.arange(16))
        luck[:, 12] = 0.5  # half of the values are named
        captions = [TELLING.of(scene, row) for scene, row in zip(scenes, luck, strict=True)]
        pictures = torch.from_numpy(np.stack([draw(scene) for scene in scenes]))
        best = _logits(clip, captions, pictures).argmax(1).cpu()
        right += int((best == torch.arange(len(seeds))).sum())
    return right / count


CLIP = ClipRecipe(
    fit=Fit(
        steps=4000, batch=128, lr=1e-3, weight_decay=0.1, options={"betas": (0.9, 0.98)},
        warmup=300, ema=0.999, bf16=True, log_every=50, checkpoint_steps=500,
    ),
)  # fmt: skip
DEBUG = ClipRecipe(
    fit=Fit(steps=4, batch=8, lr=3e-3, log_every=1, checkpoint_steps=2),
    reads=Tower(width=32, layers=2, heads=2, inner=64),
    sees=Tower(width=32, layers=2, heads=2, inner=64),
    patch=32,
    shared=32,
    pictures=8,
    tested=20,
)
