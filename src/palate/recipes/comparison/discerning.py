"""PREFDISC asked of pictures: how surely a reader, told what a person showed, calls them liked."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from palate.backbones.reader import Reader
from palate.evals.measures import Eye
from palate.evals.seeing import Memory, key_of
from palate.evals.taste import Wish
from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.prefdisc import scores
from palate.recipes.comparison.audience import Audience, Pixels
from palate.recipes.comparison.guests import Each, seen_file
from palate.seeds import name_key, uniform
from palate.sketchbook.words import prompt_of

_AT_ONCE = 16


class Discerner:
    """A reader that PREFDISC taught, and what people showed it; what it said is kept."""

    def __init__(self, reader: Reader, wording: Wording, audience: Audience, out: Path) -> None:
        self.reader, self.wording, self.audience = reader, wording, audience
        people = list(audience.people)
        self._next = dict(zip(people, [*people[1:], people[0]], strict=True))
        self._told: dict[int, tuple[list[Shown], Tensor]] = {}
        eye = Eye(encoder=reader.mark, preprocessing="as the reader has them")
        self._memory = Memory(eye, seen_file(out, eye, "prefdisc"))
        self.save = self._memory.save

    def look(self, pictures: Sequence[Pixels], wishes: Sequence[Wish]) -> Each:
        """How surely each is liked, and how much more so than after the next person's history."""
        keys = [
            sha256(key_of(pixels) + prompt_of(wish.content).encode() + self._asked(wish.person))
            for pixels, wish in zip(pictures, wishes, strict=True)
        ]

        def make(rows: list[int]) -> Tensor:
            return self._said([pictures[r] for r in rows], [wishes[r] for r in rows])

        found = self._memory.of([key.digest() for key in keys], make, _AT_ONCE).double().numpy()
        return {"prefdisc": found[:, 0], "prefdisc-own": found[:, 0] - found[:, 1]}

    def _asked(self, person: int) -> bytes:
        """In what words the reader is asked, whose history it is told, and whose instead."""
        both = (person, self._next[person])
        told = (str(one).encode() + self.audience.mark(one) for one in both)
        return b"".join([repr(self.wording).encode(), *told])

    def _said(self, pictures: Sequence[Pixels], wishes: Sequence[Wish]) -> Tensor:
        """How surely each is liked after its person's history and after another's, (N, 2)."""
        new, people = self.reader.see(pictures), [wish.person for wish in wishes]
        own = self._sure(new, wishes, people)
        other = self._sure(new, wishes, [self._next[person] for person in people])
        return torch.stack([own, other], 1)

    def _sure(self, new: Tensor, wishes: Sequence[Wish], people: Sequence[int]) -> Tensor:
        told = [self._history(person) for person in people]
        rows = [torch.cat([old, one[None]]) for (_, old), one in zip(told, new, strict=True)]
        prompts = [prompt_of(wish.content) for wish in wishes]
        asked = [shown for shown, _ in told]
        return scores(self.reader, asked, prompts, rows, self.wording).float().cpu()

    def _history(self, person: int) -> tuple[list[Shown], Tensor]:
        """What a person showed, in an order of chance, and what the reader sees in it."""
        if person not in self._told:
            shown = self.audience.shown(person)
            scenes = [*shown.liked, *shown.disliked]
            pictures = [*self.audience.liked(person), *self.audience.disliked(person)]
            order = np.argsort(uniform(name_key("history"), person, np.arange(len(scenes))))
            turns = [
                Shown(turn, bool(place < len(shown.liked)), prompt_of(scenes[place].content))
                for turn, place in enumerate(order)
            ]
            self._told[person] = turns, self.reader.see([pictures[place] for place in order])
        return self._told[person]
