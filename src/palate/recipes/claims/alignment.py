"""PrefGen's claims about its alignment loss, put to the aligner alone: e_sem into text space.

What the paper measures in pictures (FID), small experiments measure where the loss acts: how far
the aligned points of unseen people lie from the points of what they like in words, as clouds, and
whether people are still told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from palate.evals import stats
from palate.evals.frechet import between
from palate.evals.measures import Seen
from palate.evals.stats import LEVEL, Figure, some_of
from palate.learn.fit import fit
from palate.learn.settings import Fit
from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.loss import Alignment
from palate.methods.prefgen.loss import aligned as off
from palate.methods.prefgen.model import Aligner
from palate.ops.mmd import FACTORS, KernelName, mmd
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import CLIP, PREFDISC, Lab
from palate.recipes.crowd import Crowd, looked_at, portraits, prompts_of
from palate.recipes.prefgen import MOST, PREFGEN

DRAWS, REAL = 100, "real"
Split = Literal["train", "test"]


@dataclass(frozen=True, kw_only=True)
class Way:
    """One loss."""

    kind: Alignment = "mmd"
    kernel: KernelName = "rbf"
    factors: tuple[float, ...] = FACTORS

    def __str__(self) -> str:
        if self.kind != "mmd":
            return {"both": "MSE and cosine", "mse": "MSE", "cosine": "cosine"}[self.kind]
        width = "" if self.factors == FACTORS else f" at {self.factors[0]:g} of the median"
        return f"MMD, {self.kernel}{width}"

    def missed(self, given: Tensor, text: Tensor) -> Tensor:
        """How far off a batch is."""
        if self.kind == "mmd":
            return mmd(given, text, kernel=self.kernel, factors=self.factors)
        return off(given, text, self.kind)


@dataclass(frozen=True, kw_only=True)
class Aligning:
    """Aligners trained alike but for the loss; what all of these experiments share."""

    people: int = 300
    tested: int = 120
    history: int = 4  # pairs
    steps: int = 300
    batch: int = 64
    inner: int = PREFGEN.inner
    layers: tuple[int, ...] = PREFGEN.layers.sem
    reader: str = PREFDISC

    @property
    def needs(self) -> tuple[str, ...]:
        """Reader and CLIP."""
        return self.reader, CLIP

    def points(self, lab: Lab, ways: Sequence[Way]) -> dict[str, Tensor]:
        """Where each way brings the people of the test split, and where their words lie."""
        found = {str(way): self._brought(lab, way) for way in ways}
        return {**found, REAL: self._people(lab, "test")[1]}

    def _brought(self, lab: Lab, way: Way) -> Tensor:
        key = ("aligned", self._shared(), way)
        return lab.kept(key, lambda: self._trained(lab, way)(self._people(lab, "test")[0]).detach())

    def _trained(self, lab: Lab, way: Way) -> Aligner:
        sem, text = self._people(lab, "train")
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            aligner = Aligner(sem.shape[1], text.shape[1], self.inner)
            how = Fit(
                steps=self.steps, batch=min(self.batch, len(sem)), lr=1e-3, log_every=self.steps,
                checkpoint_steps=None,
            )  # fmt: skip

            def loss(batch: list[Tensor], generator: torch.Generator) -> Tensor:
                return way.missed(aligner(batch[0]), batch[1])

            for _ in fit({"aligner": aligner}, _Rows(sem, text), loss, how):
                pass
        return aligner.eval().requires_grad_(False)

    def _people(self, lab: Lab, split: Split) -> tuple[Tensor, Tensor]:
        """e_sem and the words of some people."""
        count = self.people if split == "train" else self.tested
        key = ("read", split, count, self.history, self.layers, self.reader)
        return lab.kept(
            key, lambda: self._read(lab, Crowd(split=split, people=count, pairs=self.history))
        )

    def _read(self, lab: Lab, crowd: Crowd) -> tuple[Tensor, Tensor]:
        reader, wording = lab.reader(self.reader), Wording()
        seen, texts, pictures = looked_at(crowd, reader), [], []
        for number, person in enumerate(crowd.scenes()):
            told = prompts_of(person)
            shown = [
                Shown(2 * pair + side, side == 0, told[pair][side])
                for pair in range(crowd.pairs)
                for side in (0, 1)
            ]
            texts.append(wording.history(shown) + wording.closing)
            mine = torch.from_numpy(seen[number][1]).float()  # (2, pairs, T, C)
            pictures.append(mine.transpose(0, 1).flatten(0, 1))
        states = reader.states(texts, pictures)
        words = lab.clip().read(portraits(crowd.numbers(), MOST))
        return states[:, list(self.layers)].mean(1).cpu(), words.cpu()

    def _shared(self) -> tuple[Any, ...]:
        return (*(getattr(self, name) for name in Aligning.__dataclass_fields__),)


class _Rows:
    """Item i: a person's e_sem and words."""

    def __init__(self, sem: Tensor, text: Tensor) -> None:
        self.sem, self.text = sem, text

    def __len__(self) -> int:
        return len(self.sem)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.sem[index], self.text[index]


