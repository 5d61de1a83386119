"""How well a reader tells what a person likes from what they do not, and whether it really reads
the person: people and prompts nobody trained on.

Beside it stands who counts true values: each value seen in a liked picture counts one for it, in a
disliked one against it, and a picture is worth its values' sum. Controls put the same questions
after another person's history, after none, and after the same one in another order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.backbones.reader import Reader
from palate.evals import stats
from palate.evals.stats import Figure
from palate.methods.prefgen.asking import Wording
from palate.methods.prefgen.prefdisc import Question, scores
from palate.recipes.crowd import Crowd, asked, looked_at, prompts_of
from palate.sketchbook.scenes import Scene
from palate.sketchbook.vocabulary import DIMENSIONS, VALUES

HISTORIES = (1, 2, 4, 8, 16)  # pairs, as many of these as there are

Row = tuple[Question, Tensor]  # pictures: the history's, then the liked and the disliked one
Scores = NDArray[np.float64]  # (people, 2): of the liked and of the disliked picture


@dataclass(frozen=True, kw_only=True)
class Discerning:
    """Who is asked about, and after how much."""

    people: int = 300
    most: int = 8  # pairs
    prompts: bool = True
    wording: Wording = field(default_factory=Wording)
    split: str = "test"


@dataclass(frozen=True, kw_only=True)
class Discerned:
    """What was found, by length of history; controls at the longest."""

    told: Mapping[int, Figure]  # share of people whose liked picture scores higher
    counted: Mapping[int, Figure]  # the same, by who counts true values
    auc: Mapping[int, Figure]  # liked above disliked, whoever's they are
    calibration: Mapping[int, float]  # expected calibration error of the score
    controls: Mapping[str, Figure]

    def summary(self) -> dict[str, float]:
        """The main figures alone."""
        found = {f"told apart after {count}": figure.value for count, figure in self.told.items()}
        return found | {name: figure.value for name, figure in self.controls.items()}

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        figures = {"told apart": self.told, "counted": self.counted, "auc": self.auc}
        found: dict[str, Any] = {
            name: {str(count): figure.facts() for count, figure in by.items()}
            for name, by in figures.items()
        }
        found["calibration error"] = {str(n): error for n, error in self.calibration.items()}
        return found | {"controls": {n: figure.facts() for n, figure in self.controls.items()}}

    def table(self) -> str:
        """A row for each length of history, then the controls."""
        rows = [f"{'pairs':>6}{'told apart':>24}{'by counting values':>24}{'AUC':>24}{'off':>8}"]
        for count in self.told:
            row = "".join(f"{by[count]:>24}" for by in (self.told, self.counted, self.auc))
            rows.append(f"{count:>6}{row}{self.calibration[count]:>8.3f}")
        rows += [f"{name:32}{figure:>22}" for name, figure in self.controls.items()]
        return "\n".join(rows)


def discern(reader: Reader, how: Discerning) -> Discerned:
    """Everything at once."""
    crowd = Crowd(split=how.split, people=how.people, pairs=how.most + 1)
    everybody, seen = crowd.scenes(), looked_at(crowd, reader)
    lengths = [count for count in HISTORIES if count <= how.most]
    found: dict[int, Scores] = {}
    rows: list[Row] = []
    for count in lengths:
        rows = [
            _row(person, torch.from_numpy(seen[i][1]).float(), count, i, how)
            for i, person in enumerate(everybody)
        ]
        found[count] = scored(reader, rows, how.wording)
    return Discerned(
        told={count: stats.mean(ahead(s)) for count, s in found.items()},
        counted={
            n: stats.mean([_counted(p, n, i) for i, p in enumerate(everybody)]) for n in lengths
        },
        auc={count: stats.auc(s[:, 0], s[:, 1]) for count, s in found.items()},
        calibration={count: _off(s) for count, s in found.items()},
        controls=_controls(reader, rows, found[lengths[-1]], how.wording),
    )


def _row(
    person: Sequence[tuple[Scene, Scene]], seen: Tensor, count: int, turn: int, how: Discerning
) -> Row:
    prompts = prompts_of(person) if how.prompts else None
    return asked(prompts, seen, count, _luck(count, turn))


def _luck(count: int, turn: int) -> torch.Generator:
    return torch.Generator().manual_seed(1000 * turn + count)


def scored(reader: Reader, rows: Sequence[Row], wording: Wording) -> Scores:
    """How surely each person likes what they like, and what they do not."""
    sides = []
    for side in (0, 1):
        histories = [question.shown for question, _ in rows]
        prompts = [(question.liked, question.disliked)[side] for question, _ in rows]
        seen = [torch.cat([pictures[:-2], pictures[side - 2][None]]) for _, pictures in rows]
        sides.append(scores(reader, histories, prompts, seen, wording).cpu().numpy())
    return np.stack(sides, 1).astype(np.float64)


def ahead(found: Scores) -> NDArray[np.float64]:
    """1 where the liked picture scores higher, 1/2 where both score alike."""
    return np.sign(found[:, 0] - found[:, 1]) / 2 + 0.5


def _off(found: Scores) -> float:
    liked = np.repeat([[True, False]], len(found), 0)
    return stats.calibration_error(found.ravel(), liked.ravel())


def _by_counting(everybody: Sequence[Sequence[tuple[Scene, Scene]]], count: int) -> Figure:
    return stats.mean([_counted(person, count, turn) for turn, person in enumerate(everybody)])


def _counted(person: Sequence[tuple[Scene, Scene]], count: int, turn: int) -> float:
    """The same pairs as a reader is shown, by their true values."""
    pairs = torch.randperm(len(person), generator=_luck(count, turn))[: count + 1].tolist()
    values = np.array(
        [[_values(scene) for scene in person[pair]] for pair in pairs]
    )  # (count + 1, 2, 50)
    worth = (values[:-1, 0] - values[:-1, 1]).sum(0)
    liked, disliked = values[-1] @ worth
    return float(np.sign(liked - disliked) / 2 + 0.5)


def _values(scene: Scene) -> NDArray[np.int64]:
    seen = np.zeros(len(VALUES), np.int64)
    seen[[VALUES.index(value) for value in zip(DIMENSIONS, scene.look, strict=True)]] = 1
    return seen


def _controls(
    reader: Reader, rows: Sequence[Row], usual: Scores, wording: Wording
) -> dict[str, Figure]:
    others = [
        (replace(mine, shown=other.shown), torch.cat([theirs[:-2], pictures[-2:]]))
        for (mine, pictures), (other, theirs) in zip(rows, [*rows[1:], rows[0]], strict=True)
    ]
    nothing = [(replace(mine, shown=[]), pictures[-2:]) for mine, pictures in rows]
    turned = [_turned(question, pictures) for question, pictures in rows]
    alike = scored(reader, turned, wording)
    return {
        "after another's history": stats.mean(ahead(scored(reader, others, wording))),
        "after no history": stats.mean(ahead(scored(reader, nothing, wording))),
        "after the same in another order": stats.mean(ahead(alike)),
        "same verdict in another order": stats.mean((ahead(alike) == ahead(usual)).astype(float)),
    }


def _turned(question: Question, pictures: Tensor) -> Row:
    """The history from its end to its beginning."""
    turned = [replace(one, picture=place) for place, one in enumerate(reversed(question.shown))]
    return replace(question, shown=turned), torch.cat([pictures[:-2].flip(0), pictures[-2:]])
