"""What the reader is taught to say: questions about one picture or several, and their answers.

All talk is in the words of `sketchbook.words`, so that answers can be read back exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palate.sketchbook.scenes import Content, Scene
from palate.sketchbook.vocabulary import CATEGORIES, DIMENSIONS
from palate.sketchbook.words import MOOD_PHRASES, PHRASES, caption, keywords, prompt_of

DESCRIBE, CONTENT, SHARED = (
    "Describe the picture.",
    "What does it show?",
    "What do these pictures share?",
)
ORDINALS = ("first", "second", "third", "fourth")


@dataclass(frozen=True)
class Turn:
    """A question and its answer."""

    question: str
    answer: str


def seen_content(scene: Scene) -> Content:
    """As it looks: who stands left is named first, whichever way the prompt put it."""
    layout, *subjects = scene.content.arrangement
    relation = {"alone": None, "stacked": "above", "beside": "left of"}[layout]
    return Content(subject=subjects[0], relation=relation, other=(*subjects, None)[1])


def described(scene: Scene) -> str:
    """Everything a picture shows, in one line."""
    plain = Scene(content=seen_content(scene), look=scene.look, seed=scene.seed)
    return caption(plain, tuple(DIMENSIONS), mood=True)


def about_category(category: str) -> str:
    """Asks for keywords of one of the four categories."""
    return f"What is its {category.replace('_', ' ')}?"


def about_dimension(dimension: str) -> str:
    """Asks for one value."""
    return f"What is its {dimension}?"


def about_value(value: str) -> str:
    """Asks for yes or no."""
    return f"Is it {PHRASES[value]}?"


def talk(scenes: Sequence[Scene], luck: NDArray[np.float64]) -> list[Turn]:
    """Some questions about pictures shown together; `luck` holds 12 numbers."""
    if len(scenes) == 1:
        picks = (_describe, _category, _dimension, _yes_or_no)
        return [pick(scenes[0], luck[3 * i :]) for i, pick in enumerate(_shuffled(picks, luck[11]))]
    return [_which(scenes, luck), _shared(scenes), _nth(scenes, luck[3:]), _which(scenes, luck[6:])]


def as_text(pictures: int, turns: Sequence[Turn]) -> list[tuple[str, bool]]:
    """Idefics2's chat, in pieces; True marks what the reader is to say itself."""
    pieces = [("User:" + "<image>" * pictures, False)]
    for number, turn in enumerate(turns):
        pieces.append((("User: " if number else "") + turn.question, False))
        pieces.append(("<end_of_utterance>\nAssistant:", False))
        pieces.append((f" {turn.answer}<end_of_utterance>", True))
        pieces.append(("\n", False))
    return pieces


Pick = Callable[[Scene, NDArray[np.float64]], Turn]


def _shuffled(picks: Sequence[Pick], luck: float) -> list[Pick]:
    """Any of the orders that a turn of the wheel gives; the reader must not count on one."""
    first = int(luck * len(picks))
    return [*picks[first:], *picks[:first]]


def _describe(scene: Scene, luck: NDArray[np.float64]) -> Turn:
    return Turn(DESCRIBE, described(scene))


def _category(scene: Scene, luck: NDArray[np.float64]) -> Turn:
    category = list(CATEGORIES)[int(luck[0] * len(CATEGORIES))]
    return Turn(about_category(category), ", ".join(keywords(scene)[category]))


def _dimension(scene: Scene, luck: NDArray[np.float64]) -> Turn:
    asked = int(luck[0] * (len(DIMENSIONS) + 2))
    if asked == len(DIMENSIONS):
        return Turn(about_dimension("mood"), MOOD_PHRASES[scene.mood])
    if asked > len(DIMENSIONS):
        return Turn(CONTENT, prompt_of(seen_content(scene)))
    dimension = list(DIMENSIONS)[asked]
    return Turn(about_dimension(dimension), PHRASES[scene[dimension]])


def _yes_or_no(scene: Scene, luck: NDArray[np.float64]) -> Turn:
    """The true value in half of the questions."""
    value = _value(scene, luck[:2], true=luck[2] < 0.5)
    return Turn(about_value(value), "yes" if value in scene.look else "no")


def _value(scene: Scene, luck: NDArray[np.float64], *, true: bool) -> str:
    dimension = list(DIMENSIONS)[int(luck[0] * len(DIMENSIONS))]
    if true:
        return scene[dimension]
    others = [value for value in DIMENSIONS[dimension] if value != scene[dimension]]
    return others[int(luck[1] * len(others))]


def _which(scenes: Sequence[Scene], luck: NDArray[np.float64]) -> Turn:
    """Whose answer is never "none" in more than half of the cases."""
    one = scenes[int(luck[2] * len(scenes))]
    value = _value(one, luck[:2], true=luck[2] * 100 % 1 < 0.7)
    places = [ORDINALS[i] for i, scene in enumerate(scenes) if value in scene.look]
    return Turn(f"Which pictures show {PHRASES[value]}?", ", ".join(places) or "none")


def _shared(scenes: Sequence[Scene]) -> Turn:
    values = [
        PHRASES[scenes[0][dimension]]
        for dimension in DIMENSIONS
        if len({scene[dimension] for scene in scenes}) == 1
    ]
    return Turn(SHARED, ", ".join(values) or "nothing")


def _nth(scenes: Sequence[Scene], luck: NDArray[np.float64]) -> Turn:
    place = int(luck[0] * len(scenes))
    return Turn(f"Describe the {ORDINALS[place]} picture.", described(scenes[place]))
