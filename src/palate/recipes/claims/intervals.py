"""Intervals drawn beside their bounds, as SVG within a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite

from palate.recipes.claims.claim import Found

ROW, TEXT, WIDTH, PLOT = 30, 385, 960, 390  # pixels: a row, its words, the whole, its axis
Drawn = tuple[Found, str, str]  # a figure, how it is written, its color


def chart(rows: Sequence[Drawn]) -> str:
    """A row for each figure: words, bound (a tick), value (a dot) and interval (a line)."""
    if not rows:
        return ""
    low, high = span([one for one, _, _ in rows])
    body = "".join(_row(number, *row, low, high) for number, row in enumerate(rows))
    return (
        f'<svg viewBox="0 0 {WIDTH} {ROW * len(rows) + 6}" width="100%" role="img" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="13">{body}</svg>'
    )


def span(found: Sequence[Found]) -> tuple[float, float]:
    """From where to where the axis goes: all that is finite, the bounds too, and some air."""
    figures = [(o.figure.low, o.figure.value, o.figure.high, o.above or 0.0) for o in found]
    ends = [x for row in figures for x in row if isfinite(x)]
    air = 0.05 * (max(ends) - min(ends)) or 1.0
    return min(ends) - air, max(ends) + air


def _row(number: int, one: Found, said: str, color: str, low: float, high: float) -> str:
    y = ROW * number + ROW / 2

    def at(x: float) -> float:
        return round(TEXT + PLOT * (min(max(x, low), high) - low) / (high - low), 1)

    bound, figure = at(one.above or 0.0), one.figure
    return (
        f'<text x="0" y="{y + 4}" fill="#222">{escape(one.says)}</text>'
        f'<line x1="{bound}" x2="{bound}" y1="{y - 11}" y2="{y + 11}" stroke="#999"/>'
        f'<line x1="{at(figure.low)}" x2="{at(figure.high)}" y1="{y}" y2="{y}" stroke="{color}" '
        f'stroke-width="3" stroke-linecap="round"/>'
        f'<circle cx="{at(figure.value)}" cy="{y}" r="5" fill="{color}"/>'
        f'<text x="{TEXT + PLOT + 14}" y="{y + 4}" fill="#444">{said}</text>'
    )
