"""Whether a picture shows what the prompt names, asked of whoever understands; one more try if not.

The second try has other noise and half the preference: what drives a thing out of a picture is
most often the one or the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from palate.generate import generate
from palate.methods.instant.entities import named, words_of
from palate.methods.instant.method import Instant
from palate.types import Picture, Profile, Request


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A picture, the things it was asked for and does not show, and how often it was tried."""

    picture: Picture
    missing: tuple[str, ...]
    tries: int


def checked(
    method: Instant, profiles: Sequence[Profile], requests: Sequence[Request]
) -> list[Checked]:
    """One picture for each request; where a named thing is missing, the better of two."""
    found = _tried(method, profiles, requests, 1)
    again = [number for number, one in enumerate(found) if one.missing]
    calmer = [
        replace(requests[n], seed=requests[n].seed + 1, strength=requests[n].strength / 2)
        for n in again
    ]
    second = _tried(method, [profiles[n] for n in again], calmer, 2)
    for number, other in zip(again, second, strict=True):
        better = len(other.missing) < len(found[number].missing)
        found[number] = other if better else replace(found[number], tries=2)
    return found


def missing(prompt: str, description: str) -> tuple[str, ...]:
    """Entities a prompt names whose last word, in one or many, is not in the description."""
    said = {_one(word) for word in words_of(description)}
    return tuple(e for e in named(prompt).entities if _one(words_of(e)[-1]) not in said)


def _tried(
    method: Instant, profiles: Sequence[Profile], requests: Sequence[Request], tries: int
) -> list[Checked]:
    if not requests:
        return []
    pictures = generate(list(profiles), list(requests), method=method)
    told = method.understanding.describe([picture.pixels for picture in pictures])
    return [
        Checked(picture=picture, missing=missing(picture.request.prompt, text), tries=tries)
        for picture, text in zip(pictures, told, strict=True)
    ]


def _one(word: str) -> str:
    """The singular, roughly: "cats" and "cat" are the same to us."""
    return word[:-1] if word.endswith("s") and len(word) > 3 else word
