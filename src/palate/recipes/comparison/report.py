"""One page that says what was asked and found, and shows it: no network, no script, one file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from palate.recipes.comparison.audience import Audience
from palate.recipes.comparison.grids import note, people_shown
from palate.recipes.comparison.metrics import FIRST, GROUPS, METRICS
from palate.recipes.comparison.tables import (
    GAINED,
    LEVEL,
    against,
    apart,
    best,
    chance,
    gained,
    interval,
    number,
    over,
    present,
    question,
    time,
    title,
)

Facts = Mapping[str, Any]


def page(facts: Facts, each: Facts, audience: Audience, out: Path) -> str:
    """The whole page; `each` holds every picture's file and numbers."""
    css = Path(__file__).with_name("report.css").read_text()
    ways, people = len(facts["ways"]), facts["question"]["people"]
    parts = [
        f"<h1>{ways} ways to make pictures for {people} people</h1>",
        f'<p class="lede">{escape(question(facts))}</p>',
        f"<p>{escape(_short(facts))}</p>",
        _figure(out / "taste-against-content.svg", "Taste against content. Bars are 95 % intervals "
                f"over {over(facts)}; squares are base models alone. Up and right is better."),
        *_tables(facts), *_gains(facts),
        "<h2>Every metric</h2>",
        _figure(out / "metrics.svg", "Dots with 95 % intervals; arrows point to the good end. "
                "Dotted: what two halves of the liked pictures are from each other."),
        "<h2>Pictures</h2>", note(facts), *people_shown(facts, each, audience, out),
        "<h2>How it was measured</h2>", *_how(facts),
    ]  # fmt: skip
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<title>Palate: ways compared</title>'
        f"<style>\n{css}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _short(facts: Facts) -> str:
    """The way that fits best, and what it costs."""
    steered = [way for way in facts["ways"] if way["against"]]
    if not steered:
        return "Only base models alone were compared."
    top = max(steered, key=lambda way: way["measures"]["taste"]["value"])
    plain = next(way for way in facts["ways"] if way["name"] == top["against"])
    told = []
    for metric in FIRST:
        mine, other = (way["measures"][metric]["value"] for way in (top, plain))
        told.append(f"{metric} {number(metric, mine)} against {number(metric, other)}")
    (sure,) = (
        r["holm"] for r in facts["differences"]
        if (r["metric"], r["way"], r["other"]) == ("taste", top["name"], plain["name"])
    )  # fmt: skip
    return (
        f"Best by taste: {top['name']}, with {' and '.join(told)} for {plain['name']} "
        f"(the difference in taste: {'p' if sure < 0.001 else 'p ='} {chance(sure)} after Holm)."
    )


def _tables(facts: Facts) -> Iterable[str]:
    yield "<h2>What was found</h2>"
    yield (
        f'<p class="note">Bold: the best of a column. Small: 95 % interval over {over(facts)}.</p>'
    )
    for name, metrics in GROUPS.items():
        if some := present(facts, metrics):
            yield f"<h3>{name}</h3>"
            rows = [[escape(w["name"]), *(_cell(facts, w, m) for m in some)] for w in facts["ways"]]
            yield f'<div class="wide">{_table(["", *map(title, some)], rows)}</div>'


def _cell(facts: Facts, way: Facts, metric: str) -> str:
    """A value, its interval below."""
    if (found := way["measures"].get(metric)) is None:
        return ""
    value, _, rest = interval(metric, found).partition(" (")
    top = found["value"] == best(facts, metric)
    value = f"<b>{value}</b>" if top else value
    return f"{value}<small>{rest.rstrip(')')}</small>" if rest else value


def _gains(facts: Facts) -> Iterable[str]:
    yield "<h2>Against the base model alone</h2>"
    yield (
        '<p class="note">The same people, prompts and seeds, picture by picture. Bold: p below '
        "0.05 by a permutation test that turns whole people, after Holm over all pairs of ways; "
        "people who neither gained nor lost count by half. "
        "Taste and content were named beforehand; the other metrics are to look at.</p>"
    )
    for metric in FIRST:
        yield _gained(facts, metric)
    others = "".join(_gained(facts, m) for m in METRICS if m not in FIRST and against(facts, m))
    yield f"<details><summary>The other metrics</summary>{others}</details>"
    rows = [
        [METRICS[r["metric"]].title, escape(f"{r['way']} less {r['other']}"),
         apart(r["metric"], r), escape(chance(r["holm"]))]
        for r in facts["differences"] if r["metric"] in FIRST
    ]  # fmt: skip
    every = _table(["", "which", "difference", "p (Holm)"], rows)
    yield f"<details><summary>Every pair of ways</summary>{every}</details>"


def _gained(facts: Facts, metric: str) -> str:
    """One metric's table of differences from plain."""
    rows = [[escape(cell) for cell in row] for row in gained(facts, metric)]
    for row, found in zip(rows, against(facts, metric), strict=True):
        row[1] = f"<b>{row[1]}</b>" if found["holm"] < LEVEL else row[1]
    return f"<h3>{METRICS[metric].title}</h3>{_table(GAINED, rows)}"


def _how(facts: Facts) -> Iterable[str]:
    rows = []
    for metric in present(facts, list(METRICS)):
        one = next(w["measures"][metric] for w in facts["ways"] if metric in w["measures"])
        eye = f"{one['encoder']['name']} {one['encoder']['fingerprint'][:8]}"
        notes = "; ".join([one["protocol"], *one["notes"]])
        rows.append([
            escape(one["name"] if metric in ("fd", "cmmd", "kid") else METRICS[metric].title),
            escape(METRICS[metric].says), escape(notes), escape(f"{eye}, {one['preprocessing']}"),
            f"{one['n']} / {one['units']}", str(one["seed"]),
        ])  # fmt: skip
    head = ["metric", "what it says", "protocol", "seen by", "values / units", "seed"]
    yield f'<div class="wide">{_table(head, rows, "words")}</div>'
    ways = [
        [escape(way["name"]), *(escape(_mark(way[part])) for part in ("method", "backbone")),
         ", ".join(escape(f"{n} {_mark(m)}") for n, m in way["parts"].items()),
         f"{way['steps']} steps, guidance {way['guidance']:g}, {way['width']}×{way['height']}"]
        for way in facts["ways"]
    ]  # fmt: skip
    yield "<h3>The ways, exactly</h3>"
    yield _table(["", "method", "base model", "with", "made at"], ways, "words")
    yield f"<p>{escape(time(facts))} Figures are in results.json, each picture's in each.json.</p>"
    if command := facts["made"].get("command"):
        yield f"<p>To do it again:</p><pre>{escape(command)}</pre>"


def _mark(mark: Facts | None) -> str:
    return f"{mark['name']} {mark['fingerprint'][:8]}" if mark else "none"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """Cells are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def _figure(file: Path, said: str) -> str:
    data = b64encode(file.read_bytes()).decode()
    image = f'<img alt="{escape(said)}" src="data:image/svg+xml;base64,{data}">'
    return f"<figure>{image}<figcaption>{said}</figcaption></figure>"