@dataclass(frozen=True, kw_only=True)
class Nearness(Aligning):
    """Does the first way bring people nearer to their texts, as a cloud, than each other one?"""

    ways: tuple[Way, ...] = (Way(), Way(kind="mse"), Way(kind="cosine"), Way(kind="both"))
    at_most: float | None = None  # asks whether all are within so much of the first instead

    def run(self, lab: Lab) -> Findings:
        """Fréchet distances over the same halves of the people."""
        points = self.points(lab, self.ways)
        far = distances(points)
        (first, mine), *others = far.items()
        found = [self._against(first, mine, name, theirs) for name, theirs in others]
        found += [
            Found(
                says=f"distance to the texts, {n}", figure=half_draws(v, self.tested), percent=False
            )
            for n, v in far.items()
        ]
        note = f"Fréchet distance in CLIP's space between halves of {self.tested} unseen people."
        return Findings(found=tuple(found), notes=(note,))

    def _against(self, first: str, mine: Any, name: str, theirs: Any) -> Found:
        if self.at_most is None:
            gap = half_draws((theirs - mine) / mine, self.tested)
            return Found(says=f"farther than {first}: {name}", figure=gap, above=0.0)
        room = half_draws(self.at_most - np.abs(theirs - mine) / mine, self.tested)
        says = f"{self.at_most:.0%} of {first} less how far from it {name} is"
        return Found(says=says, figure=room, above=0.0)


@dataclass(frozen=True, kw_only=True)
class Collapse(Aligning):
    """Do point-wise losses draw people together until they cannot be told apart?"""

    people: int = 100
    least: float = 0.5  # of the spread of the texts: less is a collapse
    rivals: tuple[Way, ...] = (Way(kind="mse"), Way(kind="both"))

    def run(self, lab: Lab) -> Findings:
        """How far people lie from their middle, in units of how far their texts do."""
        points = self.points(lab, [Way(), *self.rivals])
        spread = {name: spreads(cloud) for name, cloud in points.items()}
        whole = spread.pop(REAL).mean()
        shares = {name: values / whole for name, values in spread.items()}
        mine, found = shares[str(Way())], []
        for rival in map(str, self.rivals):
            gap, short = stats.mean(mine - shares[rival]), stats.mean(self.least - shares[rival])
            found.append(Found(says=f"spread, MMD less {rival}", figure=gap, above=0.0))
            says = f"{rival}: how far below {self.least:.0%} of the texts' spread"
            found.append(Found(says=says, figure=short, above=0.0))
        found += [
            Found(says=f"spread, {name}", figure=stats.mean(values))
            for name, values in shares.items()
        ]
        return Findings(found=tuple(found))


def spreads(points: Tensor) -> Any:
    """The squared distance of each person from the middle of all."""
    return (points - points.mean(0)).square().sum(1).double().numpy()


def distances(points: Mapping[str, Tensor], draws: int = DRAWS) -> dict[str, Any]:
    """Each cloud's distance to the real one, over the same halves of the people, again and again.

    Halves without replacement differ as much as whole draws of people would.
    """
    clouds = {name: Seen(points=cloud.double()) for name, cloud in points.items()}
    real, n = clouds.pop(REAL), len(next(iter(points.values())))
    rows = [some_of(n, max(2, n // 2), 0, draw) for draw in range(draws)]
    return {
        name: np.array([between(cloud[some], real[some]) for some in rows])
        for name, cloud in clouds.items()
    }


def half_draws(values: Any, units: int) -> Figure:
    """The mean over draws, and what 95 % of them lie within."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    mean = float(values.mean())  # of equal values it may end beside them by a last digit
    low, high = min(float(low), mean), max(float(high), mean)
    return Figure(value=mean, low=low, high=high, n=len(values), units=units)
