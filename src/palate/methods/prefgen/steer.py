"""Profiles as a voice beside the text in every cross-attention of the base model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from palate.backbones import FLUX, SDXL, Voice
from palate.backbones.voices import VoiceAdapter
from palate.methods.prefgen.model import Conditioner, Embedded
from palate.types import Profile, Request

PARTS = ("sem", "core", "img")
AWAY = "away_"


def rows(people: Embedded, prefix: str = "") -> Iterator[dict[str, Tensor]]:
    """Everybody's embeddings as a profile keeps them."""
    for row in range(len(people.sem)):
        own = {prefix + name: getattr(people, name)[row] for name in PARTS}
        yield {name: part.detach().float().cpu().clone() for name, part in own.items()}


def from_tensors(profiles: Sequence[Profile], prefix: str = "") -> Embedded:
    """Some people's embeddings; whoever dislikes nothing is nobody where dislikes are asked for."""
    rows = {
        name: torch.stack(
            [p.tensors.get(prefix + name, torch.zeros_like(p.tensors[name])) for p in profiles]
        )
        for name in PARTS
    }
    return Embedded(**rows)


@torch.no_grad()
def voices(
    profiles: Sequence[Profile],
    requests: Sequence[Request],
    conditioner: Conditioner,
    adapter: VoiceAdapter,
    backbone: SDXL | FLUX,
) -> list[Voice]:
    """What speaks for these people.

    Where the negative prompt is heard, nobody speaks; with `avoid`, as much of who likes what they
    dislike as it says, whatever the strength. A picture without guidance hears no negative prompt:
    there, that person is taken away from what is said, by as much.
    """
    weight = next(conditioner.parameters())
    tokens = conditioner(_on(from_tensors(profiles), weight))
    nobody = conditioner.nobody().expand_as(tokens)
    own = Voice(
        tokens=tokens,
        negative=nobody,
        adapter=adapter,
        strength=tuple(request.strength for request in requests),
    )
    avoid = tuple(  # who dislikes nothing has nothing to avoid
        request.avoid if AWAY + PARTS[0] in profile.tensors else 0.0
        for profile, request in zip(profiles, requests, strict=True)
    )
    if not any(avoid):
        return [own]
    away = conditioner(_on(from_tensors(profiles, AWAY), weight))
    guided = [backbone.guided(backbone.complete(request)) for request in requests]
    heard = torch.tensor(guided).to(weight)[:, None, None]  # tokens of 0 say nothing
    sign = [1.0 if one else -1.0 for one in guided]
    more = tuple(side * share for side, share in zip(sign, avoid, strict=True))
    less = tuple(-share for share in more)
    return [own] + [
        Voice(tokens=(1 - heard) * them, negative=heard * them, adapter=adapter, strength=strength)
        for them, strength in ((away, more), (nobody, less))
    ]


def _on(people: Embedded, like: Tensor) -> Embedded:
    return Embedded(**{name: getattr(people, name).to(like) for name in PARTS})
