"""The answers as one page: Markdown for a repository, HTML for a browser; each needs no other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite
from pathlib import Path
from types import MappingProxyType

from palate import store
from palate.recipes.claims.asking import Answer
from palate.recipes.claims.claim import LEAST, VERDICTS, Claim, Found, Verdict, counted
from palate.recipes.claims.intervals import chart
from palate.recipes.claims.table import CLAIMS

TITLE = "What the papers say, put to the test"
ABOUT = (
    "PrefGen, Premier and Instant were published with real models and real pictures. Here their "
    "claims are measured in Sketchbook, a drawn world in which people's taste is known exactly, "
    "with models of the same classes, only small. The papers' figures and ours are therefore not "
    "on one scale: what can be held against each other is the direction. Instant's formulas are "
    "not public; what is tested is a reconstruction."
)
RULE = (
    "A verdict follows from 95 % intervals alone, which draw people anew: a claim holds if all "
    "that it needs lies above its bound, does not hold if any of it lies at or below, and cannot "
    f"be told otherwise, or with fewer than {LEAST} people. Trainings were done once each: "
    "intervals do not say how another training would differ."
)
Pair = tuple[Claim, Answer]
Marks = Mapping[str, str]  # weights -> which exactly
NOTHING: Marks = MappingProxyType({})


def write(answers: Sequence[Answer], folder: Path, today: Marks = NOTHING) -> list[Path]:
    """README.md and index.html in the folder of the answers; `today` has the weights there are."""
    files = [folder / "README.md", folder / "index.html"]
    for file, text in zip(files, (markdown(answers, today), html(answers, today)), strict=True):
        store.write_bytes(file, text.encode())
    return files


def paired(answers: Sequence[Answer]) -> list[Pair]:
    """Answers beside their claims, in the table's order; of claims that are no more, none."""
    by_name = {answer.claim: answer for answer in answers}
    return [(claim, by_name[claim.name]) for claim in CLAIMS if claim.name in by_name]


def command(answer: Answer) -> str:
    """What asks it again."""
    return f"palate claims --only {answer.claim} --budget {answer.budget}"


def took(answer: Answer) -> str:
    """By the clock and of one processor: "12 s (9 s busy)"."""
    return f"{answer.seconds:.0f} s ({answer.busy:.0f} s busy)"


def since(answer: Answer, today: Marks) -> list[str]:
    """That other weights are shipped than were asked, if so."""
    asked: Marks = answer.question.get("weights", NOTHING)
    other = [name for name, mark in asked.items() if today.get(name, mark) != mark]
    if not other:
        return []
    return [f"Asked of {' and '.join(other)} before the weights there are today were shipped."]


def needing(answers: Sequence[Answer]) -> list[str]:
    """The weights that answers rest on."""
    return sorted({name for answer in answers for name in answer.question.get("weights", ())})


def shown(one: Found) -> str:
    """A figure with its interval, as 5.2 % (-1.0 to 11.4)."""
    figure, unit = one.figure, " %" if one.percent else ""
    value, low, high = (_number(x, one.percent) for x in (figure.value, figure.low, figure.high))
    if not isfinite(figure.low):
        return f"{value}{unit} (interval unknown)"
    return f"{value}{unit} ({low} to {high})"


def _number(x: float, percent: bool) -> str:
    return f"{100 * x:.1f}" if percent else f"{x:.3g}"


def needed(one: Found) -> str:
    """What the claim needs of it."""
    assert one.above is not None
    return f"above {_number(one.above, one.percent)}{' %' if one.percent else ''}"


def about(answers: Sequence[Answer], today: Marks = NOTHING) -> str:
    """When, where and at what size."""
    days = sorted({answer.made_at[:10] for answer in answers})
    parts = [f"Budget: {', '.join(sorted({answer.budget for answer in answers}))}"]
    parts.append(" to ".join(dict.fromkeys((days[0], days[-1]))))
    parts.append(f"commit {', '.join(sorted({str(answer.commit) for answer in answers}))}")
    parts += sorted({answer.machine for answer in answers})
    minutes = [sum(getattr(a, what) for a in answers) / 60 for what in ("seconds", "busy")]
    took = "{:.1f} minutes by the clock, {:.1f} of one processor".format(*minutes)
    if earlier := sum(bool(since(answer, today)) for answer in answers):
        parts.append(f"{earlier} of the answers are of weights from before today's")
    return f"{'; '.join(parts)}; {took} in all."


# ---- Markdown


def markdown(answers: Sequence[Answer], today: Marks = NOTHING) -> str:
    """A table of all, then a section for each."""
    pairs = paired(answers)
    verdicts: list[Verdict] = [answer.verdict for _, answer in pairs]
    head = [f"# {TITLE}", ABOUT, f"**{len(pairs)} claims: {counted(verdicts)}.** {RULE}"]
    head += [about(answers, today), "Made by `palate claims`; do not edit by hand."]
    rows = ["| claim | the paper | here | verdict | cost |", "|---|---|---|---|---|"]
    rows += [_row(claim, answer) for claim, answer in pairs]
    return "\n\n".join([*head, "\n".join(rows), *(_section(*pair, today) for pair in pairs)]) + "\n"


