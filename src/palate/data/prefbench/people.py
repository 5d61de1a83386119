"""What PrefBench says about one person, whichever layout it came from."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from palate.errors import BadTable

Attributes = str | tuple[str, ...]  # released as one string, elsewhere as a list: kept as found


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One prompt, drawn in a way the person dislikes and in one they like (file names)."""

    negative: str
    positive: str
    prompt: str


@dataclass(frozen=True, kw_only=True)
class Target:
    """A liked picture held out, to be made again from its caption and the person's history."""

    image: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person; only the PKL layout knows attributes, only the JSON layout knows targets."""

    id: str | int
    pairs: tuple[Pair, ...]
    liked_attributes: Attributes = ()
    disliked_attributes: Attributes = ()
    targets: tuple[Target, ...] = ()

    @property
    def pictures(self) -> Iterator[str]:
        """Every file this person's record names."""
        for pair in self.pairs:
            yield from (pair.negative, pair.positive)
        yield from (target.image for target in self.targets)


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A picture, or a profile pictures were drawn in, that more than one split uses."""

    kind: str  # "picture" or "profile"
    name: str
    splits: tuple[str, ...]


def joined(people: Iterable[Person]) -> list[Person]:
    """One value for each person: the JSON layout has a record for every target of a person."""
    found: dict[str | int, Person] = {}
    for person in people:
        known = found.get(person.id)
        found[person.id] = _join(known, person) if known else person
    return list(found.values())


def _join(one: Person, other: Person) -> Person:
    return replace(
        one,
        pairs=tuple(dict.fromkeys(one.pairs + other.pairs)),  # two records share most references
        targets=tuple(dict.fromkeys(one.targets + other.targets)),
        liked_attributes=one.liked_attributes or other.liked_attributes,
        disliked_attributes=one.disliked_attributes or other.disliked_attributes,
    )


def profile_of(file_name: str) -> str:
    """The profile a picture was drawn in: 0000001 for diffusiondb/18869_0000001.png.

    That names read {prompt id}_{profile id}.png is inferred from the released files, not stated.
    """
    match = re.fullmatch(r"(?:.*/)?\d+_(\d+)\.\w+", file_name)
    if match is None:
        raise BadTable(
            f"The picture name {file_name!r} is not of the form {{prompt id}}_{{profile id}}.png, "
            "so nobody can tell which profile it was drawn in."
        )
    return match[1]


def leaks(people: Mapping[str, Sequence[Person]]) -> tuple[Leak, ...]:
    """What splits share, given the people of each. Unusual names are compared as pictures only."""
    splits: dict[tuple[str, str], list[str]] = defaultdict(list)
    for split, members in people.items():
        pictures = {picture for person in members for picture in person.pictures}
        # Whether coco and diffusiondb number their profiles together is not known: as if they did.
        for kind, names in (("picture", pictures), ("profile", _profiles(pictures))):
            for name in names:
                splits[kind, name].append(split)
    shared = sorted((key, tuple(used)) for key, used in splits.items() if len(used) > 1)
    return tuple(Leak(kind=kind, name=name, splits=used) for (kind, name), used in shared)


def _profiles(pictures: set[str]) -> set[str]:
    found = set()
    for picture in pictures:
        try:
            found.add(profile_of(picture))
        except BadTable:
            continue
    return found
