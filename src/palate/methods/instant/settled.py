"""Keywords a picture has room for: what a prompt asks for comes before what a person likes.

And of what they like the most liked: no picture is in warm and in cool colors.
"""

from __future__ import annotations

from collections.abc import Sequence

from palate.methods.instant.entities import words_of
from palate.methods.instant.keywords import Keyword
from palate.sketchbook.vocabulary import DIMENSIONS
from palate.sketchbook.words import read


def unsettled(prompt: str, keywords: Sequence[Keyword]) -> list[Keyword]:
    """Without those whose matter the prompt settles, for them or against them."""
    said, asked = set(words_of(prompt)), matters(prompt)
    return [
        word for word in keywords if _head(word.text) not in said and not matters(word.text) & asked
    ]


def agreeing(keywords: Sequence[Keyword]) -> list[Keyword]:
    """Of keywords that speak of one matter the first, which is the strongest of a ranked list."""
    taken: set[str] = set()
    kept = []
    for word in keywords:
        about = matters(word.text) | {_head(word.text)}
        if not about & taken:
            kept.append(word)
            taken |= about
    return kept


def told(keywords: Sequence[Keyword]) -> list[Keyword]:
    """In the order captions tell of them, which models that learned from captions follow best.

    What captions of the drawn world do not know comes behind, in the order given.
    """
    places = {matter: place for place, matter in enumerate((*DIMENSIONS, "mood"))}
    last = len(places)
    return sorted(
        keywords, key=lambda word: min((places[m] for m in matters(word.text)), default=last)
    )


def _head(text: str) -> str:
    """What it is about: "colors" of "warm colors". "Cool colors" in a prompt leave it no room."""
    return (words_of(text) or ("",))[-1]


def matters(text: str) -> set[str]:
    """Dimensions of the drawn world a text speaks of: "at noon" and "at night" are both light."""
    found = read(text)
    return {*found.values, *(["mood"] if found.mood else [])}