def _row(claim: Claim, answer: Answer) -> str:
    ours = "<br>".join(f"{one.says}: {shown(one)}" for one in answer.found if one.above is not None)
    cells = (f"[{claim.says}](#{claim.name})", claim.figure, ours, answer.verdict)
    return f"| {' | '.join(cells)} | {took(answer)} |"


def _section(claim: Claim, answer: Answer, today: Marks) -> str:
    lines = [f"## {claim.name}", f"{claim.source}: {claim.says} **{_capital(answer.verdict)}.**"]
    lines += [f"{_whose(claim)}: {claim.figure}. Here: {claim.asks}"]
    if answer.found:
        head = "| measured | value | the claim needs | |\n|---|---|---|---|\n"
        lines.append(head + "\n".join(map(_measured, answer.found)))
    lines += [*answer.notes, *since(answer, today), f"`{command(answer)}`, {took(answer)}."]
    return "\n\n".join(lines)


def _measured(one: Found) -> str:
    bound = needed(one) if one.above is not None else ""
    return f"| {one.says} | {shown(one)} | {bound} | {one.verdict or ''} |"


def _whose(claim: Claim) -> str:
    return "So far" if claim.source == "open question" else "The paper"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# ---- HTML

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 Georgia, "Times New Roman", serif; color: #222; max-width: 62rem;
  margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.9rem; margin-bottom: .4rem; } h2 { font-size: 1.25rem; margin: 0 0 .3rem; }
p { margin: .5rem 0; } .small { color: #666; font-size: .88rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .6rem 0; }
th { text-align: left; font-weight: normal; color: #666; border-bottom: 1px solid #bbb; }
th, td { padding: .3rem .7rem .3rem 0; vertical-align: top; }
td { border-bottom: 1px solid #eee; } .number { white-space: nowrap; }
section { border-top: 1px solid #ccc; padding: 1.3rem 0 .6rem; }
a { color: inherit; } code { background: #f5f3ee; padding: .1rem .3rem; font-size: .86rem; }
.mark { font: 600 .78rem/1 Helvetica, Arial, sans-serif; border-radius: .25rem; color: #fff;
  padding: .25rem .5rem; white-space: nowrap; display: inline-block; }
"""
_CODE, _AS_CODE = re.compile(r"`([^`]+)`"), r"<code>\1</code>"
COLORS = dict(zip(VERDICTS, ("#2f7d4f", "#b5432b", "#8a7a3a", "#8b8f94"), strict=True))


def html(answers: Sequence[Answer], today: Marks = NOTHING) -> str:
    """The same as a page of its own, with every interval drawn."""
    pairs = paired(answers)
    verdicts: list[Verdict] = [answer.verdict for _, answer in pairs]
    rows = "".join(
        f'<tr><td><a href="#{claim.name}">{escape(claim.says)}</a></td><td>{claim.source}</td>'
        f'<td>{_mark(answer)}</td><td class="number">{took(answer)}</td></tr>'
        for claim, answer in pairs
    )
    sections = "".join(_html_section(*pair, today) for pair in pairs)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{TITLE}</title><style>{STYLE}</style></head><body><h1>{TITLE}</h1>"
        f"<p>{ABOUT}</p><p><b>{len(pairs)} claims: {counted(verdicts)}.</b> {RULE} "
        "In the drawings a tick is the bound, a line the interval.</p>"
        f'<p class="small">{escape(about(answers, today))}</p>'
        "<table><tr><th>claim</th><th>of</th><th>verdict</th><th>cost</th></tr>"
        f"{rows}</table>{sections}</body></html>\n"
    )


def _html_section(claim: Claim, answer: Answer, today: Marks) -> str:
    bounded = [one for one in answer.found if one.above is not None]
    rest = [one for one in answer.found if one.above is None]
    table = "".join(
        f'<tr><td>{escape(one.says)}</td><td class="number">{shown(one)}</td></tr>' for one in rest
    )
    told = [*answer.notes, *since(answer, today)]
    notes = "".join(f"<p>{_CODE.sub(_AS_CODE, escape(note))}</p>" for note in told)
    return (
        f'<section id="{claim.name}"><h2>{escape(claim.says)}</h2><p>{_mark(answer)} '
        f'<span class="small">{claim.source}, {claim.name}</span></p>'
        f"<p><b>{_whose(claim)}:</b> {escape(claim.figure)}.<br>"
        f"<b>Here:</b> {escape(claim.asks)}</p>"
        f"{chart([(one, shown(one), COLORS[one.verdict or 'cannot be told']) for one in bounded])}"
        f"{f'<table>{table}</table>' if rest else ''}{notes}"
        f'<p class="small"><code>{command(answer)}</code> {took(answer)}</p></section>'
    )


def _mark(answer: Answer) -> str:
    return f'<span class="mark" style="background:{COLORS[answer.verdict]}">{answer.verdict}</span>'
