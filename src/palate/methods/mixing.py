"""Profiles of several people as one: a weighted mean of what one method made of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from palate.errors import BadInput, Mismatch
from palate.types import Profile, Word


def mixed(profiles: Sequence[Profile], weights: Sequence[float] | None = None) -> Profile:
    """Σ w_i x_i / Σ w_i of tensors and words; equal weights if none are given.

    A weight below zero leads away from that person. Of tensors, those that everybody has.
    """
    weights = _checked(profiles, weights)
    first = profiles[0]
    names = [name for name in first.tensors if all(name in p.tensors for p in profiles)]
    parts = {name: [profile.tensors[name] for profile in profiles] for name in names}
    for name, tensors in parts.items():
        if len(shapes := {tuple(tensor.shape) for tensor in tensors}) > 1:
            told = " and ".join(map(str, sorted(shapes)))
            raise Mismatch(f"{name} is {told} in these profiles; they cannot be mixed.")
    means = {name: _mean(tensors, weights) for name, tensors in parts.items()}
    return replace(
        first,
        tensors=means,
        words=_words(profiles, weights),
        liked=sum(profile.liked for profile in profiles),
        disliked=sum(profile.disliked for profile in profiles),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def between(one: Profile, other: Profile, steps: int) -> list[Profile]:
    """The way from one person to another, both of them included."""
    if steps < 2:
        raise BadInput(f"A way of {steps} steps was asked for; it has 2 at least, both ends.")
    shares = [step / (steps - 1) for step in range(steps)]
    return [mixed([one, other], [1 - share, share]) for share in shares]


def _checked(profiles: Sequence[Profile], weights: Sequence[float] | None) -> list[float]:
    """The weights, made to sum to 1, if the profiles belong together."""
    if not profiles:
        raise BadInput("There is nobody to mix. Give two profiles or more.")
    weights = [1.0] * len(profiles) if weights is None else list(weights)
    if len(weights) != len(profiles):
        raise BadInput(
            f"There are {len(profiles)} profiles and {len(weights)} weights. Give one for each."
        )
    if not all(map(isfinite, weights)) or abs(sum(weights)) < 1e-6:
        raise BadInput(
            f"The weights are {', '.join(f'{w:g}' for w in weights)}; they must be numbers whose "
            "sum is not 0, as 0.3 and 0.7."
        )
    for profile in profiles[1:]:
        for what in ("method", "backbone"):
            mine, theirs = getattr(profiles[0], what), getattr(profile, what)
            if mine != theirs:
                raise Mismatch(
                    f"One profile was made by the {what} {mine} and one by {theirs}; only "
                    "profiles of the same can be mixed. Read the tastes again with one of them."
                )
    return [weight / sum(weights) for weight in weights]


def _mean(tensors: Sequence[Any], weights: Sequence[float]) -> Any:
    """In fp32, whatever they are kept in."""
    whole: Any = sum(w * tensor.float() for w, tensor in zip(weights, tensors, strict=True))
    return whole.to(tensors[0].dtype)


def _words(profiles: Sequence[Profile], weights: Sequence[float]) -> tuple[Word, ...]:
    """Everybody's words; who does not have one counts as 0."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for profile, weight in zip(profiles, weights, strict=True):
        for word in profile.words:
            sums[word.text, word.category] += weight * word.weight
    ranked = sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))
    return tuple(
        Word(text=text, category=category, weight=round(value, 6))
        for (text, category), value in ranked
        if round(value, 6)
    )
