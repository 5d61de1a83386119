"""What a person says of a picture, understood by rule: "warmer, and the boat further left".

All or nothing: a clause that is not understood changes nothing and is an error that says what is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from palate.errors import BadInput
from palate.methods.instant import phrasing
from palate.methods.instant.entities import named, words_of
from palate.methods.instant.keywords import AVOID, CATEGORIES, VISUAL, Keywords, tidy
from palate.methods.instant.phrasing import COMPARED, FAR, LITTLE, SIZES, STEP, WHITHER, as_told
from palate.methods.instant.plan import WHOLE, Box, Plan, Region, Sketch, region
from palate.methods.instant.rewording import reworded
from palate.methods.instant.said import Revision
from palate.methods.instant.settled import matters
from palate.sketchbook.vocabulary import CATEGORIES as HOMES

_NARROW = 250  # of 1000: a box that is moved over the edge narrows to this, and then it stays


@dataclass(frozen=True, kw_only=True)
class _Now:
    """Keywords and regions while clauses are obeyed, and what has been changed."""

    prompt: str
    keywords: Keywords
    regions: tuple[Region, ...]
    changes: tuple[str, ...] = ()
    spoken: str = ""  # the thing spoken of last: "the boat further left and bigger"

    def told(self, change: str, **new: object) -> _Now:
        return replace(self, changes=(*self.changes, change), **new)


def obeyed(prompt: str, keywords: Keywords, plan: Plan, said: str) -> Revision:
    """Clause by clause; regions nobody spoke of stay as they are."""
    clauses = phrasing.clauses(said)
    if not clauses:
        raise BadInput("Nothing was said. Say what to change: 'warmer, the boat further left'.")
    begun = plan.regions or _alone(prompt)
    alone = begun[0].entity if len(begun) == 1 else ""
    now = _Now(prompt=prompt, keywords=keywords, regions=begun, spoken=alone)
    for clause in clauses:
        found = _understood(clause, now) or _understood(f"{now.spoken} {clause}", now)
        if found is None:
            raise BadInput(_not_understood(clause, now))
        now = found
    changed = now.regions if plan.regions or now.regions != begun else ()
    texts = reworded(plan, prompt, keywords, now.keywords)
    return Revision(
        keywords=now.keywords, plan=replace(texts, regions=changed), changes=now.changes
    )


def _understood(clause: str, now: _Now) -> _Now | None:
    return next(filter(None, (way(clause, now) for way in _WAYS)), None)


def _moved(clause: str, now: _Now) -> _Now | None:
    match = phrasing.MOVE.fullmatch(clause)
    one = _entity(match[1], now) if match else None
    if match is None or one is None:
        return None
    how = match[2]
    far = FAR if "lot" in how or "much" in how else LITTLE if "a " in how else STEP
    x, y = (side * far for side in WHITHER[match[3]])
    left, right = _shifted(one.box[0], one.box[2], x)
    top, bottom = _shifted(one.box[1], one.box[3], y)
    box = (left, top, right, bottom)
    moved = f"{one.entity}: moved {match[3]}"
    return _at(now, one, box, moved if box != one.box else f"{one.entity}: at the edge already")


def _sized(clause: str, now: _Now) -> _Now | None:
    match = phrasing.SIZE.fullmatch(clause)
    one = _entity(match[1], now) if match else None
    if match is None or one is None:
        return None
    factor, (left, top, right, bottom) = SIZES[match[2]], one.box
    width, height = ((b - a) * (factor - 1) / 2 for a, b in ((left, right), (top, bottom)))
    grown = Sketch(
        entity=one.entity,
        prompt=one.prompt,
        box=(left - width, top - height, right + width, bottom + height),
    )
    found = region(grown)
    assert found is not None
    same = "as large as it can be" if factor > 1 else "as small as it can be"
    how = same if found.box == one.box else "bigger" if factor > 1 else "smaller"
    return _at(now, one, found.box, f"{one.entity}: {how}")


def _lessened(clause: str, now: _Now) -> _Now | None:
    match = phrasing.LESS.fullmatch(clause)
    text = as_told(tidy(match[2])) if match else ""
    if match is None or not text:
        return None
    _check_asked(text, now)
    if (plain := phrasing.nothing_of(text)) and match[1] != "less":
        return _without(text, plain, now)
    weights = {k.key: k.weight for c, k in now.keywords.all() if c != AVOID}
    if match[1] == "less" and weights.get(text, 0) > 0.1:
        half = now.keywords.weighed(text, weights[text] / 2)
        return now.told(f"{text}: half as much", keywords=half)
    if match[1] == "remove" and text in weights:
        return now.told(f"{text}: no longer liked", keywords=now.keywords.removed(text))
    if instead := COMPARED.get(f"too {tidy(match[2])}"):
        return _wished(instead, now)
    return _avoided(text, now)


def _without(name: str, plain: str, now: _Now) -> _Now:
    """No border: what there was of it is avoided, and its absence asked for."""
    shown = [k.text for k in now.keywords.ranked() if matters(k.text) & matters(plain)]
    for text in [text for text in shown if text != plain] or [name]:
        now = now.told(f"{text}: avoided", keywords=now.keywords.added(text, AVOID))
    return _wished(plain, now)


def _avoided(text: str, now: _Now) -> _Now:
    """What has an opposite is asked for by it: pictures follow what is there, not what is not."""
    now = now.told(f"{text}: avoided", keywords=now.keywords.added(text, AVOID))
    rest = [k for c, k in now.keywords.all() if c != AVOID and matters(k.text) & matters(text)]
    plain = phrasing.absence(text)
    return _wished(plain, now) if plain and not rest else now


def _added(clause: str, now: _Now) -> _Now | None:
    """ "More rain", "add fog", "at dusk", "warmer"; what speaks of the same matter makes way."""
    match = phrasing.MORE.fullmatch(clause)
    text = as_told(tidy(match[1] if match else phrasing.compared(clause) or clause))
    known = matters(text)
    if not text or not (match or known) or (WHITHER.keys() & set(text.split()) and not known):
        return None
    return _wished(text, now)


def _wished(text: str, now: _Now) -> _Now:
    keywords = now.keywords
    rivals = [
        k.text
        for c, k in keywords.all()
        if c != AVOID and k.key != text and matters(k.text) & matters(text)
    ]
    for rival in rivals:
        keywords = keywords.removed(rival)
    if not rivals and any(k.key == text and k.weight == 1 for k in keywords.ranked()):
        return now.told(f"{text}: wanted already, as much as can be")
    keywords = keywords.added(text, category_of(text))
    change = f"{text}: wanted" + (f", in place of {', '.join(rivals)}" if rivals else "")
    return now.told(change, keywords=keywords)


_WAYS: tuple[Callable[[str, _Now], _Now | None], ...] = (_moved, _sized, _lessened, _added)


def _entity(name: str, now: _Now) -> Region | None:
    """The region of an entity, by the words of its name; "it" is the one spoken of last."""
    asked = set(words_of(now.spoken if name in ("it", "that") else name))
    fits = [r for r in now.regions if asked and asked <= set(words_of(r.entity))]
    return fits[0] if fits else None


def _check_asked(text: str, now: _Now) -> None:
    """What the prompt asks for cannot be wished away."""
    thing = _entity(text, now)
    if thing is None and not (matters(text) and text in now.prompt.casefold()):
        return
    smaller = "; or make it 'smaller'" if thing else ""
    raise BadInput(
        f"{(thing.entity if thing else text)!r} is what the prompt asks for. To be rid of it, "
        f"begin anew with another prompt{smaller}."
    )


def _at(now: _Now, one: Region, box: Box, change: str) -> _Now:
    regions = tuple(replace(r, box=box) if r is one else r for r in now.regions)
    return now.told(change, regions=regions, spoken=one.entity)


def _shifted(low: int, high: int, step: int) -> tuple[int, int]:
    """A side moved; what would lie outside is cut off, as long as enough is left."""
    least = min(_NARROW, high - low)
    if step < 0:
        low = max(0, low + step)
        return low, max(low + least, high + step)
    high = min(WHOLE, high + step)
    return min(high - least, low + step), high


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
        f"({', '.join(list(COMPARED)[:5])} …), or where and how large something is: 'THING "
        f"further left', 'THING bigger' ({things}). A vision LLM behind a server understands more."
    )
