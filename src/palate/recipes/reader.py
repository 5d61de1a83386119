"""sketchbook-reader: an Idefics2ForConditionalGeneration taught to talk about the drawn world.

It begins with the eyes of sketchbook-eyes, which stay as they are: what learns is the text model.
It sees train prompts only.
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
from torch.nn.utils.rnn import pad_sequence

from palate.backbones.builtin import folder_of
from palate.backbones.builtin.reader import (
    ReaderSizes,
    begin_seeing,
    new_reader,
    picture_tokens,
    reader_processor,
    save_reader,
    tokens_of,
)
from palate.backbones.judges import NOBODY
from palate.backbones.reader import Reader, as_seen, asked
from palate.learn.settings import Fit
from palate.recipes import eyes
from palate.recipes.cached import Cached, cached
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
from palate.store.tensors import content_fingerprint

TRAIN_FROM, TEST_FROM = 7_000_000_000, 7_900_000_000


@dataclass(frozen=True, kw_only=True)
class ReaderRecipe:
    """What the reader is made of and how it learns."""

    summary: str = "says what pictures show; begins with the eyes of sketchbook-eyes"
    fit: Fit
    sizes: ReaderSizes = eyes.SIZES
    eyes: Path | str | None = Path("out/train/sketchbook-eyes/model")  # None: untrained ones
    pictures: int = 1_000_000
    cache: Path | str | None = None  # a folder: pictures are looked at once, 1 kB each
    tested: int = 300

    def parts(self) -> Parts:
        """The text model; pictures; how surprised it is by the answers."""
        reader = new_reader(self.sizes)
        if self.eyes is not None:
            folder = folder_of(self.eyes, "pair of eyes", "sketchbook-eyes", "eyes")
            begin_seeing(reader, load_file(folder / "model.safetensors"))
        reader.eval().requires_grad_(False)

        def loss(batch: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
            seeds, given = batch
            with torch.no_grad():
                tokens = _looked(reader, given)
            scenes = [scene_in("train", seed) for seed in seeds.tolist()]
            return _said(reader, talks(scenes, generator), tokens)

        text = reader.model.text_model.requires_grad_(True)  # its embeddings are the way out, too
        return Talking(modules={"text": text}, items=self._items(reader), loss=loss, reader=reader)

    def _items(self, reader: Any) -> Seen | Cached:
        seen = Seen(first=TRAIN_FROM, count=self.pictures)
        if self.cache is None:
            return seen
        mark = content_fingerprint("eyes", {}, _eyes_of(reader))[:12]
        path = Path(self.cache) / f"tokens-{self.pictures}-{mark}.npy"
        return cached(seen, path, lambda pictures: _looked(reader, pictures))

    def keep(self, parts: Parts, folder: Path) -> None:
        """As `Idefics2ForConditionalGeneration` and `Idefics2Processor` read it."""
        assert isinstance(parts, Talking)
        save_reader(parts.reader, folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How often answers about unseen scenes are right, of the weights as kept."""
        assert isinstance(parts, Talking)
        kept = deepcopy(parts.reader).bfloat16().float()
        reader = Reader(kept, reader_processor(self.sizes.tokens))
        return answered(reader, self.tested)


@dataclass(frozen=True, kw_only=True)
class Talking(Parts):
    """Parts that know the whole reader."""

    reader: Any


def _eyes_of(reader: Any) -> dict[str, Tensor]:
    text = ("model.text_model.", "lm_head.")
    return {name: t for name, t in reader.state_dict().items() if not name.startswith(text)}


def _looked(reader: Any, given: Tensor) -> Tensor:
    """A batch as tokens (n, tokens, width), if it is not that already."""
    if given.dtype != torch.uint8:
        return given.float()
    return picture_tokens(reader.to(given.device), given)


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


def _said(reader: Any, talks: list[tuple[int, list[Turn]]], seen: Tensor) -> Tensor:
    """Cross-entropy of every token of an answer; `seen` is (pictures, tokens, width)."""
    pieces = [as_text(count, turns) for count, turns in talks]
    ids, labels, mask = (part.to(seen.device) for part in labelled(pieces, seen.shape[1]))
    out = reader(input_ids=ids, attention_mask=mask, mm_encoder_outputs=as_seen([seen]))
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
    ids = pad_sequence([row[0] for row in rows], batch_first=True)
    labels = pad_sequence([row[1] for row in rows], batch_first=True, padding_value=NOBODY)
    mask = pad_sequence([torch.ones_like(row[0]) for row in rows], batch_first=True)
    return ids, labels, mask


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
    sizes=eyes.DEBUG.sizes,
    eyes=None,
    pictures=32,
    tested=4,
)


def toy() -> Reader:
    """One that learned nothing, for trainings at toy width."""
    sizes = DEBUG.sizes
    return Reader(new_reader(sizes), reader_processor(sizes.tokens), name="toy-reader")
