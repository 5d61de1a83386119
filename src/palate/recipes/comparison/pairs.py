"""Every two ways against each other: the same people, prompts and seeds, picture by picture."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from palate.evals.floors import at_equal_n, nearer
from palate.evals.measures import Seen
from palate.evals.paired import difference, holm
from palate.recipes.comparison.judging import Judging, Looked
from palate.recipes.comparison.measuring import Units
from palate.recipes.comparison.metrics import METRICS
from palate.recipes.comparison.sets import DISTANCES, SEED, half, hidden, seen_for

Row = dict[str, Any]


def differences(looked: Mapping[str, Looked], over: Units) -> list[Row]:
    """The later way less the earlier, metric by metric; p-values are Holm's over a metric's."""
    return [
        row
        for metric, what in METRICS.items()
        if what.paired and metric in next(iter(looked.values())).each
        for row in _of_metric(metric, looked, over)
    ]


def _of_metric(metric: str, looked: Mapping[str, Looked], over: Units) -> list[Row]:
    found = {
        (way, other): difference(
            looked[way].each[metric], looked[other].each[metric], *over, seed=SEED
        )
        for other, way in combinations(looked, 2)
    }
    names = {pair: " less ".join(pair) for pair in found}
    sure = holm({names[pair]: one.p for pair, one in found.items()})
    return [
        {
            "metric": metric,
            "way": way,
            "other": other,
            **one.facts(),
            "holm": sure[names[way, other]],
        }
        for (way, other), one in found.items()
    ]


def of_sets(looked: Mapping[str, Looked], judging: Judging) -> list[Row]:
    """The same for distances between sets, over the same draws of half of the pictures."""
    found = []
    for metric, distance in DISTANCES.items():
        real, seen = hidden(metric, judging), _all(metric, looked)
        if real is None or not seen:
            continue
        size = half(next(iter(seen.values())), real)
        drawn = at_equal_n(seen, real, distance, size=size, seed=SEED)
        for other, way in combinations(looked, 2):
            figure = nearer(drawn[way], drawn[other], size)
            found.append({"metric": metric, "way": way, "other": other, **figure.facts()})
    return found


def _all(metric: str, looked: Mapping[str, Looked]) -> dict[str, Seen]:
    found = {name: seen_for(metric, one) for name, one in looked.items()}
    return {name: seen for name, seen in found.items() if seen is not None}
