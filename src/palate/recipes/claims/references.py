"""Who asks Instant for pictures, and what they show: what all of its experiments share.

Everybody shows as few pictures as the question needs; the paper has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from palate.data.drawn import Person, person
from palate.evals import stats
from palate.evals.stats import Figure
from palate.evals.taste import Wish
from palate.methods.instant.guiding import Guidance
from palate.methods.instant.method import Instant
from palate.methods.instant.understanding import ByReader
from palate.recipes.claims.lab import JUDGE, READER, Lab
from palate.recipes.comparing import Comparing, taste_of
from palate.sketchbook.people import World
from palate.types import Method, Profile, Request, Taste

AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Who asks for pictures, and what they show; what all of Instant's experiments share."""

    people: int = 24
    prompts: int = 1
    shown: int = 1  # liked pictures, and as many disliked ones where there are several
    steps: int | None = None
    backbone: str = "sketchbook-sdxl"

    @property
    def needs(self) -> tuple[str, ...]:
        """Base model, reader and judge."""
        return self.backbone, READER, JUDGE

    def asked(self) -> tuple[list[Wish], list[Request]]:
        """Held-out prompts, person by person."""
        return self._comparing().asked()

    def persons(self) -> list[Person]:
        """One for each picture that is asked for."""
        each = [person(n, self.shown, World()) for n in self._comparing().numbers()]
        return [one for one in each for _ in range(self.prompts)]

    def tastes(self) -> list[Taste]:
        """What each of them shows."""
        found = [taste_of(one) for one in self.persons()]
        return found if self.shown > 1 else [Taste(liked=taste.liked) for taste in found]

    def instant(self, lab: Lab, how: Guidance | None = None) -> Instant:
        """The method, with the built-in reader."""
        return Instant(lab.backbone(self.backbone), ByReader(lab.reader()), how)

    def profiles(self, lab: Lab, by: Method) -> list[Profile]:
        """What a method reads in what they show; what it read before it reads no more."""
        key = ("profiles", by.mark, self.backbone, self.people, self.prompts, self.shown)
        return lab.kept(key, lambda: [by.read(taste) for taste in self.tastes()])

    def _comparing(self) -> Comparing:
        return Comparing(
            people=self.people, prompts=self.prompts, history=self.shown, steps=self.steps
        )


def more(mine: Any, other: Any, wishes: Sequence[Wish]) -> Figure:
    """How much more of something there is, picture by picture; intervals over people."""
    gap = np.asarray(mine, np.float64) - np.asarray(other, np.float64)
    return stats.mean(gap, [wish.person for wish in wishes])
