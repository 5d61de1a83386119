"""What a person says of a picture, understood by rule: "warmer, and the boat further left".

All or nothing: a clause that is not understood changes nothing and is an error that says what is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from palate.errors import BadInput
from palate.methods.instant.entities import named, words_of
from palate.methods.instant.keywords import AVOID, CATEGORIES, VISUAL, Keywords, tidy
from palate.methods.instant.plan import WHOLE, Box, Plan, Region, Sketch, region
from palate.methods.instant.rewording import reworded
from palate.methods.instant.said import Revision
from palate.methods.instant.settled import matters
from palate.sketchbook.vocabulary import CATEGORIES as HOMES

_LITTLE, _STEP, _FAR = 80, 150, 250  # of 1000
_WHITHER = {
    "left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "higher": (0, -1),
    "lower": (0, 1), "top": (0, -1), "bottom": (0, 1),
}  # fmt: skip
_SIZES = {"bigger": 1.25, "larger": 1.25, "smaller": 0.8}
_COMPARED = {  # what a comparison asks for
    "warmer": "warm colors", "cooler": "cool colors", "colder": "cool colors",
    "brighter": "at noon", "darker": "at night", "calmer": "calm mood", "dreamier": "dreamy mood",
    "gloomier": "gloomy mood", "happier": "cheerful mood", "closer": "close-up",
    "wider": "wide shot", "smoother": "smooth surface", "softer": "low contrast",
    "harsher": "high contrast",
}  # fmt: skip
_HOW = r"(?:(?:a\s+(?:bit|little)|a\s+lot|much|further|farther|more|to|towards?|the)\s+)*"
_MOVE = re.compile(rf"(?:(?:move|put|make)\s+)?(.+?)\s+({_HOW})({'|'.join(_WHITHER)})")
_SIZE = re.compile(rf"(?:make\s+)?(.+?)\s+(?:a\s+(?:bit|little)\s+)?({'|'.join(_SIZES)})")
_LESS = re.compile(r"(no|not|without|avoid|less|remove)\s+(.+)")
_MORE = re.compile(r"(more|add|with|use)\s+(.+)")
_CLAUSES = re.compile(r"\s*(?:[,.;!\n]|\b(?:and|but)\b)\s*")


@dataclass(frozen=True, kw_only=True)
class _Now:
    """Keywords and regions while clauses are obeyed, and what has been changed."""

    keywords: Keywords
    regions: tuple[Region, ...]
    changes: tuple[str, ...] = ()

    def told(self, change: str, **new: object) -> _Now:
        return replace(self, changes=(*self.changes, change), **new)


def obeyed(prompt: str, keywords: Keywords, plan: Plan, said: str) -> Revision:
    """Clause by clause; regions nobody spoke of stay as they are."""
    clauses = [clause for clause in _CLAUSES.split(said.casefold().strip()) if clause]
    if not clauses:
        raise BadInput("Nothing was said. Say what to change: 'warmer, the boat further left'.")
    now = _Now(keywords=keywords, regions=plan.regions or _alone(prompt))
    for clause in clauses:
        found = next(filter(None, (way(clause, now) for way in _WAYS)), None)
        if found is None:
            raise BadInput(_not_understood(clause, now))
        now = found
    changed = now.regions if plan.regions or now.regions != _alone(prompt) else ()
    texts = reworded(plan, prompt, keywords, now.keywords)
    return Revision(
        keywords=now.keywords, plan=replace(texts, regions=changed), changes=now.changes
    )


def _moved(clause: str, now: _Now) -> _Now | None:
    match = _MOVE.fullmatch(clause)
    one = _entity(match[1], now) if match else None
    if match is None or one is None:
        return None
    how = match[2]
    far = _FAR if "lot" in how or "much" in how else _LITTLE if "a " in how else _STEP
    x, y = (side * far for side in _WHITHER[match[3]])
    x, y = (_room(step, one.box, axis) for axis, step in ((0, x), (1, y)))
    left, top, right, bottom = one.box
    change = f"{one.entity}: moved {match[3]}" if x or y else f"{one.entity}: at the edge already"
    return _at(now, one, (left + x, top + y, right + x, bottom + y), change)


def _sized(clause: str, now: _Now) -> _Now | None:
    match = _SIZE.fullmatch(clause)
    one = _entity(match[1], now) if match else None
    if match is None or one is None:
        return None
    factor, (left, top, right, bottom) = _SIZES[match[2]], one.box
    width, height = ((b - a) * (factor - 1) / 2 for a, b in ((left, right), (top, bottom)))
    grown = Sketch(
        entity=one.entity,
        prompt=one.prompt,
        box=(left - width, top - height, right + width, bottom + height),
    )
    found = region(grown)
    assert found is not None
    return _at(now, one, found.box, f"{one.entity}: {match[2]}")


def _lessened(clause: str, now: _Now) -> _Now | None:
    match = _LESS.fullmatch(clause)
    text = tidy(match[2]) if match else ""
    if match is None or not text:
        return None
    if named_thing := _entity(text, now):
        raise BadInput(
            f"{named_thing.entity!r} is what the prompt asks for. To be rid of it, begin anew "
            "with another prompt; or make it 'smaller'."
        )
    weights = {k.key: k.weight for c, k in now.keywords.all() if c != AVOID}
    if match[1] == "less" and weights.get(text, 0) > 0.1:
        half = now.keywords.weighed(text, weights[text] / 2)
        return now.told(f"{text}: half as much", keywords=half)
    if match[1] == "remove" and text in weights:
        return now.told(f"{text}: no longer liked", keywords=now.keywords.removed(text))
    return now.told(f"{text}: avoided", keywords=now.keywords.added(text, AVOID))


def _added(clause: str, now: _Now) -> _Now | None:
    """ "More rain", "add fog", "at dusk", "warmer"; what speaks of the same matter makes way."""
    match = _MORE.fullmatch(clause)
    text = tidy(match[2] if match else _COMPARED.get(clause, clause))
    known = matters(text)
    if not text or not (match or known) or (_WHITHER.keys() & set(text.split()) and not known):
        return None
    keywords = now.keywords
    rivals = [
        k.text
        for c, k in keywords.all()
        if c != AVOID and k.key != text and matters(k.text) & matters(text)
    ]
    for rival in rivals:
        keywords = keywords.removed(rival)
    keywords = keywords.added(text, category_of(text))
    change = f"{text}: wanted" + (f", in place of {', '.join(rivals)}" if rivals else "")
    return now.told(change, keywords=keywords)


_WAYS: tuple[Callable[[str, _Now], _Now | None], ...] = (_moved, _sized, _lessened, _added)


def _entity(name: str, now: _Now) -> Region | None:
    """The region of an entity, by the words of its name."""
    asked = set(words_of(name))
    fits = [r for r in now.regions if asked and asked <= set(words_of(r.entity))]
    return fits[0] if fits else None


def _at(now: _Now, one: Region, box: Box, change: str) -> _Now:
    regions = tuple(replace(r, box=box) if r is one else r for r in now.regions)
    return now.told(change, regions=regions)


def _room(step: int, box: Box, axis: int) -> int:
    """As much of a step as stays inside."""
    return max(-box[axis], min(step, WHOLE - box[axis + 2]))


def _alone(prompt: str) -> tuple[Region, ...]:
    """The one entity of a plan that has no regions, where it can be expected."""
    asked = named(prompt)
    if len(asked.entities) != 1:
        return ()
    return (Region(entity=asked.entities[0], prompt=asked.phrases[0], box=(200, 200, 800, 800)),)


def category_of(text: str) -> str:
    """Where a keyword belongs; the drawn world's are known."""
    homes = [c for c, dimensions in HOMES.items() if matters(text) & set(dimensions)]
    return homes[0] if homes and homes[0] in CATEGORIES else VISUAL


def _not_understood(clause: str, now: _Now) -> str:
    things = ", ".join(r.entity for r in now.regions) or "nothing that stands anywhere"
    return (
        f"{clause!r} is not understood. Say 'more WORD', 'less WORD', 'no WORD', a comparison "
        f"({', '.join(list(_COMPARED)[:5])} …), or where and how large something is: 'THING "
        f"further left', 'THING bigger' ({things}). A vision LLM behind a server understands more."
    )
