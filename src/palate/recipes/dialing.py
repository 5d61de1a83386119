"""What strength does: the same people, prompts and seeds at several settings of the dial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from palate.backbones.judges import Judge
from palate.errors import BadInput
from palate.evals.stats import Figure
from palate.evals.taste import Against, Scores, Wish, against, alone, scored
from palate.recipes.comparing import Comparing, made, profiles_of
from palate.recipes.plots import curve, panel, saved
from palate.types import Method

STRENGTHS = (0.0, 0.5, 1.0, 1.5, 2.0)


@dataclass(frozen=True, kw_only=True)
class Dialled:
    """Scores at each strength; 0 is the base model."""

    wishes: Sequence[Wish]
    strengths: tuple[float, ...]
    scores: tuple[Scores, ...]

    def figures(self) -> list[tuple[Figure, Figure]]:
        """Taste and content at each strength."""
        return [alone(scores, self.wishes) for scores in self.scores]

    def gains(self) -> list[Against]:
        """Each strength against the first, picture by picture."""
        return [against(scores, self.scores[0], self.wishes) for scores in self.scores]

    def facts(self) -> list[dict[str, Any]]:
        """For JSON."""
        rows = zip(self.strengths, self.figures(), self.gains(), strict=True)
        return [
            {
                "strength": strength,
                "taste": taste.facts(),
                "content": content.facts(),
                "against the first": {name: f.facts() for name, f in vars(gain).items()},
            }
            for strength, (taste, content), gain in rows
        ]

    def table(self) -> str:
        """A row for each strength."""
        rows = [f"{'strength':>8}{'taste':>22}{'content':>22}{'wins against the first':>26}"]
        for strength, (taste, content), gain in zip(
            self.strengths, self.figures(), self.gains(), strict=True
        ):
            rows.append(f"{strength:>8g}{taste:>22}{content:>22}{gain.wins:>26}")
        return "\n".join(rows)


def dial(
    method: Method,
    judge: Judge,
    asked: Comparing,
    strengths: Sequence[float] = STRENGTHS,
    on_picture: Callable[[int, int], None] = lambda done, of: None,
) -> Dialled:
    """Everybody is read once; what they ask for is made at every strength."""
    if len(strengths) < 2 or list(strengths) != sorted(set(strengths)):
        raise BadInput(f"Give two strengths or more, each above the one before; not {strengths}.")
    profiles, found = profiles_of(method, asked), []
    wishes: Sequence[Wish] = ()
    for turn, strength in enumerate(strengths):
        wishes, requests = replace(asked, strength=strength).asked()
        done, total = turn * len(requests), len(strengths) * len(requests)
        pictures = made(requests, method, profiles, lambda n, d=done, t=total: on_picture(d + n, t))
        found.append(scored(pictures, wishes, judge))
    return Dialled(wishes=wishes, strengths=tuple(strengths), scores=tuple(found))


def plot(found: Dialled, out: Path) -> list[Path]:
    """Taste and content against strength, as PNG and SVG."""
    page, axes = panel(6, 4)
    for place, (name, color) in enumerate((("taste", "#c1553b"), ("content", "#2a6f97"))):
        figures = [both[place] for both in found.figures()]
        curve(axes, found.strengths, figures, color=color, label=name)
    axes.set(xlabel="strength", ylabel="score", ylim=(0, 1))
    axes.legend(frameon=False, loc="lower right")
    return saved(page, out)
