"""What was found, as pictures: taste against content, and every metric as dots with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palate.recipes.comparison.metrics import METRICS
from palate.recipes.comparison.tables import present, title
from palate.recipes.plots import saved

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Facts = Mapping[str, Any]
COLORS = ("#2a6f97", "#c1553b", "#5a8f4e", "#8a5aa3", "#c2902b", "#3d9b9b", "#b0507f", "#6b7280")
GREY, FAINT = "#555555", "#dddddd"
_ACROSS = 4  # panels
_LOOK: Any = {
    "font.size": 9, "axes.edgecolor": GREY, "axes.labelcolor": GREY, "xtick.color": GREY,
    "ytick.color": GREY,
}  # fmt: skip


def plot(facts: Facts, out: Path) -> list[Path]:
    """Both, each as PNG and SVG."""
    from matplotlib import rc_context

    with rc_context(_LOOK):
        pages = {"taste-against-content": _tradeoff(facts), "metrics": _dots(facts)}
        for page in pages.values():
            page.draw_without_rendering()
            page.set_layout_engine("none")  # laid out once, not once for each file
        return [file for name, page in pages.items() for file in saved(page, out / name, dpi=160)]


def color(facts: Facts, name: str) -> str:
    """A way's own; those of base models alone are grey."""
    named = [way["name"] for way in facts["ways"] if way["method"]]
    return COLORS[named.index(name) % len(COLORS)] if name in named else GREY


def _page(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _tradeoff(facts: Facts) -> Figure:
    page = _page(7.2, 4.4)
    axes = page.add_subplot()
    for way in facts["ways"]:
        x, y = (way["measures"][metric] for metric in ("content", "taste"))
        shade = color(facts, way["name"])
        axes.plot([x["low"], x["high"]], [y["value"]] * 2, color=shade, linewidth=1.2, alpha=0.6)
        axes.plot([x["value"]] * 2, [y["low"], y["high"]], color=shade, linewidth=1.2, alpha=0.6)
        marker = "o" if way["method"] else "s"
        dot = {"marker": marker, "markersize": 7, "linestyle": "", "label": way["name"]}
        axes.plot([x["value"]], [y["value"]], color=shade, **dot)
    axes.set(xlabel="content: shows what the prompt names", ylabel="taste: fits its person")
    low = min(way["measures"]["taste"]["low"] for way in facts["ways"])
    axes.set(xlim=(-0.02, 1.02), ylim=(min(0.4, low - 0.03), 1.0))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    _quiet(axes)
    page.legend(loc="outside right upper", frameon=False)  # names beside dots would hide each other
    return page


def _dots(facts: Facts) -> Figure:
    metrics = present(facts, list(METRICS))
    rows = -(-len(metrics) // _ACROSS)
    page = _page(3.0 * _ACROSS, rows * (0.75 + 0.24 * len(facts["ways"])))
    panels = page.subplots(rows, _ACROSS, squeeze=False, sharey=True).ravel()
    for axes, metric in zip(panels, metrics, strict=False):
        _panel(axes, facts, metric)
    for axes in panels[len(metrics) :]:
        axes.set_visible(False)
    return page


def _panel(axes: Axes, facts: Facts, metric: str) -> None:
    names = [way["name"] for way in facts["ways"]]
    for place, way in enumerate(facts["ways"]):
        if (found := way["measures"].get(metric)) is None:
            continue
        shade = color(facts, way["name"])
        if found["low"] is not None:
            axes.plot([found["low"], found["high"]], [place] * 2, color=shade, linewidth=1.5)
        axes.plot([found["value"]], [place], marker="o", markersize=5, color=shade)
    if floor := facts["floors"].get(metric):
        axes.axvline(floor["value"], color=GREY, linestyle=":", linewidth=1)
    axes.set_title(title(metric), fontsize=9, loc="left", color="#222222")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    if METRICS[metric].percent:
        axes.xaxis.set_major_formatter(lambda value, _: f"{round(100 * value, 1):g} %")
    axes.locator_params(axis="x", nbins=4)
    _quiet(axes)


def _quiet(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
