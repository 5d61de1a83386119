"""The whole run, from a question to files. Killed anywhere, it goes on from what lies there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from palate import store
from palate.recipes.comparing import Comparing
from palate.recipes.comparison import tables
from palate.recipes.comparison.audience import Audience
from palate.recipes.comparison.clock import Clock
from palate.recipes.comparison.facts import Facts, each, found, times
from palate.recipes.comparison.judging import Eyes, Judging
from palate.recipes.comparison.making import AT_ONCE, MAKING, Making
from palate.recipes.comparison.plots import plot
from palate.recipes.comparison.question import begin
from palate.recipes.comparison.report import page
from palate.recipes.comparison.ways import Way
from palate.types import Request

RESULTS, EACH = "results.json", "each.json"
OnPicture = Callable[[int, int], object]


def run(
    ways: Sequence[Way],
    asked: Comparing,
    eyes: Eyes,
    out: Path,
    on_picture: OnPicture = lambda done, of: None,
    command: str = "",
) -> Facts:
    """Make what is missing, look at everything once, write down what was found; facts come back."""
    begin(out, ways, asked)
    clock, audience = Clock(), Audience(asked)
    judging, made, looked = Judging(eyes, audience, out, clock), {}, {}
    _warm(ways, clock)
    for turn, way in enumerate(ways):
        making = made[way.name] = Making(way, audience, out, clock)
        before, total = turn * len(making.requests), len(ways) * len(making.requests)
        pictures = making.pictures(lambda done, b=before, t=total: on_picture(b + done, t))
        looked[way.name] = judging.look(pictures, making.wishes)
    facts = found(ways, asked, judging, made, looked)
    facts["made"]["command"] = command
    plot(facts, out)
    facts["time"] = times(clock, made)
    keep(facts, each(made[ways[0].name], looked), audience, out)
    return facts


def keep(facts: Facts, singly: Facts, audience: Audience, out: Path) -> None:
    """Tables and the page, and last the results: where they are, the run is done."""
    store.write_json(out / EACH, singly)
    store.write_bytes(out / "table.txt", f"{tables.text(facts)}\n".encode())
    store.write_bytes(out / "table.md", tables.markdown(facts).encode())
    store.write_bytes(out / "report.html", page(facts, singly, audience, out).encode())
    store.write_json(out / RESULTS, facts)


def _warm(ways: Sequence[Way], clock: Clock) -> None:
    """The first pass of a model is slow, and would count for whoever goes first."""
    with clock.on(MAKING):
        for backbone in {id(way.backbone): way.backbone for way in ways}.values():
            backbone.sample([Request(prompt="", steps=1)] * AT_ONCE)
