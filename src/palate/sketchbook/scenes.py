"""A scene: what is in the picture, how it looks, and the seed of its small variations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palate.errors import BadInput, unknown
from palate.seeds import name_key, uniform
from palate.sketchbook.vocabulary import DIMENSIONS, MOOD_VOTES, MOODS, RELATIONS, SIZES, SUBJECTS

PLAIN_LOOK = tuple(values[0] for values in DIMENSIONS.values())


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a prompt names: one subject, or two and where the first stands from the second."""

    subject: str
    relation: str | None = None
    other: str | None = None

    def __post_init__(self) -> None:
        for name in (self.subject, self.other):
            if name is not None and name not in SUBJECTS:
                raise unknown("subject", name, SUBJECTS)
        if self.relation is not None and self.relation not in RELATIONS:
            raise unknown("relation", self.relation, RELATIONS)
        if (self.relation is None) != (self.other is None):
            raise BadInput("A relation needs a second subject, and a second subject a relation.")

    @property
    def arrangement(self) -> tuple[str, ...]:
        """What can be seen: "a cat left of a cup" is the same picture as "a cup right of a cat"."""
        if self.other is None:
            return "alone", self.subject
        if self.relation == "above":
            return "stacked", self.subject, self.other
        pair = (self.subject, self.other)
        return "beside", *(pair if self.relation == "left of" else pair[::-1])

    @property
    def subjects(self) -> tuple[str, ...]:
        """The one or two subjects, first first."""
        return (self.subject,) if self.other is None else (self.subject, self.other)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One picture of the drawn world, as a recipe: content, look and seed."""

    content: Content
    look: tuple[str, ...] = PLAIN_LOOK  # one value for each dimension, in DIMENSIONS' order
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.look) != len(DIMENSIONS):
            raise BadInput(f"A look has {len(DIMENSIONS)} values; {len(self.look)} were given.")
        for (dimension, values), value in zip(DIMENSIONS.items(), self.look, strict=True):
            if value not in values:
                raise unknown(dimension, value, values)

    def __getitem__(self, dimension: str) -> str:
        """The value of one dimension: scene["palette"]."""
        return self.look[_PLACE[dimension]]

    @property
    def mood(self) -> str:
        """The mood that follows from the look, by a fixed rule."""
        return mood_of(self.look)


_PLACE = {dimension: i for i, dimension in enumerate(DIMENSIONS)}
_CODES = tuple({value: i for i, value in enumerate(values)} for values in DIMENSIONS.values())

CONTENTS: tuple[Content, ...] = (
    *(Content(subject=s) for s in SUBJECTS),
    *(
        Content(subject=s, relation=r, other=o)
        for s in SUBJECTS
        for r in RELATIONS
        for o in SUBJECTS
        if s != o
    ),
)  # all 408 prompts: 12 with one subject, 396 with two


def look_of(**values: str) -> tuple[str, ...]:
    """A look from named values, the first of each dimension elsewhere: look_of(palette="cool")."""
    for dimension in values:
        if dimension not in DIMENSIONS:
            raise unknown("dimension", dimension, tuple(DIMENSIONS))
    return tuple(values.get(d, known[0]) for d, known in DIMENSIONS.items())


def any_scene(seed: int) -> Scene:
    """A scene drawn at random: any content, any look."""
    numbers = uniform(seed, name_key("any scene"), np.arange(1 + len(SIZES)))
    codes = (numbers[1:] * SIZES).astype(int)
    content = CONTENTS[int(numbers[0] * len(CONTENTS))]
    return Scene(content=content, look=look_from_codes(codes), seed=seed)


def look_to_codes(look: Sequence[str]) -> list[int]:
    """Value words to their place within each dimension, as recipes store them."""
    return [codes[value] for codes, value in zip(_CODES, look, strict=True)]


def codes_of(scenes: Iterable[Scene]) -> NDArray[np.int64]:
    """The looks of scenes as numbers, (N, 12)."""
    return np.array([look_to_codes(scene.look) for scene in scenes])


def look_from_codes(codes: Iterable[int]) -> tuple[str, ...]:
    """The inverse of `look_to_codes`."""
    return tuple(v[int(c)] for v, c in zip(DIMENSIONS.values(), codes, strict=True))


def mood_of(look: Iterable[str]) -> str:
    """Count the votes of the values; the mood with most wins, ties go to the first in MOODS."""
    votes: dict[str, int] = dict.fromkeys(MOODS, 0)
    for value in look:
        for mood, weight in MOOD_VOTES.get(value, {}).items():
            votes[mood] += weight
    return max(MOODS, key=lambda mood: votes[mood])
