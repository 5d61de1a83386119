"""Whether pictures fit a person, in the drawn world, where that has a true answer.

taste     the exact share of all looks the person likes less than what the judge sees in the picture
content   whether the picture shows what the prompt says
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palate.backbones.judges import Judge, Sight
from palate.evals.stats import Figure, mean, share
from palate.sketchbook.people import World, affinities, percentile, utility
from palate.sketchbook.scenes import Content
from palate.types import Picture


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Who a picture is for, and what it is to show."""

    person: int
    content: Content


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """Each picture's taste (0 to 1) and whether its content is right."""

    taste: NDArray[np.float64]
    content: NDArray[np.bool_]


def scored(
    pictures: Sequence[Picture], wishes: Sequence[Wish], judge: Judge, world: World | None = None
) -> Scores:
    """What the judge sees, in the eyes of the people the pictures are for."""
    assert len(pictures) == len(wishes), (len(pictures), len(wishes))
    return fitting(judge.look_at(np.stack([p.pixels for p in pictures])), wishes, world)


def fitting(sight: Sight, wishes: Sequence[Wish], world: World | None = None) -> Scores:
    """Scores of what a judge saw already."""
    people = affinities([wish.person for wish in wishes], world or World())
    liked = [
        float(percentile(affinity, utility(affinity, look)))
        for affinity, look in zip(people, sight.looks, strict=True)
    ]
    seen = zip(sight.arrangements, wishes, strict=True)
    right = [arrangement == wish.content.arrangement for arrangement, wish in seen]
    return Scores(taste=np.array(liked), content=np.array(right))


@dataclass(frozen=True, kw_only=True)
class Against:
    """One way to make pictures beside another, the same people, prompts and seeds."""

    taste: Figure  # mean difference; above zero, the first pleases more
    wins: Figure  # share of pictures that please more; ties count half
    content: Figure  # mean difference


def against(mine: Scores, other: Scores, wishes: Sequence[Wish], *, seed: int = 0) -> Against:
    """Differences picture by picture; intervals from drawing people anew."""
    people = [wish.person for wish in wishes]
    more = np.sign(mine.taste - other.taste) / 2 + 0.5
    right = mine.content.astype(float) - other.content
    return Against(
        taste=mean(mine.taste - other.taste, people, seed=seed),
        wins=mean(more, people, seed=seed),
        content=mean(right, people, seed=seed),
    )


def alone(mine: Scores, wishes: Sequence[Wish], *, seed: int = 0) -> tuple[Figure, Figure]:
    """Mean taste and the share of right contents."""
    people = [wish.person for wish in wishes]
    return mean(mine.taste, people, seed=seed), share(mine.content, people, seed=seed)
