"""The drawn world in words: captions, keywords in four categories, and prompts read back.

A caption names the content and may name values: "a lighthouse left of a boat, watercolor, at dusk".
Every phrase belongs to one value, so what a caption says can be read back exactly.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from palate.errors import BadInput
from palate.seeds import name_key, uniform
from palate.sketchbook.scenes import Content, Scene, mood_of
from palate.sketchbook.vocabulary import CATEGORIES, DIMENSIONS, MOODS, SIZES, SUBJECTS

# How a caption says a value, where the bare value would not read well.
_SAID = {
    "warm": "warm colors", "cool": "cool colors", "pastel": "pastel colors",
    "neon": "neon colors", "earthy": "earthy colors", "jewel": "jewel colors",
    "flat": "flat color", "ink": "brush and ink", "watercolor": "watercolor",
    "pointillist": "pointillist dots", "hatched": "hatched pencil", "pixel": "pixel art",
    "plain": "plain backdrop", "gradient": "gradient backdrop", "hills": "rolling hills",
    "stripes": "striped backdrop",
    "noon": "at noon", "dusk": "at dusk", "night": "at night", "spotlight": "in a spotlight",
    "rain": "in the rain", "snow": "falling snow", "leaves": "falling leaves",
    "rounded": "rounded shapes", "angular": "angular shapes", "wobbly": "wobbly shapes",
    "smooth": "smooth surface", "grain": "film grain", "paper": "rough paper",
    "canvas": "woven canvas",
}  # fmt: skip

PHRASES: Mapping[str, str] = MappingProxyType(
    {value: _SAID.get(value, value) for values in DIMENSIONS.values() for value in values}
)
MOOD_PHRASES: Mapping[str, str] = MappingProxyType({mood: f"{mood} mood" for mood in MOODS})

_HOME = {value: dimension for dimension, values in DIMENSIONS.items() for value in values}
_VALUE_OF = {phrase: value for value, phrase in PHRASES.items()} | {v: v for v in _HOME}
_MOOD_OF = {phrase: mood for mood, phrase in MOOD_PHRASES.items()} | {m: m for m in MOODS}


def prompt_of(content: Content) -> str:
    """The content alone: "a cat above a cup"."""
    if content.other is None:
        return f"a {content.subject}"
    return f"a {content.subject} {content.relation} a {content.other}"


def caption(scene: Scene, named: Collection[str] = (), mood: bool = False) -> str:
    """The content, then the values of the named dimensions, then perhaps the mood."""
    values = [PHRASES[scene[dimension]] for dimension in DIMENSIONS if dimension in named]
    moods = [MOOD_PHRASES[scene.mood]] if mood else []
    return ", ".join([prompt_of(scene.content), *values, *moods])


def keywords(scene: Scene) -> dict[str, tuple[str, ...]]:
    """What the picture shows, in the four categories of Instant Preference Alignment."""
    return {c: tuple(_keywords(scene, of)) for c, of in CATEGORIES.items()}


def _keywords(scene: Scene, of: tuple[str, ...]) -> list[str]:
    words = []
    for name in of:
        if name == "subject":
            words += scene.content.subjects
        elif name == "mood":
            words.append(MOOD_PHRASES[scene.mood])
        else:
            words.append(PHRASES[scene[name]])
    return words


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a text says about the drawn world, and which of its parts say nothing to it."""

    content: Content | None = None
    values: Mapping[str, str] = field(default_factory=dict)  # dimension -> value
    mood: str | None = None
    strange: tuple[str, ...] = ()


def read(text: str) -> Reading:
    """A caption or prompt read back; never fails, what is not understood is listed."""
    content, values, mood, strange = None, {}, None, []
    for chunk in filter(None, (c.strip().lower() for c in re.split(r"[,.;\n]", text))):
        if chunk in _VALUE_OF:
            values[_HOME[_VALUE_OF[chunk]]] = _VALUE_OF[chunk]
        elif chunk in _MOOD_OF:
            mood = _MOOD_OF[chunk]
        elif content is None and (content := _read_content(chunk)):
            continue
        else:
            strange.append(chunk)
    return Reading(content=content, values=values, mood=mood, strange=tuple(strange))


_THING = rf"(?:an?|the|one)?\s*({'|'.join(SUBJECTS)})"
_BETWEEN = (
    r"(?:(?:is|stands|sits)\s+)?(?:(?:to|on)\s+the\s+)?(left of|right of|above|over|below|under)"
)
_CONTENT = re.compile(
    rf"(?:an?\s+(?:picture|drawing|image|painting)\s+of\s+)?{_THING}(?:\s+{_BETWEEN}\s+{_THING})?"
)
_UPRIGHT = {"over": "above"}
_UPSIDE_DOWN = ("below", "under")


def _read_content(chunk: str) -> Content | None:
    match = _CONTENT.fullmatch(chunk)
    if match is None:
        return None
    subject, relation, other = match.groups()
    if relation in _UPSIDE_DOWN:
        subject, relation, other = other, "above", subject
    return Content(subject=subject, relation=_UPRIGHT.get(relation, relation), other=other)


def scene_of(text: str, seed: int = 0) -> Scene:
    """A scene that obeys a prompt; what the prompt leaves open is drawn from the seed."""
    reading = read(text)
    if reading.content is None:
        raise BadInput(
            f"The prompt {text!r} names no subject of the drawn world. Name one or two of: "
            f"{', '.join(SUBJECTS)}, such as 'a lighthouse left of a boat'."
        )
    if reading.strange:
        raise BadInput(
            f"The drawn world does not know {', '.join(map(repr, reading.strange))}. It knows: "
            f"{', '.join((*PHRASES.values(), *MOOD_PHRASES.values()))}."
        )
    return Scene(content=reading.content, look=_open_look(reading, seed), seed=seed)


def _open_look(reading: Reading, seed: int) -> tuple[str, ...]:
    """Named values as named, the others at random, until the mood is the one asked for."""
    places = np.arange(len(SIZES))
    for attempt in range(_ATTEMPTS):
        codes = (uniform(seed, name_key("open look"), attempt, places) * SIZES).astype(int)
        look = tuple(
            reading.values.get(dimension, values[code])
            for (dimension, values), code in zip(DIMENSIONS.items(), codes, strict=True)
        )
        if reading.mood in (None, mood_of(look)):
            return look
    named = ", ".join(reading.values.values())
    raise BadInput(f"No picture with {named} has a {reading.mood} mood. Leave one of them out.")


_ATTEMPTS = 2000  # the rarest mood comes up about once in thirty random looks
