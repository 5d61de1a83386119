"""A claim, the experiment that tests it, what that finds, and what follows: the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from palate.errors import unknown
from palate.evals.stats import Figure
from palate.recipes.claims.lab import Lab

Budget = Literal["small", "full"]
Verdict = Literal["holds", "does not hold", "cannot be told", "not testable here"]
Source = Literal["PrefGen", "Premier", "Instant", "open question"]
BUDGETS: tuple[Budget, ...] = get_args(Budget)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
LEAST = 6  # people (or pictures); fewer do not say how they differ, whatever a bootstrap returns


@dataclass(frozen=True, kw_only=True)
class Found:
    """One figure of an experiment; with `above`, the claim needs it to be more than that."""

    says: str
    figure: Figure
    above: float | None = None
    percent: bool = True

    @property
    def verdict(self) -> Verdict | None:
        """By the interval alone: above the bound, at or below it, or on both sides."""
        if self.above is None:
            return None
        if self.figure.units < LEAST:
            return "cannot be told"
        if self.figure.low > self.above:
            return "holds"
        return "does not hold" if self.figure.high <= self.above else "cannot be told"

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        rest = {"says": self.says, "above": self.above, "percent": self.percent}
        return rest | {"figure": self.figure.facts()}

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Found:
        """As `facts` told it."""
        told = {name: value for name, value in facts["figure"].items() if value is not None}
        known: dict[str, Any] = {"low": -inf, "high": inf, **told}
        return cls(**{**facts, "figure": Figure(**known)})


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All figures, and what must be said beside them."""

    found: tuple[Found, ...]
    notes: tuple[str, ...] = ()


def verdict(found: Iterable[Found]) -> Verdict:
    """A claim holds if all it needs does; one part that does not is enough against it."""
    parts = [one.verdict for one in found if one.verdict is not None]
    assert parts, "an experiment without a bound decides nothing"
    if "does not hold" in parts:
        return "does not hold"
    return "cannot be told" if "cannot be told" in parts else "holds"


@runtime_checkable
class Experiment(Protocol):
    """A dataclass whose fields are the whole question."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The weights it works with, by name."""
        ...

    def run(self, lab: Lab) -> Findings:
        """Do it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What somebody says, and how it is put to the test here at two sizes."""

    name: str
    source: Source
    says: str  # in our words
    figure: str  # theirs
    asks: str  # what is measured here
    small: Experiment
    full: Experiment

    def experiment(self, budget: Budget) -> Experiment:
        """The one for a budget."""
        return self.small if budget == "small" else self.full


def checked_budget(given: str) -> Budget:
    """One of the two."""
    for budget in BUDGETS:
        if given == budget:
            return budget
    raise unknown("budget", given, BUDGETS)


def counted(verdicts: Sequence[Verdict]) -> str:
    """How many of each there are: "3 hold, 1 does not hold"."""
    several = ("hold", "do not hold", *VERDICTS[2:])
    rows = [(verdicts.count(one), one, many) for one, many in zip(VERDICTS, several, strict=True)]
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in rows if count)
