"""What projection is worth: keywords added to a prompt with it and without, taste against content.

python -m bench.projection [PEOPLE]    24 if left out; plots and figures in bench/results

Nothing else of Instant is at work: no enriched prompt, no regions, the same strength for everybody.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.report import figure
from palate.backbones import catalog
from palate.evals.stats import Figure
from palate.evals.taste import alone, scored
from palate.methods.instant.guiding import Guidance
from palate.methods.instant.method import Instant
from palate.methods.instant.understanding import ByReader
from palate.ops.projection import Mode
from palate.recipes.comparing import Comparing, made, profiles_of
from palate.recipes.plots import panel, saved

AMOUNTS = (0.25, 0.5, 0.75, 1.0)
MODES: Mapping[Mode, tuple[str, str, tuple[int, int]]] = {  # where amounts stand beside points
    "token": ("projected, token by token", "#2a6f97", (5, -11)),
    "span": ("projected, off all tokens", "#5a8f3d", (-26, 5)),
    "added": ("added as they are", "#c1553b", (5, 5)),
}
RESULTS = Path(__file__).parent / "results"
Curve = list[tuple[Figure, Figure]]  # taste and content at each amount


def curves(people: int, amounts: Sequence[float] = AMOUNTS) -> dict[str, Curve]:
    """Everybody is read once; what they ask for is made in every mode at every amount."""
    lent, judge = catalog.backbone("sketchbook-sdxl"), catalog.judge("sketchbook-judge")
    by = ByReader(catalog.reader("sketchbook-reader"))
    asked = Comparing(people=people, prompts=1, history=4)
    profiles, (wishes, requests) = profiles_of(Instant(lent, by), asked), asked.asked()
    found: dict[str, Curve] = {}
    for mode in MODES:
        ways = [
            Guidance(mode=mode, preference=amount, asked=1.0, onset=0.0, base_ratio=1.0)
            for amount in amounts
        ]
        pictures = [made(requests, Instant(lent, by, way), profiles) for way in ways]
        found[mode] = [alone(scored(some, wishes, judge), wishes) for some in pictures]
    return found


def plot(found: Mapping[str, Curve], out: Path, amounts: Sequence[float] = AMOUNTS) -> None:
    """Content against taste, amounts at the points, 95 % intervals as thin bars; PNG and SVG."""
    page, axes = panel(6, 4.5)
    for mode, curve in found.items():
        label, color, beside = MODES[mode]  # type: ignore[index]
        x, y = zip(*curve, strict=True)
        axes.plot([f.value for f in x], [f.value for f in y], "o-", color=color, label=label, ms=4)
        there: dict[tuple[float, float], list[str]] = {}
        for taste, content, amount in zip(x, y, amounts, strict=True):
            at = (taste.value, content.value)
            axes.plot([taste.low, taste.high], [at[1]] * 2, color=color, alpha=0.2, lw=1)
            axes.plot([at[0]] * 2, [content.low, content.high], color=color, alpha=0.2, lw=1)
            there.setdefault((round(at[0], 2), round(at[1], 2)), []).append(f"{amount:g}")
        for at, said in there.items():  # points that coincide are named together
            axes.annotate(
                ", ".join(said), at, beside, textcoords="offset points", fontsize=8, color=color
            )
    axes.set(xlabel="taste", ylabel="content", ylim=(0, 1.02))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.legend(frameon=False, loc="lower left", title="keywords, so much of them")
    saved(page, out)


def main() -> None:
    """Figures one a line, and the plot."""
    found = curves(int(sys.argv[1]) if len(sys.argv) > 1 else 24)
    for mode, curve in found.items():
        for amount, both in zip(AMOUNTS, curve, strict=True):
            for what, one in zip(("taste", "content"), both, strict=True):
                figure(f"{what}, {mode} at {amount:g}", one.value, "", low=one.low, high=one.high)
    plot(found, RESULTS / "projection")


if __name__ == "__main__":
    main()
