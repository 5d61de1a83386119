"""Where in the reader a person is: probes of every layer, on people nobody trained on.

who    histories of some people; the probe learns from one half of each person's pictures and
       is asked about histories of the other half
like   a picture after a history; the probe learns from some people and is asked about others
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate import store
from palate.backbones.reader import Pool, Reader
from palate.errors import BadInput
from palate.evals import stats
from palate.evals.stats import Figure
from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.probe import Task, right
from palate.recipes.crowd import Crowd, looked_at
from palate.recipes.plots import curve, panel, saved
from palate.seeds import name_key, uniform
from palate.sketchbook.words import prompt_of

TaskName = Literal["who", "like"]
MIDDLE = 0.05  # a layer is as good as the best if it is within so much


@dataclass(frozen=True, kw_only=True)
class Probing:
    """What is asked, of how many people."""

    people: int = 30
    pairs: int = 24  # of each person, in two halves
    history: int = 8  # pairs in a history
    each: int = 24  # histories of each half of each person
    pool: Pool = "last"
    wording: Wording = field(default_factory=Wording)
    split: str = "test"

    def __post_init__(self) -> None:
        if self.people < 2:
            raise BadInput(f"{self.people} people cannot be told apart; probe at least 2.")
        if self.history < 1:
            raise BadInput(f"Histories of {self.history} pairs tell nothing; give at least 1.")
        if self.pairs < 2 * (self.history + 1):
            raise BadInput(
                f"{self.pairs} pairs in two halves are too few for histories of {self.history} and "
                f"a picture to ask about; give at least {2 * (self.history + 1)}."
            )


@dataclass(frozen=True, kw_only=True)
class Probed:
    """The accuracy of each layer's probe; layer 0 is what goes into the first."""

    task: TaskName
    chance: float
    layers: tuple[Figure, ...]

    @property
    def best(self) -> int:
        """The first of the best layers."""
        values = [figure.value for figure in self.layers]
        return values.index(max(values))

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        layers = [figure.facts() for figure in self.layers]
        return {"task": self.task, "chance": self.chance, "best": self.best, "layers": layers}


def probe(reader: Reader, asked: Probing, at: TaskName) -> Probed:
    """One of the two tasks."""
    hits, units, chance = answered(reader, asked, at)
    figures = [stats.share(hits[:, layer], units) for layer in range(hits.shape[1])]
    return Probed(task=at, chance=chance, layers=tuple(figures))


def answered(
    reader: Reader, asked: Probing, at: TaskName
) -> tuple[NDArray[np.bool_], list[int], float]:
    """Whether each layer's probe was right, (questions, layers); of whom each was; chance."""
    task, units, chance = _who(reader, asked) if at == "who" else _like(reader, asked)
    return right(task).numpy(), units, chance


@dataclass(frozen=True, kw_only=True, eq=False)
class _Person:
    number: int
    seen: Tensor  # (2, pairs, T, C)
    prompts: list[str]


def _people(reader: Reader, asked: Probing) -> list[_Person]:
    crowd = Crowd(split=asked.split, people=asked.people, pairs=asked.pairs)
    seen = looked_at(crowd, reader)
    return [
        _Person(
            number=int(number),
            seen=torch.from_numpy(seen[i][1]).float(),
            prompts=[prompt_of(liked.content) for liked, _ in pairs],
        )
        for i, (number, pairs) in enumerate(zip(crowd.numbers(), crowd.scenes(), strict=True))
    ]


