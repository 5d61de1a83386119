"""Every two ways against each other: the same people, prompts and seeds, picture by picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from palate.evals.floors import at_equal_n, nearer
from palate.evals.paired import difference, holm
from palate.recipes.comparison.judging import Judging, Looked
from palate.recipes.comparison.measuring import DISTANCES, SEED, half
from palate.recipes.comparison.metrics import METRICS

Row = dict[str, Any]


def differences(looked: Mapping[str, Looked], people: Sequence[int]) -> list[Row]:
    """The later way less the earlier, metric by metric; p-values are Holm's over a metric's."""
    return [
        row
        for metric, what in METRICS.items()
        if what.paired and metric in next(iter(looked.values())).each
        for row in _of_metric(metric, looked, people)
    ]


def _of_metric(metric: str, looked: Mapping[str, Looked], people: Sequence[int]) -> list[Row]:
    found = {
        (way, other): difference(
            looked[way].each[metric], looked[other].each[metric], people, seed=SEED
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
    seen, real = {name: one.seen for name, one in looked.items()}, judging.kept
    size, found = half(next(iter(seen.values())), real), []
    for metric, distance in DISTANCES.items():
        drawn = at_equal_n(seen, real, distance, size=size, seed=SEED)
        for other, way in combinations(looked, 2):
            figure = nearer(drawn[way], drawn[other], size)
            found.append({"metric": metric, "way": way, "other": other, **figure.facts()})
    return found
