"""PrefGen's claims about layers: where a reader knows who somebody is, and what they like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from palate.backbones.reader import Pool
from palate.evals import stats
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import PREFDISC, Lab
from palate.recipes.probing import Probing, TaskName, answered

Hits = NDArray[np.float64]  # (questions, layers)
MIDDLE, TOP = (8 / 32, 20 / 32), 4 / 32  # of the depth: the paper's layers 8 to 20, and 4 of 32


@dataclass(frozen=True, kw_only=True)
class Depth:
    """Is one of the two tasks best done in the layers the paper names?

    Bands are compared by the mean over their layers, so that no best layer is picked by luck.
    """

    task: TaskName
    asked: Probing
    reader: str = PREFDISC

    @property
    def needs(self) -> tuple[str, ...]:
        """The reader."""
        return (self.reader,)

    def run(self, lab: Lab) -> Findings:
        """Every layer's probe."""
        hits, units, chance = answered(lab.reader(self.reader), self.asked, self.task)
        layers = hits.shape[1] - 1  # 0 is what goes into the first
        named = self._named(layers)
        here, below = hits[:, list(named)].astype(float), [k for k in range(layers) if k < named[0]]
        above = [k for k in range(layers + 1) if k > named[-1]]
        best = int(hits.mean(0).argmax())
        found = [
            Found(
                says=f"best layer ({best} of {layers}) less chance",
                figure=stats.mean(hits[:, best] - chance, units),
                above=0.0,
            ),
            Found(says=f"the best layer, {best}", figure=stats.share(hits[:, best], units)),
            Found(says=f"layers {_span(named)}, in the mean", figure=_mean(here, units)),
        ]
        for where, others in (("below", below), ("above", above)):
            if others:
                rest = hits[:, others].astype(float)
                gap = stats.mean(here.mean(1) - rest.mean(1), units)
                says = f"layers {_span(named)} less those {where} ({_span(others)})"
                found.append(Found(says=says, figure=gap, above=0.0))
        notes = [f"Chance is {chance:.1%}; {len(set(units))} people nobody trained on."]
        if self.reader == PREFDISC:
            notes.append(
                "Its training also reads looks and the person off some of its layers, with heads "
                "that are left behind, which the paper's does not: a peak there may owe to that."
            )
        return Findings(found=tuple(found), notes=tuple(notes))

    def _named(self, layers: int) -> range:
        if self.task == "like":
            return range(layers + 1 - max(1, round(TOP * layers)), layers + 1)
        return range(round(MIDDLE[0] * layers), round(MIDDLE[1] * layers) + 1)


@dataclass(frozen=True, kw_only=True)
class Pooling:
    """Does the last token's state tell more than the mean or the maximum over all of them?"""

    asked: Probing
    tasks: tuple[TaskName, ...] = ("who", "like")
    rivals: tuple[Pool, ...] = ("mean", "max")
    reader: str = PREFDISC

    @property
    def needs(self) -> tuple[str, ...]:
        """The reader."""
        return (self.reader,)

    def run(self, lab: Lab) -> Findings:
        """Both tasks, pooled in every way, in the mean over all layers but the first."""
        found = []
        for task in self.tasks:
            pools: tuple[Pool, ...] = ("last", *self.rivals)
            asked = {pool: replace(self.asked, pool=pool) for pool in pools}
            ways = {p: answered(lab.reader(self.reader), a, task) for p, a in asked.items()}
            units = ways["last"][1]
            right = {pool: hits[:, 1:].mean(1) for pool, (hits, _, _) in ways.items()}
            for rival in self.rivals:
                gap = stats.mean(right["last"] - right[rival], units)
                says = f"{_TASKS[task]}: last token less {rival}"
                found.append(Found(says=says, figure=gap, above=0.0))
            for pool, values in right.items():
                says = f"{_TASKS[task]}: {pool}"
                found.append(Found(says=says, figure=stats.mean(values, units)))
        return Findings(found=tuple(found))


_TASKS = {"who": "whose history", "like": "liked or not"}


def _mean(hits: Hits, units: Sequence[int]) -> stats.Figure:
    return stats.mean(hits.mean(1), units)


def _span(layers: Sequence[int]) -> str:
    return f"{layers[0]} to {layers[-1]}" if len(layers) > 1 else str(layers[0])
