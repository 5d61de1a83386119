"""Drawn people for recipes: what they like and dislike, and what a reader sees in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.backbones.reader import Reader
from palate.data.agents import SPLITS, Population, pairs_table, scenes, split_of_people
from palate.methods.prefgen.asking import Shown
from palate.methods.prefgen.prefdisc import Question
from palate.recipes.cached import written
from palate.sketchbook.drawing import draw
from palate.sketchbook.people import World, affinities, attributes
from palate.sketchbook.scenes import Scene, look_to_codes
from palate.sketchbook.words import PHRASES, prompt_of


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
    name = f"seen-{crowd.split}-{crowd.people}-{crowd.pairs}-{reader.eyes[:12]}.npy"
    if cache is None:
        return People(seen=np.stack(list(_eyes(crowd, reader))))
    file = written(cache / name, lambda file: np.save(file, np.stack(list(_eyes(crowd, reader)))))
    return People(seen=np.load(file, mmap_mode="r"))


def _eyes(crowd: Crowd, reader: Reader) -> Iterator[NDArray[np.float16]]:
    for pairs in crowd.scenes():
        sides = ([draw(scene) for scene in side] for side in zip(*pairs, strict=True))
        yield np.stack([reader.see(side).cpu().numpy().astype(np.float16) for side in sides])


def looks_of(crowd: Crowd) -> Tensor:
    """The looks of everybody's pictures, (people, 2, pairs, 12); liked first."""
    sides = [zip(*pairs, strict=True) for pairs in crowd.scenes()]
    codes = [[[look_to_codes(scene.look) for scene in side] for side in two] for two in sides]
    return torch.tensor(codes)


def portraits(people: NDArray[np.int64], most: int) -> list[str]:
    """What each person likes in words, strongest first."""
    tastes = affinities(people, World())
    likes = (attributes(taste)[0][:most] for taste in tastes)
    return [", ".join(PHRASES[value] for value in liked) for liked in likes]


def prompts_of(person: Sequence[tuple[Scene, Scene]]) -> list[tuple[str, str]]:
    """The prompts of a person's pairs."""
    return [(prompt_of(liked.content), prompt_of(disliked.content)) for liked, disliked in person]


def asked(
    prompts: Sequence[tuple[str, ...]] | None,
    seen: Tensor,
    count: int,
    generator: torch.Generator,
) -> tuple[Question, Tensor]:
    """`count` pairs in any order, then one more of which is asked; `seen` is (2, pairs, T, C)."""
    places = drawn(seen.shape[1], count, generator)
    told = [prompts[pair][side] if prompts else None for side, pair in places]
    pictures = torch.stack([seen[side, pair] for side, pair in places])
    return asked_of([side for side, _ in places], told), pictures


def drawn(pairs: int, count: int, generator: torch.Generator) -> list[tuple[int, int]]:
    """Sides (0 for liked) and pairs: `count` of these in any order, then both of one more."""
    some = torch.randperm(pairs, generator=generator)[: count + 1].tolist()
    order = torch.randperm(2 * count, generator=generator).tolist()
    places = [(side, pair) for pair in some[:-1] for side in (0, 1)]
    return [*(places[i] for i in order), (0, some[-1]), (1, some[-1])]


def asked_of(sides: Sequence[int], told: Sequence[str | None]) -> Question:
    """The last two pictures are asked about after the others."""
    shown = [Shown(i, side == 0, told[i]) for i, side in enumerate(sides[:-2])]
    return Question(shown, *told[-2:])
