"""sketchbook-prefdisc: the reader, taught to tell what a person likes from what they do not.

Eyes stay as they are, so every picture is looked at once, before; what learns is the text model,
from people and prompts of the train split.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate import store
from palate.backbones.builtin import folder_of
from palate.backbones.builtin.reader import new_reader, reader_processor, save_reader
from palate.backbones.reader import Reader
from palate.data.agents import SPLITS, Population, pairs_table, scenes, split_of_people
from palate.learn.settings import Fit
from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.prefdisc import Question, Weights, prefdisc_loss, scores
from palate.recipes.reader import DEBUG as TOY
from palate.recipes.recipe import Parts
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import Scene
from palate.sketchbook.words import prompt_of

HISTORIES = (1, 2, 4, 8)  # pairs, at which it is measured


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Some people of one split, with as many pairs each."""

    split: str
    people: int
    pairs: int

    def numbers(self) -> NDArray[np.int64]:
        """Who they are: the first of the split."""
        everybody = np.arange(60 * self.people + 1000)
        split = split_of_people(everybody, Population()) == SPLITS.index(self.split)
        return everybody[split][: self.people]

    def scenes(self) -> list[list[tuple[Scene, Scene]]]:
        """What each likes and dislikes, pair by pair."""
        each = Population(people=1000, pictures=2000 * self.pairs)
        rows = list(scenes(pairs_table(self.numbers(), each)))
        return [rows[i : i + self.pairs] for i in range(0, len(rows), self.pairs)]


@dataclass(frozen=True, kw_only=True, eq=False)
class People:
    """Item i: a person's number in the crowd, and what the reader sees in their pictures."""

    seen: NDArray[np.float16]  # (people, 2, pairs, tokens, width); liked first

    def __len__(self) -> int:
        return len(self.seen)

    def __getitem__(self, index: int) -> tuple[int, NDArray[np.float16]]:
        return index, np.array(self.seen[index])


def looked_at(crowd: Crowd, reader: Reader, cache: Path | None = None) -> People:
    """Everybody's pictures through the reader's eyes; with a folder, once."""
    name = f"seen-{crowd.split}-{crowd.people}-{crowd.pairs}-{reader.mark.fingerprint[:12]}.npy"
    if cache is None:
        return People(seen=np.stack(list(_eyes(crowd, reader))))
    if not (cache / name).is_file():
        with store.writing(cache / name) as part, part.open("wb") as file:
            np.save(file, np.stack(list(_eyes(crowd, reader))))
    return People(seen=np.load(cache / name, mmap_mode="r"))


def _eyes(crowd: Crowd, reader: Reader) -> Iterator[NDArray[np.float16]]:
    for pairs in crowd.scenes():
        sides = ([draw(scene) for scene in side] for side in zip(*pairs, strict=True))
        yield np.stack([reader.see(side).cpu().numpy().astype(np.float16) for side in sides])


