"""Somebody new to Premier: coefficients, tokens of their own, or at once; after few pictures or
many. Everybody gets what the other ways get: the same pictures, prompts and seeds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from palate.backbones.judges import Judge
from palate.data.drawn import person
from palate.errors import BadInput, unknown
from palate.evals.stats import Figure
from palate.evals.taste import Against, Scores, Wish, against, alone, scored
from palate.methods.premier.fitting import DIRECT, PUBLISHED
from palate.methods.premier.method import Fitted, Premier
from palate.recipes.comparing import Comparing, made, taste_of
from palate.recipes.plots import curve, panel, saved
from palate.sketchbook.people import World
from palate.types import Method, Profile

HISTORIES = (2, 4, 8, 16, 32)
LINEAR, DIRECTLY, AT_ONCE = WAYS = ("linear", "direct", "at once")
COLORS: dict[str, str] = dict(zip(WAYS, ("#c1553b", "#2a6f97", "#5b8c5a"), strict=True))


@dataclass(frozen=True, kw_only=True)
class Newcoming:
    """Who is new, what they show, and how long they are fitted."""

    people: int = 20
    prompts: int = 2  # pictures for each
    histories: tuple[int, ...] = HISTORIES  # pairs; of a pair, only "at once" sees the disliked one
    ways: tuple[str, ...] = WAYS
    fitted: int = PUBLISHED.fit.steps
    steps: int | None = None  # of making a picture

    def __post_init__(self) -> None:
        for way in self.ways:
            if way not in WAYS:
                raise unknown("way", way, WAYS)
        if not self.histories or list(self.histories) != sorted(set(self.histories)):
            raise BadInput(
                f"Give histories, each longer than the one before; not {self.histories}."
            )

    def asked(self, history: int) -> Comparing:
        """The same wishes, whatever the history."""
        return Comparing(
            people=self.people, prompts=self.prompts, history=history, steps=self.steps
        )

    def methods(self, premier: Premier) -> dict[str, Method]:
        """Each way as a method."""
        linear, direct = (
            replace(how, fit=replace(how.fit, steps=self.fitted)) for how in (PUBLISHED, DIRECT)
        )
        every: dict[str, Method] = {
            LINEAR: Fitted(premier, linear),
            DIRECTLY: Fitted(premier, direct),
            AT_ONCE: premier,
        }
        return {way: every[way] for way in self.ways}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One way after one history."""

    scores: Scores
    seconds: float  # to read a person


@dataclass(frozen=True, kw_only=True)
class Newcomers:
    """What was found, by way and history."""

    asked: Newcoming
    wishes: Sequence[Wish]
    plain: Scores
    found: Mapping[tuple[str, int], Measured]

    def taste(self, way: str, history: int) -> Figure:
        """How much the pictures please."""
        return alone(self.found[way, history].scores, self.wishes)[0]

    def gap(self, way: str, other: str, history: int) -> Against:
        """Two ways after the same history."""
        mine, theirs = self.found[way, history].scores, self.found[other, history].scores
        return against(mine, theirs, self.wishes)

    def gaps(self) -> list[tuple[str, str, int]]:
        """What is set against what."""
        pairs = ((LINEAR, DIRECTLY), (AT_ONCE, LINEAR))
        there = [pair for pair in pairs if set(pair) <= set(self.asked.ways)]
        return [(*pair, history) for pair in there for history in self.asked.histories]

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        each = [
            {
                "way": way,
                "pictures": history,
                "taste": self.taste(way, history).facts(),
                "against plain": against(one.scores, self.plain, self.wishes).taste.facts(),
                "seconds": one.seconds,
            }
            for (way, history), one in self.found.items()
        ]
        gaps = [
            {"way": way, "less": other, "pictures": n, **self.gap(way, other, n).taste.facts()}
            for way, other, n in self.gaps()
        ]
        return {"plain": alone(self.plain, self.wishes)[0].facts(), "each": each, "gaps": gaps}

    def table(self) -> str:
        """A row for each way and history, then how far apart the ways are."""
        rows = [f"{'':12}{'pictures':>9}{'taste':>24}{'seconds a person':>18}"]
        rows += [f"{'plain':12}{'':9}{alone(self.plain, self.wishes)[0]:>24}"]
        rows += [
            f"{way:12}{history:>9}{self.taste(way, history):>24}{one.seconds:>18.2f}"
            for (way, history), one in self.found.items()
        ]
        rows += [
            f"{f'{way} less {other}':22}{n:>4} pictures{self.gap(way, other, n).taste:>26}"
            for way, other, n in self.gaps()
        ]
        return "\n".join(rows)


Kept = Callable[[Hashable, Callable[[], Any]], Any]  # what was made under a key, or is made now


def measure(
    premier: Premier,
    judge: Judge,
    asked: Newcoming,
    on_reading: Callable[[int, int], None] = lambda done, of: None,
    kept: Kept = lambda key, make: make(),
) -> Newcomers:
    """Everybody is read in every way after every history, and gets pictures."""
    wishes, requests = asked.asked(max(asked.histories)).asked()

    def seen(profiles: Sequence[Profile] | None, method: Any = premier) -> Scores:
        return scored(made(requests, method, profiles), wishes, judge)

    def one(way: str, history: int) -> Measured:
        method = asked.methods(premier)[way]
        profiles, seconds = _read(method, asked.asked(history))
        return Measured(scores=seen(profiles, method), seconds=seconds)

    each = [(way, history) for way in asked.ways for history in asked.histories]
    found: dict[tuple[str, int], Measured] = {}
    for way, n in each:
        alone = replace(asked, ways=(way,), histories=(n,))
        found[way, n] = kept(alone, partial(one, way, n))
        on_reading(len(found), len(each))
    nobody = replace(asked, ways=(), histories=(1,))
    plain = kept(nobody, lambda: seen(None, premier.backbone))
    return Newcomers(asked=asked, wishes=wishes, plain=plain, found=found)


def _read(method: Method, asked: Comparing) -> tuple[list[Profile], float]:
    """Everybody's profile, once for each picture they ask for; the median of what it took."""
    profiles, took = [], []
    for number in asked.numbers():
        taste = taste_of(person(number, asked.history, World()))
        began = time.perf_counter()
        profile = method.read(taste)
        took.append(time.perf_counter() - began)
        profiles += [profile] * asked.prompts
    return profiles, median(took)


def plot(found: Newcomers, out: Path) -> list[Path]:
    """Taste against pictures shown, a line for each way, as PNG and SVG."""
    (page, axes), histories = panel(6, 4), found.asked.histories
    for way in found.asked.ways:
        tastes = [found.taste(way, history) for history in histories]
        curve(axes, histories, tastes, color=COLORS[way], label=way)
    nobody = alone(found.plain, found.wishes)[0].value
    axes.axhline(nobody, color="#888888", linestyle="--", linewidth=1, label="plain")
    axes.set_xscale("log", base=2)
    axes.set_xticks(histories, [str(history) for history in histories])
    axes.set(xlabel="liked pictures shown", ylabel="taste")
    page.legend(loc="outside upper center", ncols=len(found.asked.ways) + 1, frameon=False)
    return saved(page, out)
