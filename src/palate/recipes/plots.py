"""What plots share: one panel, lines that show how sure they are, and files of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from palate import store
from palate.evals.stats import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Page


def panel(width: float, height: float) -> tuple[Page, Axes]:
    """A page, in inches, with one panel on which heights are shares."""
    from matplotlib.figure import Figure as Page

    page = Page(figsize=(width, height), layout="constrained")
    axes = page.add_subplot()
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.spines[["top", "right"]].set_visible(False)
    return page, axes


def curve(
    axes: Axes, x: Sequence[float], figures: Sequence[Figure], *, color: str, label: str
) -> None:
    """A line through the values, in the band of their intervals."""
    values, lows, highs = ([getattr(f, end) for f in figures] for end in ("value", "low", "high"))
    axes.plot(x, values, color=color, marker="o", markersize=4, label=label)
    axes.fill_between(x, lows, highs, color=color, alpha=0.15, linewidth=0)


def saved(page: Page, out: Path, dpi: int = 150) -> list[Path]:
    """Beside each other as .png and .svg; the same figures, the same bytes."""
    from matplotlib import rc_context

    files = [out.with_suffix(f".{kind}") for kind in ("png", "svg")]
    for file in files:
        kind = file.suffix[1:]
        undated = {"Date": None} if kind == "svg" else None
        with store.writing(file) as part, rc_context({"svg.hashsalt": "palate"}):
            page.savefig(part, format=kind, dpi=dpi, metadata=undated)
    return files
