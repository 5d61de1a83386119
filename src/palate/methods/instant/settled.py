"""Keywords a prompt leaves room for: what a person asks for comes before what they usually like."""

from __future__ import annotations

from collections.abc import Sequence

from palate.methods.instant.entities import words_of
from palate.methods.instant.keywords import Keyword
from palate.sketchbook.words import read


def unsettled(prompt: str, keywords: Sequence[Keyword]) -> list[Keyword]:
    """Without those whose matter the prompt settles, for them or against them."""
    said, asked = set(words_of(prompt)), matters(prompt)
    return [
        word for word in keywords if _head(word.text) not in said and not matters(word.text) & asked
    ]


def _head(text: str) -> str:
    """What it is about: "colors" of "warm colors". "Cool colors" in a prompt leave it no room."""
    return (words_of(text) or ("",))[-1]


def matters(text: str) -> set[str]:
    """Dimensions of the drawn world a text speaks of: "at noon" and "at night" are both light."""
    found = read(text)
    return {*found.values, *(["mood"] if found.mood else [])}
