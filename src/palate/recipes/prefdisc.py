"""sketchbook-prefdisc: the reader, taught to tell what a person likes from what they do not.

Eyes stay as they are, so every picture is looked at once, before; what learns is the text model,
from people and prompts of the train split.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from palate.backbones.builtin import folder_of
from palate.backbones.builtin.reader import new_reader, reader_processor, save_reader
from palate.backbones.lora import Lora
from palate.backbones.reader import Reader
from palate.learn.settings import Fit
from palate.methods.prefgen.asking import Wording
from palate.methods.prefgen.prefdisc import Weights, packed, prefdisc_loss
from palate.recipes.crowd import (
    Crowd,
    looked_at,
)
from palate.recipes.discerning import Discerning, discern
from palate.recipes.knowing import Knowing, Known, Turns, listening
from palate.recipes.lessons import Lessons
from palate.recipes.reader import DEBUG as TOY
from palate.recipes.recipe import Parts


@dataclass(frozen=True, kw_only=True)
class PrefdiscRecipe:
    """Who is learnt from, and how."""

    summary: str = "tells what a person likes after a few pictures; begins from sketchbook-reader"
    fit: Fit
    reader: Path | str | None = Path("out/train/sketchbook-reader/model")  # None: a toy
    lora: int = 0  # rank of adapters that learn in place of the whole text model; 0 for none
    people: int = 4000
    pairs: int = 12  # of each person, from which histories are drawn
    history: int = 8  # pairs at most
    prompts: float = 0.8  # share of histories told with prompts
    clear: float = 0.25  # share of histories of people of one mind
    portrait: int = 6  # how much of what a person likes is to be said in words
    wording: Wording = field(default_factory=Wording)
    weights: Weights = field(default_factory=Weights)
    known: Known = field(default_factory=Known)
    cache: Path | str | None = None  # a folder for what the reader sees in the pictures
    tested: int = 300  # people

    def parts(self) -> Parts:
        """The text model; people; how wrong it is about them."""
        reader = self._reader()
        crowd = Crowd(split="train", people=self.people, pairs=self.pairs)
        seen = looked_at(crowd, reader, Path(self.cache) if self.cache else None)
        lessons = Lessons(
            crowd=crowd, seen=seen, prompts=self.prompts, clear=self.clear, portrait=self.portrait
        )
        knowing = Knowing(reader.width)

        def loss(batch: tuple[Tensor, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
            count = int(torch.randint(1, self.history + 1, (1,), generator=generator))
            each = [lessons.one(person, count, generator) for person in batch[0].tolist()]
            rows = packed([one.question for one in each], reader, self.wording)
            pictures = [one.seen for one in each]
            with listening(reader) as heard:
                found = prefdisc_loss(reader, rows, pictures, self.wording, self.weights)
            states = {name: states[0] for name, states in heard.items()}
            turns = Turns.of(rows, reader.word(self.wording.yes))
            found |= knowing.missed(states, turns, torch.stack([one.looks for one in each]))
            return {**found, "loss": self.known.total(found)}

        lora = Lora(reader, self.lora) if self.lora else None
        text = lora.layers if lora else reader.model.model.text_model.requires_grad_(True)
        return Reading(
            modules={"text": text, "knowing": knowing},
            items=seen,
            loss=loss,
            reader=reader,
            lora=lora,
        )

    def _reader(self) -> Reader:
        if self.reader is None:
            return Reader(new_reader(TOY.sizes), reader_processor(TOY.sizes.tokens), name="toy")
        folder = folder_of(self.reader, "reader", "sketchbook-reader", "reader")
        return Reader.from_pretrained(folder)

    def keep(self, parts: Parts, folder: Path) -> None:
        """A reader, as the one it began from; with LoRA the adapters, which name that one."""
        assert isinstance(parts, Reading)
        if parts.lora is not None:
            parts.lora.save_pretrained(folder)
        else:
            save_reader(parts.reader.model, folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How often it tells a liked from a disliked picture: unseen people, unseen prompts."""
        assert isinstance(parts, Reading)
        how = Discerning(people=self.tested, most=self.history, wording=self.wording)
        return discern(parts.reader, how).summary()


@dataclass(frozen=True, kw_only=True)
class Reading(Parts):
    """Parts that know the whole reader."""

    reader: Reader
    lora: Lora | None = None


PREFDISC = PrefdiscRecipe(
    fit=Fit(
        steps=1500, batch=32, lr=1e-3, weight_decay=0.01, options={"betas": (0.9, 0.98)},
        warmup=100, ema=0.995, bf16=True, log_every=20, checkpoint_steps=100,
    ),
)  # fmt: skip
DEBUG = PrefdiscRecipe(
    fit=Fit(steps=4, batch=4, lr=1e-3, log_every=1, checkpoint_steps=2),
    reader=None,
    people=4,
    pairs=4,
    history=2,
    tested=4,
)
