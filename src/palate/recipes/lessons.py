"""What a reader is taught people from: histories of a crowd, and of people made up on the spot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from palate.methods.prefgen.prefdisc import Question
from palate.recipes.crowd import Crowd, People, asked_of, drawn, looks_of, portraits, prompts_of
from palate.recipes.minds import mind

if TYPE_CHECKING:
    from jaxtyping import Float, Int


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """One history and the two pictures asked about after it."""

    question: Question
    seen: Float[Tensor, "P T C"]  # in the order of the text
    looks: Int[Tensor, "P 12"]


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """How lessons are drawn from a crowd."""

    crowd: Crowd
    seen: People
    prompts: float  # share of lessons told with prompts
    clear: float  # share of people of one mind
    portrait: int  # how much of what a person of the crowd likes is said in words

    @cached_property
    def _looks(self) -> Int[Tensor, "people 2 pairs 12"]:
        return looks_of(self.crowd)

    @cached_property
    def _told(self) -> list[list[tuple[str, str]]]:
        return [prompts_of(person) for person in self.crowd.scenes()]

    @cached_property
    def _words(self) -> list[str]:
        return portraits(self.crowd.numbers(), self.portrait)

    def one(self, person: int, count: int, generator: torch.Generator) -> Lesson:
        """`count` pairs and the two pictures of another: this person's, or somebody's made up."""
        spoken, clear = torch.rand(2, generator=generator).tolist()
        sides, pairs = torch.tensor(drawn(self.crowd.pairs, count, generator)).unbind(-1)
        looks, silent = self._looks, spoken >= self.prompts
        if clear < self.clear:
            new = mind(looks.flatten(0, 2), self.crowd.pairs, generator)
            whose = torch.unravel_index(new.pictures[sides, pairs], looks.shape[:3])
            words = new.words
        else:
            whose = torch.full_like(sides, person), sides, pairs
            words = self._words[person]
        each = torch.stack(whose, 1).tolist()
        told = [None if silent else self._told[who][pair][side] for who, side, pair in each]
        return Lesson(
            question=replace(asked_of(sides.tolist(), told), likes=words),
            seen=torch.from_numpy(self.seen.seen[tuple(n.numpy() for n in whose)]).float(),
            looks=looks[whose],
        )
