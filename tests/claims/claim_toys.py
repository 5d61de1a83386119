"""An experiment that costs nothing, and answers made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from palate.evals import stats
from palate.recipes.claims.asking import Answer
from palate.recipes.claims.claim import Claim, Findings, Found
from palate.recipes.claims.lab import Lab


@dataclass(frozen=True, kw_only=True)
class Counting:
    """The mean of some numbers; how often it was run is remembered."""

    numbers: tuple[float, ...] = (1.0, 2.0, 3.0, 1.0, 2.0, 3.0)
    needs: tuple[str, ...] = ("sketchbook-judge",)
    runs: ClassVar[list[Any]] = []

    def run(self, lab: Lab) -> Findings:
        self.runs.append(self.numbers)
        return Findings(found=(Found(says="mean", figure=stats.mean(self.numbers), above=0.0),))


def claim(name: str = "prefgen-who", **change: Any) -> Claim:
    small = Counting(**change)
    return Claim(
        name=name, source="PrefGen", says="Numbers are large.", figure="2", asks="Their mean.",
        small=small, full=Counting(numbers=tuple(2 * x for x in small.numbers)),
    )  # fmt: skip


def answer(name: str = "prefgen-who", **change: Any) -> Answer:
    about: dict[str, Any] = {
        "claim": name,
        "budget": "small",
        "question": {},
        "verdict": "holds",
        "found": (
            Found(
                says="gap",
                figure=stats.Figure(value=0.1, low=0.05, high=0.2, n=9, units=9),
                above=0.0,
            ),
            Found(
                says="rate <b>",
                figure=stats.Figure(value=3.14159, low=3, high=4, n=9, units=9),
                percent=False,
            ),
        ),
        "notes": ("A note.",),
        "seconds": 12.3,
        "busy": 9.0,
        "made_at": "2026-11-21T20:00:00+00:00",
        "commit": "abc1234",
        "machine": "a machine",
    }
    return Answer(**{**about, **change})
