"""Methods side by side: the same people, prompts and seeds, judged by what is true of the people.

Test people show a history; each then asks for a few pictures with prompts nobody was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from palate.backbones.judges import Judge
from palate.data.agents import SPLITS, split_of_contents
from palate.data.drawn import Person, person
from palate.data.quick_png import quick_png
from palate.evals.taste import Against, Scores, Wish, against, alone, scored
from palate.generate import generate, plain
from palate.recipes.crowd import Crowd
from palate.seeds import name_key, uniform
from palate.sketchbook.drawing import draw
from palate.sketchbook.people import World
from palate.sketchbook.scenes import CONTENTS, Scene
from palate.sketchbook.words import prompt_of
from palate.types import Example, Method, Picture, Profile, Request, Taste

PLAIN = "plain"


@dataclass(frozen=True, kw_only=True)
class Comparing:
    """Who is asked, how often, and after how long a history."""

    people: int = 60
    prompts: int = 2  # pictures for each person
    history: int = 8  # pairs
    strength: float = 1.0
    avoid: float = 0.0
    steps: int | None = None

    def numbers(self) -> list[int]:
        """The first people of the test split."""
        return Crowd(split="test", people=self.people, pairs=1).numbers().tolist()

    def asked(self) -> tuple[list[Wish], list[Request]]:
        """Every picture that is asked for, person by person."""
        held = np.flatnonzero(split_of_contents() == SPLITS.index("test"))
        wishes, requests = [], []
        for number in self.numbers():
            luck = uniform(name_key("asked"), number, np.arange(self.prompts))
            for turn, place in enumerate(held[(luck * len(held)).astype(int)]):
                content = CONTENTS[place]
                wishes.append(Wish(person=number, content=content))
                requests.append(
                    Request(
                        prompt=prompt_of(content),
                        seed=1000 * number + turn,
                        strength=self.strength,
                        avoid=self.avoid,
                        steps=self.steps,
                    )
                )
        return wishes, requests


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What was found; every method against plain."""

    wishes: Sequence[Wish]
    scores: Mapping[str, Scores]

    def against(self, name: str, other: str = PLAIN) -> Against:
        """Two ways to make pictures, picture by picture."""
        return against(self.scores[name], self.scores[other], self.wishes)

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] = {}
        for name, scores in self.scores.items():
            taste, content = alone(scores, self.wishes)
            found[name] = {"taste": taste.facts(), "content": content.facts()}
            if name != PLAIN:
                found[name]["against plain"] = {
                    what: figure.facts() for what, figure in vars(self.against(name)).items()
                }
        return found

    def table(self) -> str:
        """A row for each method."""
        rows = [f"{'':14}{'taste':>22}{'content':>22}{'wins against plain':>26}"]
        for name, scores in self.scores.items():
            taste, content = alone(scores, self.wishes)
            wins = self.against(name).wins if name != PLAIN else ""
            rows.append(f"{name:14}{taste:>22}{content:>22}{wins:>26}")
        return "\n".join(rows)


def compare(
    methods: Mapping[str, Method],
    backbone: Any,
    judge: Judge,
    asked: Comparing,
    on_picture: Callable[[int, int], None] = lambda done, of: None,
) -> Compared:
    """Everybody's pictures by every method, and by the base model alone."""
    wishes, requests = asked.asked()
    total, scores = (1 + len(methods)) * len(requests), {}
    ways: list[tuple[str, Method | None]] = [(PLAIN, None), *methods.items()]
    for turn, (name, method) in enumerate(ways):
        done = turn * len(requests)
        profiles = profiles_of(method, asked) if method else None
        pictures = made(
            requests, method or backbone, profiles, lambda n, d=done: on_picture(d + n, total)
        )
        scores[name] = scored(pictures, wishes, judge)
    return Compared(wishes=wishes, scores=scores)


def profiles_of(method: Method, asked: Comparing) -> list[Profile]:
    """Everybody's, once for each picture they ask for."""
    tastes = [taste_of(person(n, asked.history, World())) for n in asked.numbers()]
    return [profile for taste in tastes for profile in [method.read(taste)] * asked.prompts]


def made(
    requests: Sequence[Request],
    by: Any,
    profiles: Sequence[Profile] | None,
    on_picture: Callable[[int], None] = lambda done: None,
    at_once: int = 16,
) -> list[Picture]:
    """Pictures some at a time: by a method for these people, or by a base model for nobody."""
    pictures: list[Picture] = []
    for start in range(0, len(requests), at_once):
        some = slice(start, start + at_once)
        if profiles is None:
            pictures += plain(requests[some], backbone=by)
        else:
            pictures += generate(profiles[some], requests[some], method=by)
        on_picture(len(pictures))
    return pictures


def taste_of(shown: Person) -> Taste:
    """A person's scenes as the pictures they would show us."""
    liked, disliked = (tuple(map(_example, side)) for side in (shown.liked, shown.disliked))
    return Taste(liked=liked, disliked=disliked)


def _example(scene: Scene) -> Example:
    return Example(image=quick_png(draw(scene)), prompt=prompt_of(scene.content))
