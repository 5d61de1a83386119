"""People whose taste is known exactly: affinities, utility, and what they like and dislike.

Each person has an affinity for every one of the fifty values: a blend of a few dozen archetypes
plus something personal, of unit scale. The utility of a picture is the sum of the affinities of its
twelve values. Everything is a pure function of the world and the person's number, so person 40,000
is the same drawn alone or among a million.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from palate.errors import BadInput
from palate.seeds import name_key, normal, pick, uniform
from palate.sketchbook.vocabulary import OFFSETS, SIZES, VALUES

Affinities = NDArray[np.float64]  # (..., 50)
Looks = NDArray[np.uint8]  # (..., 12), the value's place within each dimension

_SPLIT_AT = 5  # 8·6·4·4·3 = 2304 looks on one side of it, 5·4·3·3·4·3·3 = 6480 on the other


@dataclass(frozen=True, kw_only=True)
class World:
    """A population. The numbers make taste neither trivial nor noise (see docs/sketchbook.md)."""

    seed: int = 0
    archetypes: int = 24
    personal: float = 0.6  # share of the spread that is a person's own, the rest is archetypes
    temperature: float = 0.7  # of the softmax that turns affinity into choice
    neutral: float = 0.5  # share of dimensions drawn without regard to taste, in any one picture

    def __post_init__(self) -> None:
        if self.archetypes < 1 or self.temperature <= 0:
            raise BadInput("A world needs at least one archetype and a temperature above 0.")
        if not (0 <= self.personal <= 1 and 0 <= self.neutral <= 1):
            raise BadInput("A world's personal and neutral shares lie between 0 and 1.")

    @cached_property
    def _kinds(self) -> NDArray[np.float64]:
        """What each archetype likes, (archetypes, 50)."""
        return normal(self.seed, _ARCHETYPE, np.arange(self.archetypes)[:, None], np.arange(50))


_ARCHETYPE, _BLEND, _OWN = (name_key(n) for n in ("archetype", "blend", "own taste"))
_LOOK, _NEUTRAL = name_key("look"), name_key("neutral")


def affinities(people: ArrayLike, world: World) -> Affinities:
    """How much each person likes each value, (people, 50): mean 0 and unit scale in a dimension."""
    person = np.asarray(people)[:, None]
    # Cubed, so that one or two archetypes dominate a person.
    blend = normal(world.seed, _BLEND, person, np.arange(world.archetypes)) ** 3
    blend /= np.linalg.norm(blend, axis=1, keepdims=True)
    own = normal(world.seed, _OWN, person, np.arange(len(VALUES)))
    # Added up one archetype at a time: a matrix product rounds differently in another batch.
    shared = sum(blend[:, k, None] * kind for k, kind in enumerate(world._kinds))
    taste = np.sqrt(1 - world.personal) * shared + np.sqrt(world.personal) * own
    for start, count in zip(OFFSETS, SIZES, strict=True):
        values = taste[:, start : start + count]
        values -= values.mean(axis=1, keepdims=True)
        values *= np.sqrt(count / (count - 1))  # what centring took from the spread
    return np.round(taste, 6)  # no processor's last digit may tell people apart


def likelier(affinity: Affinities, world: World) -> NDArray[np.float64]:
    """Of each value, how much likelier it is in what a person likes than in any picture.

    A dimension ignores taste with the probability `neutral`, and else is a softmax of affinities.
    """
    found = np.empty_like(affinity)
    for start, count in zip(OFFSETS, SIZES, strict=True):
        wish = np.exp(affinity[..., start : start + count] / world.temperature)
        found[..., start : start + count] = count * wish / wish.sum(axis=-1, keepdims=True)
    return world.neutral + (1 - world.neutral) * found


def utility(affinity: Affinities, looks: Looks) -> NDArray[np.float64]:
    """How much a person likes a picture: the sum over its twelve values. Leading axes broadcast."""
    places = looks.astype(np.int64) + np.asarray(OFFSETS)
    shape = np.broadcast_shapes(affinity.shape[:-1], places.shape[:-1])
    affinity = np.broadcast_to(affinity, (*shape, affinity.shape[-1]))
    places = np.broadcast_to(places, (*shape, places.shape[-1]))
    return np.take_along_axis(affinity, places, axis=-1).sum(axis=-1)


def percentile(affinity: Affinities, utilities: ArrayLike) -> NDArray[np.float64]:
    """The exact share of all looks (almost 15 million) one person likes less; ties count half.

    The looks split into two halves of dimensions; all sums of one half are sorted, and each sum of
    the other half finds by bisection how many stay below.
    """
    halves = [_all_sums(affinity, range(_SPLIT_AT)), _all_sums(affinity, range(_SPLIT_AT, 12))]
    few, many = halves[0], np.sort(halves[1])
    wanted = np.asarray(utilities, float)[..., None] - few
    slack = 1e-9  # two sums of the same values in another order differ by rounding
    below = np.searchsorted(many, wanted - slack, side="left")
    equal = np.searchsorted(many, wanted + slack, side="right") - below
    return (below + 0.5 * equal).sum(axis=-1) / (len(few) * len(many))


def _all_sums(affinity: Affinities, dimensions: range) -> NDArray[np.float64]:
    """The utility of every combination of values of some dimensions."""
    sums = np.zeros(1)
    for d in dimensions:
        sums = (sums[:, None] + affinity[OFFSETS[d] : OFFSETS[d] + SIZES[d]]).ravel()
    return sums


def attributes(affinity: Affinities) -> tuple[list[str], list[str]]:
    """The values a person likes and dislikes, strongest first: about fifty in all."""
    order = np.argsort(-affinity, kind="stable")
    liked = [VALUES[i][1] for i in order if affinity[i] > 0]
    disliked = [VALUES[i][1] for i in order[::-1] if affinity[i] < 0]
    return liked, disliked


def chosen_looks(
    affinity: Affinities, people: ArrayLike, pairs: int, world: World
) -> tuple[Looks, Looks]:
    """Looks each person likes and dislikes, (people, pairs, 12) each.

    In a pair, about half of the dimensions ignore taste; which ones is the same on both sides.
    """
    keys = (world.seed, np.asarray(people)[:, None, None], np.arange(pairs)[:, None], np.arange(12))
    neutral = uniform(*keys, _NEUTRAL) < world.neutral
    sides = []
    for sign in (1, -1):
        u = uniform(*keys, _LOOK, sign + 1)
        look = np.empty(u.shape, np.uint8)
        for d, (start, count) in enumerate(zip(OFFSETS, SIZES, strict=True)):
            by_taste = np.exp(sign * affinity[:, start : start + count] / world.temperature)
            drawn = pick(by_taste[:, None, :], u[..., d])
            look[..., d] = np.where(neutral[..., d], (u[..., d] * count).astype(int), drawn)
        sides.append(look)
    return sides[0], sides[1]
