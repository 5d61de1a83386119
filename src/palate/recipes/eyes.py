"""sketchbook-eyes: the reader's vision tower and perceiver, before it has learned to talk.

Small heads read every value of a picture, its layout and subjects off the few tokens a text will
see; they are not kept. Words alone teach a vision tower slowly, through sixteen layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from palate.backbones.builtin import Tower, folder_of
from palate.backbones.builtin.reader import (
    ReaderSizes,
    Seen,
    begin_seeing,
    eyes,
    new_reader,
    picture_tokens,
    save_reader,
)
from palate.backbones.judges import HEADS, NOBODY, truth
from palate.learn.settings import Fit
from palate.recipes import captions
from palate.recipes.captions import scene_in
from palate.recipes.recipe import Parts
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import Scene
from palate.sketchbook.vocabulary import DIMENSIONS

TRAIN_FROM, TEST_FROM = 6_000_000_000, 6_900_000_000
SIZES = ReaderSizes(
    sees=Tower(width=96, layers=4, heads=2, inner=256),  # 0.4 M numbers
    reads=Tower(width=96, layers=16, heads=4, inner=192),  # 1.4 M
)


@dataclass(frozen=True, kw_only=True)
class EyesRecipe:
    """Whose eyes learn, and how."""

    summary: str = "the reader's eyes: what pictures show, in a few tokens each"
    fit: Fit
    sizes: ReaderSizes = SIZES
    begin: Path | str | None = None  # a folder of an earlier training, to go on from its eyes
    first: int = TRAIN_FROM  # seed of the first picture; another one shows others
    pictures: int = 1_000_000
    tested: int = 1000

    def parts(self) -> Parts:
        """Eyes and heads; pictures; how wrong the heads are."""
        reader = new_reader(self.sizes)
        if self.begin is not None:
            folder = folder_of(self.begin, "pair of eyes", "sketchbook-eyes", "begin")
            begin_seeing(reader, load_file(folder / "model.safetensors"))
        heads = Seen(self.sizes.tokens * self.sizes.reads.width, HEADS)

        def loss(batch: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
            seeds, pictures = batch
            tokens = picture_tokens(reader, pictures)
            scenes = [scene_in("train", seed) for seed in seeds.tolist()]
            return misread(heads(tokens.flatten(1)), scenes)

        items = captions.Seen(first=self.first, count=self.pictures)
        return Seeing(
            modules={**eyes(reader), "heads": heads}, items=items, loss=loss, reader=reader
        )

    def keep(self, parts: Parts, folder: Path) -> None:
        """A whole reader, which cannot talk yet."""
        assert isinstance(parts, Seeing)
        save_reader(parts.reader, folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How often the heads are right about scenes with held-out prompts."""
        assert isinstance(parts, Seeing)
        scenes = [scene_in("test", seed) for seed in range(TEST_FROM, TEST_FROM + self.tested)]
        found = _right(parts.reader, parts.modules["heads"], scenes)
        attributes = float(np.mean([found[dimension] for dimension in DIMENSIONS]))
        return {"attributes": attributes, **found}


@dataclass(frozen=True, kw_only=True)
class Seeing(Parts):
    """Parts that know the whole reader."""

    reader: Any


def misread(logits: dict[str, Tensor], scenes: list[Scene]) -> Tensor:
    """The mean of all heads' cross-entropies."""
    truths = [truth(scene) for scene in scenes]
    each = []
    for name, head in logits.items():
        right = torch.tensor([t[name] for t in truths], device=head.device)
        each.append(F.cross_entropy(head.float(), right, ignore_index=NOBODY))
    return torch.stack(each).mean()


@torch.no_grad()
def _right(reader: Any, heads: Any, scenes: list[Scene], at_once: int = 64) -> dict[str, float]:
    hits: dict[str, list[bool]] = {name: [] for name in HEADS}
    for start in range(0, len(scenes), at_once):
        some = scenes[start : start + at_once]
        pictures = torch.from_numpy(np.stack([draw(scene) for scene in some]))
        tokens = picture_tokens(reader, pictures.to(heads.heads.weight.device))
        for name, head in heads(tokens.flatten(1)).items():
            asked = zip(head.argmax(1).tolist(), (truth(s)[name] for s in some), strict=True)
            hits[name] += [guess == right for guess, right in asked if right != NOBODY]
    return {name: float(np.mean(found)) for name, found in hits.items()}


EYES = EyesRecipe(
    fit=Fit(
        steps=9500, batch=32, lr=1e-3, weight_decay=0.05, options={"betas": (0.9, 0.98)},
        warmup=200, ema=0.998, bf16=True, log_every=50, checkpoint_steps=500,
    ),
)  # fmt: skip
DEBUG = EyesRecipe(
    fit=Fit(steps=4, batch=8, lr=1e-3, log_every=1, checkpoint_steps=2),
    sizes=ReaderSizes(
        sees=Tower(width=32, layers=1, heads=2, inner=64),
        reads=Tower(width=32, layers=16, heads=2, inner=32),
        patch=32,
        tokens=2,
        depth=1,
    ),
    pictures=32,
    tested=70,
)
