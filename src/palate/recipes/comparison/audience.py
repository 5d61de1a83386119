"""Who pictures are made for, and what they like: people of the test split and their drawings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from palate.data.drawn import Person, person
from palate.evals.seeing import key_of
from palate.evals.taste import Wish
from palate.recipes.comparing import Comparing, taste_of
from palate.sketchbook.drawing import draw
from palate.sketchbook.people import World
from palate.sketchbook.scenes import CONTENTS, Scene
from palate.sketchbook.vocabulary import MOODS
from palate.types import Taste

REFERENCES = 4  # pictures of each person that they like and never showed
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Audience:
    """The people of a comparison. What they showed comes before what they kept to themselves."""

    asked: Comparing

    @cached_property
    def people(self) -> dict[int, Person]:
        """Everybody, with more pairs than they show."""
        pairs = self.asked.history + REFERENCES + self.asked.prompts
        return {number: person(number, pairs, World()) for number in self.asked.numbers()}

    def shown(self, number: int) -> Person:
        """One person with the pairs they show."""
        known, first = self.people[number], slice(self.asked.history)
        return Person(
            liked=known.liked[first],
            disliked=known.disliked[first],
            likes=known.likes,
            dislikes=known.dislikes,
        )

    @lru_cache(maxsize=512)  # noqa: B019 - every method reads the same people
    def taste(self, number: int) -> Taste:
        """What a method reads."""
        return taste_of(self.shown(number))

    def liked(self, number: int) -> list[Pixels]:
        """The liked pictures that were shown."""
        return _drawn(self.shown(number).liked)

    def disliked(self, number: int) -> list[Pixels]:
        """The disliked pictures that were shown."""
        return _drawn(self.shown(number).disliked)

    @lru_cache(maxsize=512)  # noqa: B019 - asked of every picture
    def mark(self, number: int) -> bytes:
        """All pictures that were shown, by their content."""
        return b"".join(map(key_of, (*self.liked(number), *self.disliked(number))))

    def kept(self, number: int) -> list[Pixels]:
        """Liked pictures that no method was shown."""
        return _drawn(self._hidden(number))

    def spare(self, number: int) -> list[Pixels]:
        """More of these, as many as are made: what a method would make that errs in nothing."""
        return _drawn(self.people[number].liked[self.asked.history + REFERENCES :])

    def wanted(self, wish: Wish) -> Pixels:
        """What was wished for, drawn in the look of a liked picture that no method was shown."""
        hidden = self._hidden(wish.person)
        like = hidden[CONTENTS.index(wish.content) % len(hidden)]
        return draw(replace(like, content=wish.content))

    def _hidden(self, number: int) -> Sequence[Scene]:
        first = self.asked.history
        return self.people[number].liked[first : first + REFERENCES]

    def mood(self, number: int) -> str:
        """The mood of most liked pictures that were shown; of as many, the first in MOODS."""
        counts = Counter(scene.mood for scene in self.shown(number).liked)
        return max(MOODS, key=lambda mood: counts[mood])


def _drawn(scenes: Sequence[Scene]) -> list[Pixels]:
    return [draw(scene) for scene in scenes]
