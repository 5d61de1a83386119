"""Profiles and prompts as directions of the base model's modulation, once before the first step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from palate.backbones import FLUX, Delta
from palate.methods.premier.hearing import Prompts
from palate.methods.premier.model import Modulator
from palate.types import Profile, Request

if TYPE_CHECKING:
    from jaxtyping import Float

USER = "user"  # a profile's only tensor


@torch.no_grad()
def deltas(
    profiles: Sequence[Profile],
    requests: Sequence[Request],
    modulator: Modulator,
    middle: Float[Tensor, "1 T U"],
    backbone: FLUX,
    onset: float = 0.0,
) -> list[Delta]:
    """What turns the text of these pictures; the same person and prompt are computed once.

    At `avoid` it is also taken away from who is this person's opposite: as far from the middle of
    all people, on the other side. Before the `onset`, a share of the steps, the model is alone;
    a share of less than one step is none, so that a picture of few steps is somebody's, too.
    """
    strength = tuple(request.strength for request in requests)
    avoid = tuple(  # who dislikes nothing has nothing to avoid
        request.avoid if profile.disliked else 0.0
        for profile, request in zip(profiles, requests, strict=True)
    )
    if not any((*strength, *avoid)):
        return []
    steps = min(backbone.complete(request).steps or 1 for request in requests)
    onset = onset if onset * steps >= 1 else 0.0
    asked = [(id(p), r.prompt) for p, r in zip(profiles, requests, strict=True)]
    places = {pair: place for place, pair in enumerate(dict.fromkeys(asked))}
    rows = [places[pair] for pair in asked]
    told = {prompt: row for row, prompt in enumerate(dict.fromkeys(p for _, p in places))}
    prompts, weight = (
        Prompts.of(backbone, list(told), modulator.sizes),
        next(modulator.parameters()),
    )
    said, nothing = prompts.heard([told[prompt] for _, prompt in places], weight)
    person = {id(profile): profile.tensors[USER] for profile in profiles}
    people = torch.stack([person[who] for who, _ in places]).to(said)
    own, like = modulator(people, said, nothing), prompts.text.tokens
    found = [own.rows(rows, like).delta(modulator.sizes, strength, onset)]
    if any(avoid):
        middle = middle.to(said).expand_as(people)
        sides = (modulator(who, said, nothing) for who in (middle, 2 * middle - people))
        away = next(sides).less(next(sides))
        found.append(away.rows(rows, like).delta(modulator.sizes, avoid, onset))
    return found
