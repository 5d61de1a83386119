"""The path: a taste becomes a profile, a profile steers a backbone, the backbone makes pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from palate.errors import Mismatch
from palate.store import profile_fingerprint
from palate.types import Backbone, Mark, Method, Picture, Profile, Request, Taste

T = TypeVar("T")
Person = Taste | Profile


def generate(
    people: Person | Sequence[Person], requests: Request | Sequence[Request], *, method: Method
) -> list[Picture]:
    """One picture for each request, made to fit the person it is paired with.

    One person may ask for many pictures. A taste is read once; a profile is taken as it is.
    """
    wanted = _listed(requests)
    profiles = _paired([_profile(person, method) for person in _listed(people)], len(wanted))
    with method.steer(profiles, wanted) as lent:
        pictures = lent.sample(wanted)
    return [signed(p, method, profile) for p, profile in zip(pictures, profiles, strict=True)]


def plain(requests: Request | Sequence[Request], *, backbone: Backbone) -> list[Picture]:
    """What the base model makes of the requests, for nobody in particular."""
    return backbone.sample(_listed(requests))


def _profile(person: Person, method: Method) -> Profile:
    return person if isinstance(person, Profile) else method.read(person)


def _paired(profiles: list[Profile], requests: int) -> list[Profile]:
    if len(profiles) not in (1, requests):
        raise Mismatch(
            f"There are {len(profiles)} people and {requests} requests. Give one person for all "
            "of them, or one for each."
        )
    return profiles if len(profiles) == requests else profiles * requests


def signed(picture: Picture, method: Method, profile: Profile) -> Picture:
    """The picture, saying by which method and from which profile it was made."""
    mark = Mark(name=profile.method.name, fingerprint=profile_fingerprint(profile))
    return replace(picture, method=method.mark, profile=mark)


def _listed(one_or_many: T | Sequence[T]) -> list[T]:
    return list(one_or_many) if isinstance(one_or_many, Sequence) else [one_or_many]
