"""sketchbook-reader: an Idefics2ForConditionalGeneration taught to talk about the drawn world.

It sees train prompts only. Beside what it says, small heads read every picture's tokens directly
(they are not kept): words alone teach the vision tower slowly, through sixteen layers.
"""

from __future__ import annotations

from copy import deepcopy
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
    begin_seeing,
    new_reader,
    picture_tokens,
    reader_processor,
    save_reader,
    tokens_of,
)
from palate.backbones.builtin.reader import (
    Seen as Sights,
)
from palate.backbones.judges import HEADS, NOBODY, truth
from palate.backbones.reader import Reader, asked
from palate.learn.settings import Fit
from palate.recipes.captions import Seen, scene_in
from palate.recipes.questions import (
    CONTENT,
    Turn,
    about_dimension,
    as_text,
    seen_content,
    talk,
)
from palate.recipes.recipe import Parts
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import Scene
from palate.sketchbook.vocabulary import DIMENSIONS
from palate.sketchbook.words import PHRASES, prompt_of

TRAIN_FROM, TEST_FROM = 7_000_000_000, 7_900_000_000
SIZES = ReaderSizes(
    sees=Tower(width=160, layers=5, heads=5, inner=384),  # 1.3 M numbers, as CLIP's
    reads=Tower(width=96, layers=16, heads=4, inner=192),  # 1.4 M
)


@dataclass(frozen=True, kw_only=True)
class ReaderRecipe:
    """What the reader is made of and how it learns."""

    summary: str = "says what pictures show; begins from sketchbook-clip's eyes"
    fit: Fit
    sizes: ReaderSizes = SIZES
    clip: Path | str | None = Path("out/train/sketchbook-clip/model")  # None begins from nothing
    pictures: int = 1_000_000
    sights: float = 1.0  # weight of what is read off pictures directly
    tested: int = 300

    def parts(self) -> Parts:
        """The reader and its heads; pictures; how surprised it is by the answers."""
        reader = new_reader(self.sizes)
        if self.clip is not None:
            folder = folder_of(self.clip, "CLIP", "sketchbook-clip", "clip")
            begin_seeing(reader, load_file(folder / "model.safetensors"))
        sights = Sights(self.sizes.tokens * self.sizes.reads.width, HEADS)

        def loss(batch: tuple[Tensor, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
            seeds, pictures = batch
            scenes = [scene_in("train", seed) for seed in seeds.tolist()]
            seen, tokens = picture_tokens(reader, pictures)
            said = _said(reader, talks(scenes, generator), seen, self.sizes.tokens)
            read = _read(sights(tokens.flatten(1)), scenes)
            return {"loss": said + self.sights * read, "said": said, "read": read}

        modules = {"reader": reader, "sights": sights}
        items = Seen(first=TRAIN_FROM, count=self.pictures)
        return Parts(modules=modules, items=items, loss=loss)

    def keep(self, parts: Parts, folder: Path) -> None:
        """As `Idefics2ForConditionalGeneration` and `Idefics2Processor` read it; no heads."""
        save_reader(parts.modules["reader"], folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How often answers about unseen scenes are right, of the weights as kept."""
        kept = deepcopy(parts.modules["reader"]).bfloat16().float()
        reader = Reader(kept, reader_processor(self.sizes.tokens))
        return answered(reader, self.tested)


def talks(scenes: list[Scene], generator: torch.Generator) -> list[tuple[int, list[Turn]]]:
    """Pictures in order, a quarter of them shown alone, others by two, three and four."""
    luck = torch.rand((len(scenes), 12), generator=generator, dtype=torch.float64).numpy()
    found, start = [], 0
    while start < len(scenes):
        share = 4 * start // len(scenes)
        some = scenes[start : start + 1 + share]
        found.append((len(some), talk(some, luck[start])))
        start += len(some)
    return found


def _said(reader: Any, talks: list[tuple[int, list[Turn]]], seen: Any, tokens: int) -> Tensor:
    """Cross-entropy of every token of an answer."""
    pieces = [as_text(count, turns) for count, turns in talks]
    ids, labels, mask = labelled(pieces, tokens)
    device = reader.lm_head.weight.device
    ids, labels, mask = ids.to(device), labels.to(device), mask.to(device)
    out = reader(input_ids=ids, attention_mask=mask, mm_encoder_outputs={"image": seen})
    logits = out.logits[:, :-1].float()
    return F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=NOBODY)


def labelled(talks: list[list[tuple[str, bool]]], tokens: int) -> tuple[Tensor, Tensor, Tensor]:
    """Token numbers, what is to be said at each place (or nothing), and the attention mask."""
    fake, image = "<fake_token_around_image>", "<image>"
    shown = fake + image * tokens
    texts = [text for pieces in talks for text, _ in pieces]
    given = iter(tokens_of([t.replace(image, shown) + fake * (image in t) for t in texts]))
    rows = []
    for pieces in talks:
        parts = [next(given) for _ in pieces]
        own = [
            part if mine else torch.full_like(part, NOBODY)
            for part, (_, mine) in zip(parts, pieces, strict=True)
        ]
        rows.append((torch.cat(parts), torch.cat(own)))
    pad = torch.nn.utils.rnn.pad_sequence
    ids = pad([row[0] for row in rows], batch_first=True)
    labels = pad([row[1] for row in rows], batch_first=True, padding_value=NOBODY)
    mask = pad([torch.ones_like(row[0]) for row in rows], batch_first=True)
    return ids, labels, mask


def _read(logits: dict[str, Tensor], scenes: list[Scene]) -> Tensor:
    """The mean of all heads' cross-entropies."""
    truths = [truth(scene) for scene in scenes]
    each = []
    for name, head in logits.items():
        right = torch.tensor([t[name] for t in truths], device=head.device)
        each.append(F.cross_entropy(head.float(), right, ignore_index=NOBODY))
    return torch.stack(each).mean()


def answered(reader: Reader, count: int) -> dict[str, float]:
    """The share of right answers about scenes with held-out prompts, question by question."""
    scenes = [scene_in("test", seed) for seed in range(TEST_FROM, TEST_FROM + count)]
    pictures = [draw(scene) for scene in scenes]
    found = {}
    for dimension in DIMENSIONS:
        said = reader.answer([asked(about_dimension(dimension), p) for p in pictures], most=8)
        right = [PHRASES[scene[dimension]] for scene in scenes]
        found[dimension] = float(np.mean([a == b for a, b in zip(said, right, strict=True)]))
    said = reader.answer([asked(CONTENT, p) for p in pictures], most=12)
    right = [prompt_of(seen_content(scene)) for scene in scenes]
    content = float(np.mean([a == b for a, b in zip(said, right, strict=True)]))
    return {"attributes": float(np.mean(list(found.values()))), "content": content, **found}


READER = ReaderRecipe(
    fit=Fit(
        steps=3300, batch=96, lr=1e-3, weight_decay=0.05, options={"betas": (0.9, 0.98)},
        warmup=200, ema=0.998, bf16=True, log_every=50, checkpoint_steps=500,
    ),
)  # fmt: skip
DEBUG = ReaderRecipe(
    fit=Fit(steps=4, batch=8, lr=1e-3, log_every=1, checkpoint_steps=2),
    sizes=ReaderSizes(
        sees=Tower(width=32, layers=1, heads=2, inner=64),
        reads=Tower(width=32, layers=16, heads=2, inner=32),
        patch=32,
        tokens=2,
        depth=1,
    ),
    clip=None,
    pictures=32,
    tested=4,
)
