"""Whether pictures say whom they were made for: each is asked whose, among all people.

By chance the right person is among the first k of N in k / N, and the mean of 1 / rank is H_N / N.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray

from palate.errors import BadInput
from palate.evals import stats
from palate.evals.measures import Measure, Seen, one_eye


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """How often the right person is found, and how often chance finds them."""

    top: dict[int, Measure]  # by k
    reciprocal: Measure  # the mean of 1 / rank
    chance: dict[int, float]
    chance_reciprocal: float


def retrieval(
    made: Seen,
    whose: Sequence[Hashable],
    people: Seen,
    names: Sequence[Hashable],
    *,
    first: Sequence[int] = (1, 16),
    seed: int = 0,
) -> Retrieval:
    """Rank people by cosine for each picture; every person counts alike, however many pictures.

    Whoever is as near as the right person stands before them half of the time.
    """
    eye, size = one_eye(made, people), len(people)
    before, level = _places(made, whose, people, names)
    protocol = f"cosine among {size} people, a mean over people"

    def of(name: str, values: NDArray[np.float64]) -> Measure:
        figure = stats.mean(*_by_person(values, whose), seed=seed)
        return Measure(name=name, figure=figure, eye=eye, seed=seed, protocol=protocol)

    within = {k: of(f"top-{k}", _within(k, before, level)) for k in first}
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, size + 1))])
    ranks = (harmonic[before + level] - harmonic[before]) / level
    return Retrieval(
        top=within,
        reciprocal=of("1 / rank", ranks),
        chance={k: min(1.0, k / size) for k in first},
        chance_reciprocal=float(harmonic[size] / size),
    )


def among(
    first: int,
    made: Seen,
    whose: Sequence[Hashable],
    people: Seen,
    names: Sequence[Hashable],
) -> NDArray[np.float64]:
    """For each picture, whether its person is among the first; level ones stand in any order."""
    return _within(first, *_places(made, whose, people, names))


def _within(k: int, before: NDArray[np.int64], level: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.clip((k - before) / level, 0, 1)


def _check(made: Seen, whose: Sequence[Hashable], people: Seen, names: Sequence[Hashable]) -> None:
    assert len(whose) == len(made) and len(names) == len(people) == len(set(names))
    unknown = sorted({str(person) for person in set(whose) - set(names)})
    if unknown:
        raise BadInput(
            f"{', '.join(unknown[:5])} cannot be found: not among the {len(people)} people there "
            "are to be found. Add them, or leave their pictures out."
        )
    shared = set(made.keys) & set(people.keys)
    if shared:
        raise BadInput(
            f"{len(shared)} pictures are both asked about and what a person is known by: they "
            "would find themselves. Leave them out of one side."
        )


def _places(
    made: Seen, whose: Sequence[Hashable], people: Seen, names: Sequence[Hashable]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many stand before the right person, and how many are level, themselves among them."""
    _check(made, whose, people, names)
    number = {name: i for i, name in enumerate(names)}
    true = np.array([number[person] for person in whose])
    cosines = (F.normalize(made.points, dim=1) @ F.normalize(people.points, dim=1).T).numpy()
    right = cosines[np.arange(len(true)), true][:, None]
    return (cosines > right).sum(1), (cosines == right).sum(1)


def _by_person(
    values: NDArray[np.float64], whose: Sequence[Hashable]
) -> tuple[NDArray[np.float64], None]:
    sums, counts = stats.by_unit(values, whose)
    return sums / counts, None
