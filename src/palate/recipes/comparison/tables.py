"""What was found, as tables: for a terminal, in Markdown, and the one of the README.

All of it is made from results.json, so that it can be made again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from palate.recipes.comparison.metrics import FIRST, GROUPS, METRICS

Facts = Mapping[str, Any]
LEVEL = 0.05  # of p-values below it a difference is bold
README = ("taste", "content", "wins", "style", "top-1")
BEGIN = "<!-- methods: from bench/results/methods.json, by `python -m bench.methods` -->"
END = "<!-- /methods -->"


def number(metric: str, value: float, unit: str = " %") -> str:
    """As a percentage, or to as many places as mean something."""
    what = METRICS[metric]
    return f"{100 * value:.1f}{unit}" if what.percent else f"{value:.{what.places}f}"


def interval(metric: str, figure: Facts, unit: str = " %") -> str:
    """A value and where it lies, if anybody knows."""
    said = number(metric, figure["value"], unit)
    if figure["low"] is None or metric in ("seconds", "reading"):
        return said
    low, high = (number(metric, figure[end], "") for end in ("low", "high"))
    return f"{said} ({low} to {high})"


def apart(metric: str, figure: Facts) -> str:
    """A difference, in points where it is one of shares."""
    sign = "+" if figure["value"] > 0 else ""
    return sign + interval(metric, figure, " points")


def title(metric: str) -> str:
    """With an arrow to the good end."""
    return f"{METRICS[metric].title} {'↑' if METRICS[metric].up else '↓'}"


def present(facts: Facts, metrics: Sequence[str]) -> list[str]:
    """Those metrics that some way has."""
    return [m for m in metrics if any(m in way["measures"] for way in facts["ways"])]


def best(facts: Facts, metric: str) -> float | None:
    """The best value of any way, if they differ."""
    values = [w["measures"][metric]["value"] for w in facts["ways"] if metric in w["measures"]]
    if metric == "reading" or max(values) == min(values):
        return None
    return max(values) if METRICS[metric].up else min(values)


def cells(facts: Facts, metrics: Sequence[str], strong: str = "{}") -> list[list[str]]:
    """A row of text for each way; the best of each column stands in `strong`."""
    rows = []
    for way in facts["ways"]:
        row = [way["name"]]
        for metric in metrics:
            found = way["measures"].get(metric)
            said = interval(metric, found) if found else ""
            top = found and found["value"] == best(facts, metric)
            row.append(strong.format(said) if top else said)
        rows.append(row)
    return rows


def against(facts: Facts, metric: str) -> list[Facts]:
    """Each way's difference from the plain one of its base model."""
    other = {way["name"]: way["against"] for way in facts["ways"]}
    rows = facts["differences"]
    return [r for r in rows if r["metric"] == metric and other[r["way"]] == r["other"]]


def gained(facts: Facts, metric: str, strong: str = "{}") -> list[list[str]]:
    """Those differences as text: how much, how surely, and for how many people."""
    return [
        [
            row["way"],
            strong.format(said) if row["holm"] < LEVEL else said,
            chance(row["holm"]),
            f"{100 * row['better']:.0f} %",
        ]
        for row in against(facts, metric)
        for said in [apart(metric, row)]
    ]


def chance(p: float) -> str:
    """A p-value; below a thousandth nobody needs to know."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


GAINED = ("", "over plain", "p (Holm)", "people with more")


def over(facts: Facts) -> str:
    """What intervals are over; runs from before prompts counted do not say."""
    return " and ".join(facts.get("over", ["people"]))


def question(facts: Facts) -> str:
    """What was asked, in a sentence."""
    asked, eyes = facts["question"], sorted({eye["name"] for eye in facts["eyes"].values()})
    pairs, each = asked["history"], asked["prompts"]
    return (
        f"{asked['people']} people nothing was trained on, {pairs} liked and {pairs} disliked "
        f"pictures each, {each} held-out prompt{'s' * (each > 1)} each; the same people, prompts "
        f"and seeds for all; judged by {', '.join(eyes)}; 95 % "
        f"intervals over {over(facts)}. {facts['made']['date']}, {facts['made']['software']}."
    )


def text(facts: Facts) -> str:
    """For a terminal and table.txt."""
    parts = [question(facts)]
    for name, metrics in GROUPS.items():
        if some := present(facts, metrics):
            rows = cells(facts, some)
            parts.append(f"{name}\n{_columns([['', *map(title, some)], *rows])}")
    for metric in FIRST:
        if rows := gained(facts, metric):
            parts.append(f"{METRICS[metric].title}\n{_columns([list(GAINED), *rows])}")
    return "\n\n".join([*parts, time(facts)])


def markdown(facts: Facts) -> str:
    """For table.md; the best of each column is bold, and so is what chance hardly makes."""
    parts = [question(facts)]
    for name, metrics in GROUPS.items():
        if some := present(facts, metrics):
            rows = cells(facts, some, "**{}**")
            parts.append(f"### {name}\n\n{_markdown(['', *map(title, some)], rows)}")
    for metric in FIRST:
        if rows := gained(facts, metric, "**{}**"):
            parts.append(f"### {METRICS[metric].title}\n\n{_markdown(GAINED, rows)}")
    return "\n\n".join([*parts, time(facts)]) + "\n"


def readme(facts: Facts) -> str:
    """The README's part: what was asked, then one table."""
    some = present(facts, README)
    table = _markdown(["way", *map(title, some)], cells(facts, some))
    return f"{BEGIN}\n{question(facts)}\n\n{table}\n{END}"


def time(facts: Facts) -> str:
    """Where the time went."""
    spent = facts["time"]
    return (
        f"{spent['generation']:.1f} s of making pictures, {spent['encoders']:.1f} s of looking at "
        f"them, {spent['rest']:.1f} s of anything else ({100 * spent['share of rest']:.1f} %)."
    )


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        numbers = (f"{cell:>{w}}" for cell, w in zip(rest, widths[1:], strict=True))
        lines.append("  ".join([f"{first:<{widths[0]}}", *numbers]).rstrip())
    return "\n".join(lines)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
