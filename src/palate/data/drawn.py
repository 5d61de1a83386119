"""One person of the drawn world, as the pictures they would show us."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from palate.data.agents import Population, pairs_table, scenes
from palate.data.folder import write_taste_folder
from palate.images import to_png
from palate.sketchbook.drawing import SIZE, draw
from palate.sketchbook.people import World, affinities, attributes
from palate.sketchbook.scenes import Scene
from palate.sketchbook.words import prompt_of


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person's scenes, liked and disliked in pairs, and what is true of their taste."""

    liked: tuple[Scene, ...]
    disliked: tuple[Scene, ...]
    likes: tuple[str, ...]  # values, strongest first
    dislikes: tuple[str, ...]


def person(number: int, pairs: int, world: World) -> Person:
    """The person of that number, with as many pairs as asked for."""
    each = Population(people=number + 1, pictures=2 * pairs * (number + 1), world=world)
    shown = list(scenes(pairs_table(np.array([number]), each)))
    likes, dislikes = attributes(affinities([number], world)[0])
    return Person(
        liked=tuple(liked for liked, _ in shown),
        disliked=tuple(disliked for _, disliked in shown),
        likes=tuple(likes),
        dislikes=tuple(dislikes),
    )


def write_taste(path: Path, shown: Person, size: int = SIZE) -> None:
    """Draw a person's pictures as a taste folder: liked/, disliked/, metadata.csv."""
    write_taste_folder(path, _drawn(shown.liked, size), _drawn(shown.disliked, size))


def _drawn(some: Iterable[Scene], size: int) -> list[tuple[bytes, str | None]]:
    return [(to_png(draw(scene, size)), prompt_of(scene.content)) for scene in some]
