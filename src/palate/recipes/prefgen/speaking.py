"""How far off the flow is of what people like: with their own tokens, another's, and nobody's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from palate.backbones import Voice
from palate.methods.prefgen.method import PrefGen
from palate.methods.prefgen.model import Embedded
from palate.recipes.generating import missed, noised, weights_of
from palate.recipes.histories import Items
from palate.recipes.recipe import Parts


@dataclass(frozen=True, kw_only=True)
class Speaking(Parts):
    """Parts that know the whole method."""

    method: PrefGen


@torch.no_grad()
def errors(method: PrefGen, items: Items, told: Sequence[str]) -> dict[str, float]:
    """Of one liked picture of each, told its prompt."""
    rows = [items[i] for i in range(len(items))]
    people = Embedded(
        **{
            name: torch.stack([torch.from_numpy(row[1 + i][0]).float() for row in rows])
            for i, name in enumerate(("sem", "core", "img"))
        }
    )
    latents = torch.stack([torch.from_numpy(row[4][0]).float() for row in rows])
    step = noised(latents, torch.Generator().manual_seed(0))
    said = method.backbone.encode(list(told))
    own = method.conditioner(people)
    voices = {
        "own": own,
        "another's": own.roll(1, 0),
        "nobody's": own * 0 + method.conditioner.nobody(),
    }
    found, weights = {}, weights_of(method.backbone.pipe.vae)
    for name, tokens in voices.items():
        with method.backbone.attending(Voice(tokens=tokens, adapter=method.adapter)):
            flow = method.backbone.predict(step.latents, step.t, said)
        found[f"flow error, {name} tokens"] = float(missed(flow, step.target, weights).mean())
    return found
