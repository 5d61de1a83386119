"""How people word what they want changed: comparisons, places, sizes, wishes, as patterns."""

from __future__ import annotations

import re

from palate.sketchbook.words import MOOD_PHRASES, PHRASES, read

LITTLE, STEP, FAR = 80, 150, 250  # of 1000
WHITHER = {
    "left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "higher": (0, -1),
    "lower": (0, 1), "top": (0, -1), "bottom": (0, 1),
}  # fmt: skip
SIZES = {
    "bigger": 1.25, "larger": 1.25, "smaller": 0.8, "too small": 1.25, "too big": 0.8,
    "too large": 0.8,
}  # fmt: skip
COMPARED = {  # what a comparison asks for
    "warmer": "warm colors", "cooler": "cool colors", "colder": "cool colors",
    "brighter": "at noon", "darker": "at night", "calmer": "calm mood", "dreamier": "dreamy mood",
    "gloomier": "gloomy mood", "happier": "cheerful mood", "closer": "close-up",
    "wider": "wide shot", "smoother": "smooth surface", "softer": "low contrast",
    "harsher": "high contrast", "too warm": "cool colors", "too cold": "warm colors",
    "too cool": "warm colors", "too dark": "at noon", "too bright": "at night",
    "too gloomy": "cheerful mood", "too close": "wide shot", "too harsh": "low contrast",
}  # fmt: skip
ABSENT = {  # the value of a dimension in which there is nothing of it
    "backdrop": "plain", "ornament": "clear air", "border": "borderless", "outline": "no outline",
    "texture": "smooth", "contrast": "even contrast", "tilt": "level",
}  # fmt: skip
_ALSO = {"frame": "border", "lines": "outline", "weather": "ornament", "background": "backdrop"}

_HOW = r"(?:(?:a\s+(?:bit|little)|a\s+lot|much|further|farther|more|to|towards?|the)\s+)*"
MOVE = re.compile(rf"(?:(?:move|put|make)\s+)?(.+?)\s+({_HOW})({'|'.join(WHITHER)})")
SIZE = re.compile(
    rf"(?:make\s+)?(.+?)\s+(?:is\s+)?(?:(?:a\s+(?:bit|little)|much)\s+)?({'|'.join(SIZES)})"
)
LESS = re.compile(
    r"(no|not|without|avoid|less|remove|don['’]t like|do not like)\s+"
    r"(?:(?:the|an?|any|so|that|much|many|more)\s+)*(.+)"
)
MORE = re.compile(r"(?:more|add|with|use)\s+(.+)")
CLAUSES = re.compile(r"\s*(?:[,.;!\n]|\b(?:and|but)\b)\s*")
_POLITE = re.compile(
    r"^(?:(?:please|make (?:it|the picture)|(?:it|the picture) (?:is|should be)|it['’]s|a (?:bit|"
    r"little)|much|slightly|somewhat|i(?:['’]d| would)? (?:want|like)(?: it)?(?: to be)?)\s+)+"
    r"|\s+please$"
)
_ABOUT = re.compile(r"(?:an?|the)\s+(.+)")
_OF = re.compile(r"(.+?)\s+(?:mood|colou?rs?|light)")


def clauses(said: str) -> list[str]:
    """One wish each, in small letters, without what is only polite."""
    parts = (_POLITE.sub("", part.strip()) for part in CLAUSES.split(said.casefold()))
    return [part for part in parts if part]


def compared(clause: str) -> str | None:
    """The keyword a comparison asks for: "warmer", "a calmer mood", "warmer colors"."""
    bare = _bare(clause)
    of = _OF.fullmatch(bare)
    return COMPARED.get(bare) or COMPARED.get(of[1] if of else "")


def as_told(text: str) -> str:
    """A value or mood of the drawn world as captions tell it; other words as they are."""
    bare = _bare(text).replace("colour", "color")
    return _phrase(bare) or _phrase(bare.removesuffix("s")) or text


def _phrase(text: str) -> str | None:
    found = read(text)
    phrases = [PHRASES[value] for value in found.values.values()]
    phrases += [MOOD_PHRASES[found.mood]] if found.mood else []
    alone = len(phrases) == 1 and not found.strange and found.content is None
    return phrases[0] if alone else None


def nothing_of(name: str) -> str | None:
    """What a picture without any of it shows: no frame is borderless, no weather clear air."""
    bare = _bare(name)
    plain = ABSENT.get(_ALSO.get(bare, bare))
    return PHRASES[plain] if plain else None


def absence(text: str) -> str | None:
    """What a picture without this value shows: no rain is clear air."""
    values = read(text).values
    plain = nothing_of(next(iter(values))) if len(values) == 1 else None
    return plain if plain != text else None


def _bare(text: str) -> str:
    match = _ABOUT.fullmatch(text)
    return match[1] if match else text
