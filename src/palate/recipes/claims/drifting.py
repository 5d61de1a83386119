"""Open questions put to the reader alone: taste that changes, and learning to say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from palate.backbones.reader import Reader
from palate.evals import stats
from palate.learn.fit import fit
from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.prefdisc import Question
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import PREFDISC, READER, Lab
from palate.recipes.claims.training import Settings
from palate.recipes.crowd import Crowd, asked, looked_at, prompts_of
from palate.recipes.discerning import Row, ahead, scored
from palate.recipes.recipe import changed
from palate.recipes.table import recipe

Places = Sequence[tuple[int, int]]  # person and pair


@dataclass(frozen=True, kw_only=True)
class Drifting:
    """Once taste has changed, do pictures from before do harm, and does it matter where they stand?

    A person who changes is one person's pairs followed by another's; what is asked is the other's.
    """

    people: int = 40
    before: int = 8  # pairs of the old taste
    after: int = 4  # … and of the new one
    reader: str = PREFDISC

    @property
    def needs(self) -> tuple[str, ...]:
        """The reader."""
        return (self.reader,)

    def run(self, lab: Lab) -> Findings:
        """The same questions after three histories."""
        reader = lab.reader(self.reader)
        crowd = Crowd(split="test", people=2 * self.people, pairs=max(self.before, self.after) + 1)
        seen, told = looked_at(crowd, reader), [prompts_of(p) for p in crowd.scenes()]
        pictures = [torch.from_numpy(seen[i][1]).float() for i in range(len(seen))]
        right = {}
        for name, histories in self._histories().items():
            rows = [row(pictures, told, places, new) for places, new in histories]
            right[name] = ahead(scored(reader, rows, Wording()))
        new, both, turned = right.values()
        found = [
            Found(
                says="told apart, new pairs alone less both",
                figure=stats.mean(new - both),
                above=0.0,
            ),
            Found(says="told apart, new pairs last less first", figure=stats.mean(both - turned)),
        ]
        found += [
            Found(says=f"told apart after {name}", figure=stats.mean(values))
            for name, values in right.items()
        ]
        return Findings(found=tuple(found))

    def _histories(self) -> dict[str, list[tuple[Places, tuple[int, int]]]]:
        """For everybody: which pairs are shown, in order, and which is asked."""
        found: dict[str, list[Any]] = {"new alone": [], "old, then new": [], "new, then old": []}
        for one in range(self.people):
            old = [(2 * one, pair) for pair in range(self.before)]
            new = [(2 * one + 1, pair) for pair in range(self.after)]
            last = (2 * one + 1, self.after)
            for name, places in zip(found, (new, old + new, new + old), strict=True):
                found[name].append((places, last))
        return found


def row(
    pictures: Sequence[Tensor],
    told: Sequence[Sequence[tuple[str, str]]],
    places: Places,
    last: tuple[int, int],
) -> Row:
    """A question about a pair after these pairs, liked and disliked in turn."""
    shown = [
        Shown(2 * number + side, side == 0, told[who][pair][side])
        for number, (who, pair) in enumerate(places)
        for side in (0, 1)
    ]
    every = [pictures[who][side, pair] for who, pair in (*places, last) for side in (0, 1)]
    return Question(shown, *told[last[0]][last[1]]), torch.stack(every)


@dataclass(frozen=True, kw_only=True)
class Joint:
    """Can the reader learn attributes beside the label, and tell pictures apart no worse?

    Attributes are what a picture shows and what the person likes, by heads and in words.
    """

    size: Settings
    tested: int = 100
    history: int = 4
    room: float = 0.05  # what counts as no worse
    recipe: str = "sketchbook-prefdisc"
    begin: str = READER

    @property
    def needs(self) -> tuple[str, ...]:
        """The reader it begins from."""
        return () if self.recipe.endswith("-debug") else (self.begin,)

    def run(self, lab: Lab) -> Findings:
        """Both trained, both asked the same."""
        ways = {"both": False, "the label alone": True}
        right = {name: self._told(self._trained(lab, alone)) for name, alone in ways.items()}
        both, alone = right.values()
        gap = stats.mean(both - alone)
        found = [Found(says="told apart, both less the label alone", figure=gap, above=-self.room)]
        found += [
            Found(says=f"told apart, learning {name}", figure=stats.mean(values))
            for name, values in right.items()
        ]
        told = f"Trained from {self.begin}, as `palate train {self.recipe} {' '.join(self.size)}`."
        return Findings(found=tuple(found), notes=(told,))

    def _trained(self, lab: Lab, alone: bool) -> Reader:
        value: Any = changed(recipe(self.recipe), self.size)
        value = label_alone(value) if alone else value
        if value.reader is not None:
            value = replace(value, reader=lab.folder(self.begin))
        with torch.random.fork_rng(devices=[]):
            parts = replace(value, cache=lab.cache).parts()
            for _ in fit(parts.modules, parts.items, parts.loss, value.fit):
                pass
        return parts.reader

    def _told(self, reader: Reader) -> Any:
        crowd = Crowd(split="test", people=self.tested, pairs=self.history + 1)
        seen, everybody = looked_at(crowd, reader), crowd.scenes()
        rows = [
            asked(
                prompts_of(pairs),
                torch.from_numpy(seen[i][1]).float(),
                self.history,
                torch.Generator().manual_seed(i),
            )
            for i, pairs in enumerate(everybody)
        ]
        return np.asarray(ahead(scored(reader, rows, Wording())))


def label_alone(value: Any) -> Any:
    """PREFDISC's recipe with no weight on what is learned beside the answers."""
    beside = {field.name: 0.0 for field in fields(value.known)}
    weights = replace(value.weights, portrait=0.0)
    return replace(value, known=replace(value.known, **beside), weights=weights)
