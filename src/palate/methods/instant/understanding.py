"""Who understands pictures and plans: a reader in this process, or a vision LLM behind a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from palate.backbones.reader import Reader
from palate.backbones.reader import asked as asked_of
from palate.backbones.vlm import Endpoint
from palate.errors import BadInput
from palate.methods.instant import asking
from palate.methods.instant.entities import words_of
from palate.methods.instant.keywords import (
    LIKED,
    THEME,
    Keyword,
    Keywords,
    assembled,
    keyword,
    tidy,
)
from palate.methods.instant.layout import planned
from palate.methods.instant.plan import Plan
from palate.methods.instant.said import Analysis, PlanSaid, Revision, RevisionSaid, Things
from palate.methods.instant.sayings import obeyed
from palate.types import Mark

Pixels = NDArray[np.uint8]
DESCRIBE = "Describe the picture."
QUESTIONS = {category: f"What is its {category.replace('_', ' ')}?" for category in LIKED}
_NOTHING = ("", "none", "nothing", "unknown", "no", "n/a")
_SHORT = 32  # tokens of an answer that names a few keywords
_ONCE = 0.5  # the weight of what a reader says when asked for it, but not of itself


@runtime_checkable
class Understanding(Protocol):
    """Says what pictures show, plans one, and plans it anew when a person answers."""

    mark: Mark

    def analyse(self, pictures: Sequence[Pixels]) -> list[Keywords]:
        """What each picture shows, in four categories."""
        ...

    def describe(self, pictures: Sequence[Pixels]) -> list[str]:
        """What is to be seen in each picture, in a sentence or a list."""
        ...

    def plan(self, prompt: str, keywords: Keywords) -> Plan:
        """A picture of the prompt for who likes the keywords."""
        ...

    def revise(self, prompt: str, keywords: Keywords, plan: Plan, said: str) -> Revision:
        """The whole plan anew, after what the person said of it."""
        ...


class ByRule:
    """Plans and rounds by the words of prompt and person; needs no model, and sees nothing."""

    mark = Mark(name="by-rule", fingerprint="1")

    def analyse(self, pictures: Sequence[Pixels]) -> list[Keywords]:
        """Refused, but for no picture at all."""
        return [_blind() for _ in pictures]

    def describe(self, pictures: Sequence[Pixels]) -> list[str]:
        """Refused, but for no picture at all."""
        return [_blind() for _ in pictures]

    def plan(self, prompt: str, keywords: Keywords) -> Plan:
        """See `layout`."""
        return planned(prompt, keywords)

    def revise(self, prompt: str, keywords: Keywords, plan: Plan, said: str) -> Revision:
        """See `sayings`."""
        return obeyed(prompt, keywords, plan, said)


class ByReader:
    """Idefics2-class readers, which see but do not plan: plans and rounds go by rule."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.mark = reader, reader.mark

    def analyse(self, pictures: Sequence[Pixels]) -> list[Keywords]:
        """A description and four questions each; what is said in both is sure."""
        if not pictures:
            return []
        whole = self.describe(pictures)
        asked = [asked_of(q, picture) for picture in pictures for q in QUESTIONS.values()]
        parts = self.reader.answer(asked, most=_SHORT)
        each = len(QUESTIONS)
        return [_agreed(d, *parts[i * each : (i + 1) * each]) for i, d in enumerate(whole)]

    def describe(self, pictures: Sequence[Pixels]) -> list[str]:
        """As it was taught to."""
        return self.reader.answer([asked_of(DESCRIBE, picture) for picture in pictures])

    def plan(self, prompt: str, keywords: Keywords) -> Plan:
        """By rule."""
        return planned(prompt, keywords)

    def revise(self, prompt: str, keywords: Keywords, plan: Plan, said: str) -> Revision:
        """By rule."""
        return obeyed(prompt, keywords, plan, said)


class ByServer:
    """Any vision LLM behind an OpenAI-compatible server."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint, self.mark = endpoint, endpoint.mark

    def analyse(self, pictures: Sequence[Pixels]) -> list[Keywords]:
        """One after another, each told the words used so far, so that shares can be counted."""
        found: list[Keywords] = []
        for picture in pictures:
            words = list(dict.fromkeys(k.text for one in found for _, k in one.all()))
            found.append(self._analysed(picture, words[-60:]))
        return found

    def _analysed(self, picture: Pixels, words: list[str]) -> Keywords:
        lacks = "names no keyword; the picture shows some"
        said = self.endpoint.ask(
            Analysis,
            asking.ANALYSE,
            asking.known(words),
            [picture],
            lacks=lambda said: "" if any(said.keywords().all()) else lacks,
        )
        return said.keywords()

    def describe(self, pictures: Sequence[Pixels]) -> list[str]:
        """The things the model sees."""
        ask = self.endpoint.ask
        found = [ask(Things, asking.DESCRIBE, "The picture.", [picture]) for picture in pictures]
        return [", ".join(one.things) for one in found]

    def plan(self, prompt: str, keywords: Keywords) -> Plan:
        """As the model plans it, mended."""
        said = self.endpoint.ask(PlanSaid, asking.PLAN, asking.wish(prompt, keywords))
        return said.plan(prompt)

    def revise(self, prompt: str, keywords: Keywords, plan: Plan, said: str) -> Revision:
        """As the model understands the person; what it did not touch stays as it was."""
        given = asking.answer(prompt, keywords, plan, said)
        found = self.endpoint.ask(RevisionSaid, asking.REVISE, given)
        return found.revision(prompt, keywords, plan)


def _blind() -> NoReturn:
    raise BadInput("Rules see no pictures. Name a reader or a server to look at them.")


def _agreed(description: str, *answers: str) -> Keywords:
    """Keywords of one picture; what it is a picture of is the prompt's matter, and no theme.

    What is said once only is a guess: it is heard where nothing is said twice.
    """
    thing, *phrases = description.split(",")
    things, said = set(words_of(thing)), {tidy(phrase).casefold() for phrase in phrases}
    found: dict[str, list[Keyword | None]] = {}
    for category, answer in zip(LIKED, answers, strict=True):
        words = [tidy(part) for part in answer.split(",")]
        words = [w for w in words if w.casefold() not in _NOTHING]
        if category == THEME:
            words = [w for w in words if not set(words_of(w)) <= things]
        found[category] = [_heard(w, w.casefold() in said) for w in words]
    heard = assembled(found)
    sure = {c: tuple(k for k in getattr(heard, c) if k.weight == 1) for c in LIKED}
    return Keywords(**sure) if any(sure.values()) else heard


def _heard(word: str, twice: bool) -> Keyword | None:
    told = "said in the description, too" if twice else "said when asked for it"
    return keyword(word, 1.0 if twice else _ONCE, told)
