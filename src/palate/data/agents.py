"""A population as recipes: people, what they like and dislike, and pairs of pictures.

    people-*.parquet   person, split, liked and disliked values (words), affinities
    pairs-*.parquet    person, pair, split, content, liked and disliked look, their seeds

A million pictures are some twenty megabytes, because a picture is its recipe and is drawn when
somebody looks at it. People and prompts are split together: a test person sees test prompts only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from palate.data import shards
from palate.errors import BadInput
from palate.seeds import bits, name_key, uniform
from palate.sketchbook.people import World, affinities, attributes, chosen_looks
from palate.sketchbook.scenes import CONTENTS, Scene, look_from_codes

SPLITS = ("train", "validation", "test")
PICTURES_EACH = 990_998 / 50_153  # in PrefGen's agent data
_BLOCK = 10_000  # people in a shard

_LOOK = pa.list_(pa.uint8(), 12)  # the value's place within each dimension

PEOPLE = pa.schema(
    {
        "person": pa.int32(),
        "split": pa.dictionary(pa.int8(), pa.string()),
        "liked": pa.list_(pa.string()),
        "disliked": pa.list_(pa.string()),
        "affinity": pa.list_(pa.float32(), 50),
    }
)
PAIRS = pa.schema(
    {
        "person": pa.int32(),
        "pair": pa.int32(),
        "split": pa.dictionary(pa.int8(), pa.string()),
        "content": pa.int16(),  # place in sketchbook.CONTENTS
        "liked_look": _LOOK,
        "disliked_look": _LOOK,
        "liked_seed": pa.uint32(),
        "disliked_seed": pa.uint32(),
    }
)


@dataclass(frozen=True, kw_only=True)
class Population:
    """How many people, how many pictures each, and who is held out."""

    people: int = 50_153  # as many as PrefGen's agents …
    pictures: int = 990_998  # … and as many pictures: nine or ten pairs each
    validation: float = 0.05  # share of people
    test: float = 0.05
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        if self.people < 1:
            raise BadInput(f"{self.people} people were asked for; there must be at least 1.")
        if self.pictures % 2 or self.pictures < 2 * self.people:
            raise BadInput(
                f"{self.pictures} pictures for {self.people} people were asked for; pictures come "
                f"in pairs, so give an even number of at least {2 * self.people}."
            )
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise BadInput("The shares held out must not be negative and must leave some to train.")

    def pairs_of(self, people: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many pairs each person has: all the same, the first few one more."""
        each, more = divmod(self.pictures // 2, self.people)
        return each + (people < more)


def split_of_people(people: ArrayLike, population: Population) -> NDArray[np.int8]:
    """Each person's split, as a place in SPLITS; a person's does not depend on the others."""
    u = uniform(population.world.seed, name_key("split"), people)
    held = population.validation + population.test
    return np.where(u < population.test, 2, np.where(u < held, 1, 0)).astype(np.int8)


@cache
def split_of_contents() -> NDArray[np.int8]:
    """Each prompt's split: a tenth of the arrangements of each layout is held out each way.

    By arrangement, because "a cat left of a cup" and "a cup right of a cat" are the same picture.
    """
    layouts: dict[str, list[tuple[str, ...]]] = {}
    for arrangement in dict.fromkeys(c.arrangement for c in CONTENTS):
        layouts.setdefault(arrangement[0], []).append(arrangement)
    split = {}
    for layout, arrangements in layouts.items():
        luck = uniform(name_key("prompts"), name_key(layout), np.arange(len(arrangements)))
        share = max(1, round(len(arrangements) / 10))
        for rank, i in enumerate(np.argsort(luck, kind="stable")):
            split[arrangements[i]] = 2 if rank < share else 1 if rank < 2 * share else 0
    return np.array([split[c.arrangement] for c in CONTENTS], np.int8)


def people_table(people: NDArray[np.int64], population: Population) -> pa.Table:
    """What is known of some people."""
    affinity = affinities(people, population.world)
    words = [attributes(a) for a in affinity]
    columns = {
        "person": pa.array(people, pa.int32()),
        "split": _splits(split_of_people(people, population)),
        "liked": pa.array([w[0] for w in words], PEOPLE.field("liked").type),
        "disliked": pa.array([w[1] for w in words], PEOPLE.field("disliked").type),
        "affinity": _rows(affinity.astype(np.float32), PEOPLE.field("affinity").type),
    }
    return pa.table(columns, schema=PEOPLE)


def pairs_table(people: NDArray[np.int64], population: Population) -> pa.Table:
    """The liked and disliked pictures of some people, as recipes."""
    world, counts = population.world, population.pairs_of(people)
    most = int(counts.max())
    kept = np.arange(most) < counts[:, None]  # (people, most)
    liked, disliked = chosen_looks(affinities(people, world), people, most, world)
    person, pair = (
        np.broadcast_to(a, kept.shape)[kept] for a in (people[:, None], np.arange(most))
    )
    split = split_of_people(person, population)
    columns = {
        "person": pa.array(person, pa.int32()),
        "pair": pa.array(pair, pa.int32()),
        "split": _splits(split),
        "content": pa.array(_contents(person, pair, split, world), pa.int16()),
        "liked_look": _rows(liked[kept], _LOOK),
        "disliked_look": _rows(disliked[kept], _LOOK),
        "liked_seed": _picture_seeds(person, pair, 0, world),
        "disliked_seed": _picture_seeds(person, pair, 1, world),
    }
    return pa.table(columns, schema=PAIRS)


def _contents(
    person: NDArray[np.int64], pair: NDArray[np.int64], split: NDArray[np.int8], world: World
) -> NDArray[np.int64]:
    """What each pair shows: a prompt of the person's own split."""
    u = uniform(world.seed, name_key("content"), person, pair)
    contents, chosen = split_of_contents(), np.empty(len(person), np.int64)
    for s in range(len(SPLITS)):
        choices, rows = np.flatnonzero(contents == s), split == s
        chosen[rows] = choices[(u[rows] * len(choices)).astype(int)]
    return chosen


def _picture_seeds(
    person: NDArray[np.int64], pair: NDArray[np.int64], side: int, world: World
) -> pa.Array:
    drawn = bits(world.seed, name_key("picture"), person, pair, side)
    return pa.array((drawn >> np.uint64(32)).astype(np.uint32))


def _splits(codes: NDArray[np.int8]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(SPLITS))


def _rows(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, type=kind)


def build(
    out: Path,
    population: Population,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[shards.Shard]:
    """The whole population as shards of ten thousand people; started again, it goes on."""
    writers: dict[str, Callable[[Path], None]] = {}
    for number, start in enumerate(range(0, population.people, _BLOCK)):
        people = np.arange(start, min(start + _BLOCK, population.people))
        for kind, table in (("people", people_table), ("pairs", pairs_table)):
            writers[f"{kind}-{number:05d}.parquet"] = _writer(table, people, population)
    return shards.build(out, {"agents": 1, **asdict(population)}, writers, progress)


def _writer(
    table: Callable[[NDArray[np.int64], Population], pa.Table],
    people: NDArray[np.int64],
    population: Population,
) -> Callable[[Path], None]:
    return lambda path: shards.write_table(path, table(people, population))


def scenes(pairs: pa.Table) -> Iterator[tuple[Scene, Scene]]:
    """The liked and the disliked scene of every row."""
    rows = zip(*(pairs[name].to_pylist() for name in _RECIPE), strict=True)
    for content, liked, disliked, liked_seed, disliked_seed in rows:
        yield _scene(content, liked, liked_seed), _scene(content, disliked, disliked_seed)


_RECIPE = ("content", "liked_look", "disliked_look", "liked_seed", "disliked_seed")


def _scene(content: int, look: list[int], seed: int) -> Scene:
    return Scene(content=CONTENTS[content], look=look_from_codes(look), seed=seed)
