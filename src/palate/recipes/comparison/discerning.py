"""PREFDISC asked of pictures: how surely a reader, told what a person showed, calls them liked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.backbones.reader import Reader
from palate.evals.taste import Wish
from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.prefdisc import scores
from palate.recipes.comparison.audience import Audience, Pixels
from palate.recipes.comparison.guests import Each
from palate.seeds import name_key, uniform
from palate.sketchbook.words import prompt_of

_AT_ONCE = 16


class Discerner:
    """A reader that PREFDISC taught, and what people showed it."""

    def __init__(self, reader: Reader, wording: Wording, audience: Audience) -> None:
        self.reader, self.wording, self.audience = reader, wording, audience
        people = list(audience.people)
        self._next = dict(zip(people, [*people[1:], people[0]], strict=True))
        self._told: dict[int, tuple[list[Shown], Tensor]] = {}

    def look(self, pictures: Sequence[Pixels], wishes: Sequence[Wish]) -> Each:
        """How surely each is liked, and how much more so than after the next person's history."""
        own, other = [], []
        for start in range(0, len(pictures), _AT_ONCE):
            some = wishes[start : start + _AT_ONCE]
            new = self.reader.see(pictures[start : start + _AT_ONCE])
            people = [wish.person for wish in some]
            own.append(self._sure(new, some, people))
            other.append(self._sure(new, some, [self._next[person] for person in people]))
        sure = np.concatenate(own)
        return {"prefdisc": sure, "prefdisc-own": sure - np.concatenate(other)}

    def _sure(
        self, new: Tensor, wishes: Sequence[Wish], people: Sequence[int]
    ) -> NDArray[np.float64]:
        told = [self._history(person) for person in people]
        rows = [torch.cat([old, one[None]]) for (_, old), one in zip(told, new, strict=True)]
        prompts = [prompt_of(wish.content) for wish in wishes]
        asked = [shown for shown, _ in told]
        found = scores(self.reader, asked, prompts, rows, self.wording)
        return found.cpu().double().numpy()

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