@dataclass(frozen=True, kw_only=True)
class PrefdiscRecipe:
    """Who is learnt from, and how."""

    summary: str = "tells what a person likes after a few pictures; begins from sketchbook-reader"
    fit: Fit
    reader: Path | str | None = Path("out/train/sketchbook-reader/model")  # None: a toy
    people: int = 4000
    pairs: int = 12  # of each person, from which histories are drawn
    history: int = 8  # pairs at most
    prompts: float = 0.8  # share of histories told with prompts
    wording: Wording = field(default_factory=Wording)
    weights: Weights = field(default_factory=Weights)
    cache: Path | str | None = None  # a folder for what the reader sees in the pictures
    tested: int = 300  # people

    def parts(self) -> Parts:
        """The text model; people; how wrong it is about them."""
        reader = self._reader()
        crowd = Crowd(split="train", people=self.people, pairs=self.pairs)
        told = [[tuple(map(_prompt, pair)) for pair in person] for person in crowd.scenes()]

        def loss(batch: tuple[Tensor, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
            people, seen = batch
            count = int(torch.randint(1, self.history + 1, (1,), generator=generator))
            prompts = torch.rand(len(people), generator=generator) < self.prompts
            rows = [
                _asked(told[int(person)] if known else None, mine.float(), count, generator)
                for person, mine, known in zip(people, seen, prompts, strict=True)
            ]
            questions, pictures = zip(*rows, strict=True)
            return prefdisc_loss(reader, questions, pictures, self.wording, self.weights)

        items = looked_at(crowd, reader, Path(self.cache) if self.cache else None)
        return Reading(
            modules={"text": reader.model.model.text_model.requires_grad_(True)},
            items=items,
            loss=loss,
            reader=reader,
        )

    def _reader(self) -> Reader:
        if self.reader is None:
            return Reader(new_reader(TOY.sizes), reader_processor(TOY.sizes.tokens), name="toy")
        folder = folder_of(self.reader, "reader", "sketchbook-reader", "reader")
        return Reader.from_pretrained(folder)

    def keep(self, parts: Parts, folder: Path) -> None:
        """A reader, as the one it began from."""
        assert isinstance(parts, Reading)
        save_reader(parts.reader.model, folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How often it tells a liked from a disliked picture: unseen people, unseen prompts."""
        assert isinstance(parts, Reading)
        crowd = Crowd(split="test", people=self.tested, pairs=self.history + 1)
        return told_apart(parts.reader, crowd, self.wording, self.history)


@dataclass(frozen=True, kw_only=True)
class Reading(Parts):
    """Parts that know the whole reader."""

    reader: Any


def _prompt(scene: Scene) -> str:
    return prompt_of(scene.content)


def _asked(
    prompts: Sequence[tuple[str, ...]] | None,
    seen: Tensor,
    count: int,
    generator: torch.Generator,
) -> tuple[Question, Tensor]:
    """`count` pairs in any order, then one more of which is asked; `seen` is (2, pairs, T, C)."""
    pairs = torch.randperm(seen.shape[1], generator=generator)[: count + 1].tolist()
    order = torch.randperm(2 * count, generator=generator).tolist()
    places = [(side, pair) for pair in pairs[:-1] for side in (0, 1)]
    mixed = [places[i] for i in order]
    shown = [
        Shown(i, side == 0, prompts[pair][side] if prompts else None)
        for i, (side, pair) in enumerate(mixed)
    ]
    last = [(side, pairs[-1]) for side in (0, 1)]
    told = [prompts[pair][side] if prompts else None for side, pair in last]
    pictures = torch.stack([seen[side, pair] for side, pair in [*mixed, *last]])
    return Question(shown, *told), pictures


def told_apart(
    reader: Reader, crowd: Crowd, wording: Wording, most: int, prompts: bool = True
) -> dict[str, float]:
    """Pairwise accuracy after 1, 2, 4 and 8 pairs."""
    scenes_of, people = crowd.scenes(), looked_at(crowd, reader)
    found = {}
    for count in (n for n in HISTORIES if n <= most):
        stream = torch.Generator().manual_seed(count)
        rows = [
            _asked(
                [tuple(map(_prompt, pair)) for pair in pairs] if prompts else None,
                torch.from_numpy(people[i][1]).float(),
                count,
                stream,
            )
            for i, pairs in enumerate(scenes_of)
        ]
        liked, disliked = (_scored(reader, rows, side, wording) for side in (0, 1))
        found[f"told apart after {count}"] = float((liked > disliked).float().mean())
    return found


def _scored(
    reader: Reader, rows: Sequence[tuple[Question, Tensor]], side: int, wording: Wording
) -> Tensor:
    histories = [question.shown for question, _ in rows]
    prompts = [(question.liked, question.disliked)[side] for question, _ in rows]
    seen = [torch.cat([pictures[:-2], pictures[side - 2][None]]) for _, pictures in rows]
    return scores(reader, histories, prompts, seen, wording)


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
