"""What was understood of a taste: keywords in four categories, each with weight and evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite

from palate.errors import BadInput, unknown
from palate.types import Word

AVOID = "avoid"
BY_HAND = "said by hand"
LONGEST = 80  # letters of a keyword


@dataclass(frozen=True, kw_only=True)
class Keyword:
    """A few words, how much they matter (above 0, at most 1), and what in the pictures says so."""

    evidence: str = ""
    text: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.text != tidy(self.text) or not 0 < len(self.text) <= LONGEST:
            raise BadInput(
                f"A keyword is {self.text[: LONGEST + 9]!r}; it must be one line of 1 to {LONGEST} "
                "letters without commas."
            )
        if not isfinite(self.weight) or not 0 < self.weight <= 1:
            raise BadInput(
                f"The keyword {self.text!r} weighs {self.weight}; a weight lies above 0 and is at "
                "most 1. To be rid of a keyword, take it out."
            )

    @property
    def key(self) -> str:
        """Two keywords with the same key are the same."""
        return self.text.casefold()


@dataclass(frozen=True, kw_only=True)
class Keywords:
    """Instant's four categories, and what is to be avoided; in each, strongest first."""

    artistic_style: tuple[Keyword, ...] = ()
    emotion_atmosphere: tuple[Keyword, ...] = ()
    thematic: tuple[Keyword, ...] = ()
    visual_elements: tuple[Keyword, ...] = ()
    avoid: tuple[Keyword, ...] = ()

    def __post_init__(self) -> None:
        keys = [keyword.key for _, keyword in self.all()]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise BadInput(f"The keyword {twice[0]!r} stands in the lists twice. Keep one of them.")

    def all(self) -> Iterator[tuple[str, Keyword]]:
        """Every keyword with its category, `avoid` last."""
        for place in fields(self):
            yield from ((place.name, keyword) for keyword in getattr(self, place.name))

    def ranked(self, *, avoid: bool = False, theme: bool = True) -> list[Keyword]:
        """What is liked, or what is to be avoided, strongest first.

        Of equals what was said by hand, then by category and text.

        Without `theme`, style alone: themes name things, and things are the prompt's matter.
        """
        wanted = (AVOID,) if avoid else LIKED if theme else tuple(c for c in LIKED if c != THEME)
        found = [(wanted.index(c), keyword) for c, keyword in self.all() if c in wanted]
        found.sort(key=lambda p: (-p[1].weight, p[1].evidence != BY_HAND, p[0], p[1].text))
        return [keyword for _, keyword in found]

    # ---- edited by hand, with no model

    def added(self, text: str, category: str, weight: float = 1.0) -> Keywords:
        """With one more; one that was there moves."""
        if category not in CATEGORIES:
            raise unknown("category", category, CATEGORIES)
        word = Keyword(text=tidy(text), weight=weight, evidence=BY_HAND)
        kept = self._less(word.key)
        return _sorted(kept, category, (*getattr(kept, category), word))

    def removed(self, text: str) -> Keywords:
        """Without one."""
        self._find(text)
        return self._less(tidy(text).casefold())

    def weighed(self, text: str, weight: float) -> Keywords:
        """With another weight for one."""
        category, word = self._find(text)
        kept = self._less(word.key)
        return _sorted(kept, category, (*getattr(kept, category), replace(word, weight=weight)))

    def _find(self, text: str) -> tuple[str, Keyword]:
        key = tidy(text).casefold()
        for category, keyword in self.all():
            if keyword.key == key:
                return category, keyword
        raise unknown("keyword", text, [keyword.text for _, keyword in self.all()])

    def _less(self, key: str) -> Keywords:
        return Keywords(
            **{c: tuple(k for k in getattr(self, c) if k.key != key) for c in CATEGORIES}
        )

    # ---- as a profile keeps them

    def words(self) -> tuple[Word, ...]:
        """A profile's words: what is to be avoided weighs less than nothing."""
        return tuple(
            Word(
                text=k.text,
                weight=-k.weight if c == AVOID else k.weight,
                category=c,
                evidence=k.evidence,
            )
            for c, k in self.all()
        )

    @classmethod
    def of(cls, words: Iterable[Word]) -> Keywords:
        """From a profile's words, which a person may have edited; weights are clipped."""
        found: dict[str, list[Keyword]] = {category: [] for category in CATEGORIES}
        for word in words:
            category = AVOID if word.weight < 0 else word.category or VISUAL
            if category not in found:
                raise unknown("category", category, CATEGORIES)
            if word.weight:
                weight = min(abs(word.weight), 1.0)
                one = Keyword(text=word.text, weight=weight, evidence=word.evidence)
                found[category].append(one)
        return cls(**{category: tuple(all_of) for category, all_of in found.items()})


CATEGORIES = tuple(place.name for place in fields(Keywords))
LIKED = tuple(category for category in CATEGORIES if category != AVOID)
THEME, VISUAL = "thematic", "visual_elements"


def tidy(text: str) -> str:
    """On one line, without commas, stops at the ends or signs nobody sees."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return re.sub(r"[\s,]+", " ", shown).strip(" .;:\"'")


def keyword(text: str, weight: float = 1.0, evidence: str = "") -> Keyword | None:
    """From what a model said: tidied, cut, clipped; None if nothing is left."""
    said = tidy(tidy(text)[:LONGEST])
    if not said or not isfinite(weight) or weight <= 0:
        return None
    return Keyword(text=said, weight=min(weight, 1.0), evidence=" ".join(evidence.split())[:200])


def distinct(given: Iterable[Keyword | None]) -> tuple[Keyword, ...]:
    """Each once, the strongest of its kind; strongest first."""
    best: dict[str, Keyword] = {}
    for word in given:
        if word and (word.key not in best or best[word.key].weight < word.weight):
            best[word.key] = word
    return tuple(sorted(best.values(), key=lambda k: (-k.weight, k.text)))


def assembled(found: Mapping[str, Iterable[Keyword | None]]) -> Keywords:
    """Keywords by category; one that stands in two stays in the first."""
    taken: set[str] = set()
    kept: dict[str, tuple[Keyword, ...]] = {}
    for category, words in found.items():
        kept[category] = tuple(word for word in distinct(words) if word.key not in taken)
        taken |= {word.key for word in kept[category]}
    return Keywords(**kept)


def _sorted(keywords: Keywords, category: str, words: Iterable[Keyword]) -> Keywords:
    return replace(keywords, **{category: distinct(words)})