def _drawn(
    person: _Person, asked: Probing, half: int, turn: int
) -> tuple[list[Shown], Tensor, int]:
    """A history from one half of a person's pairs, its pictures, and a pair that is not in it."""
    first = half * (asked.pairs // 2)
    luck = uniform(name_key("probe"), person.number, half, turn, np.arange(4 * asked.pairs))
    pairs = first + np.argsort(luck[: asked.pairs // 2])[: asked.history + 1]
    places: list[tuple[int, int]] = [(side, int(pair)) for pair in pairs[:-1] for side in (0, 1)]
    order = np.argsort(luck[asked.pairs : asked.pairs + len(places)])
    mixed = [places[i] for i in order]
    shown = [Shown(i, side == 0, person.prompts[pair]) for i, (side, pair) in enumerate(mixed)]
    pictures = torch.stack([person.seen[side, pair] for side, pair in mixed])
    return shown, pictures, int(pairs[-1])


def _who(reader: Reader, asked: Probing) -> tuple[Task, list[int], float]:
    people = _people(reader, asked)
    states, numbers = [], [n for n in range(len(people)) for _ in range(asked.each)]
    for half in (0, 1):
        rows = [_drawn(p, asked, half, turn) for p in people for turn in range(asked.each)]
        texts = [asked.wording.history(shown) + asked.wording.closing for shown, _, _ in rows]
        states.append(reader.states(texts, [seen for _, seen, _ in rows], pool=asked.pool))
    classes = torch.tensor(numbers)
    task = Task(states=states[0], classes=classes, asked=states[1], answers=classes)
    return task, numbers, 1 / len(people)


def _like(reader: Reader, asked: Probing) -> tuple[Task, list[int], float]:
    people = _people(reader, asked)
    texts, seen, liked, units = [], [], [], []
    for number, person in enumerate(people):
        for turn in range(asked.each):
            shown, pictures, pair = _drawn(person, asked, turn % 2, turn)
            side = turn // 2 % 2
            texts.append(asked.wording.query(shown, person.prompts[pair]))
            seen.append(torch.cat([pictures, person.seen[side, pair][None]]))
            liked.append(int(side == 0))
            units.append(number)
    states, classes = reader.states(texts, seen, pool=asked.pool), torch.tensor(liked)
    learns = torch.tensor([unit < len(people) / 2 for unit in units])
    task = Task(
        states=states[learns],
        classes=classes[learns],
        asked=states[~learns],
        answers=classes[~learns],
    )
    return task, [u for u, learn in zip(units, learns.tolist(), strict=True) if not learn], 0.5


# ---- what a person sees of it


def table(found: Sequence[Probed]) -> str:
    """Layers down, tasks across, with intervals."""
    head = f"{'layer':>5}" + "".join(f"{probed.task:>24}" for probed in found)
    rows = [head]
    for layer in range(len(found[0].layers)):
        cells = [f"{probed.layers[layer]:>24}" for probed in found]
        rows.append(f"{layer:>5}" + "".join(cells))
    rows.append("best " + "".join(f"{probed.best:>24}" for probed in found))
    rows.append(
        "chance" + "".join(f"{probed.chance:>{23 + (i > 0)}.1%}" for i, probed in enumerate(found))
    )
    return "\n".join(rows)


def plot(found: Sequence[Probed], out: Path) -> list[Path]:
    """Accuracy against layer, as PNG and SVG."""
    page, axes = panel(7, 4)
    for probed, color in zip(found, ("#2a6f97", "#c1553b"), strict=False):
        label = {"who": f"which of {round(1 / probed.chance)} people", "like": "liked or not"}
        layers = range(len(probed.layers))
        curve(axes, layers, probed.layers, color=color, label=label[probed.task])
        axes.axhline(probed.chance, color=color, linewidth=0.8, linestyle=":")
    axes.set(xlabel="layer", ylabel="right", ylim=(0, 1))
    axes.legend(frameon=False)
    return saved(page, out / "probe")


def keep(found: Sequence[Probed], asked: Probing, reader: Reader, out: Path) -> list[Path]:
    """Figures, table and plots as files."""
    facts = {"reader": vars(reader.mark), "asked": asdict(asked)}
    store.write_json(out / "probe.json", {**facts, "tasks": [probed.facts() for probed in found]})
    store.write_bytes(out / "probe.txt", (table(found) + "\n").encode())
    return [out / "probe.json", out / "probe.txt", *plot(found, out)]
