"""How far off the flow is of what people like: as themselves, as others, as nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from palate.methods.premier.hearing import Prompts
from palate.methods.premier.loss import apart
from palate.methods.premier.method import Premier
from palate.methods.premier.newcomers import coefficients, combined
from palate.recipes.crowd import Crowd
from palate.recipes.generating import Noised, encoded, missed, noised
from palate.recipes.recipe import Parts
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import Scene
from palate.sketchbook.words import prompt_of


@dataclass(frozen=True, kw_only=True)
class Turning(Parts):
    """Parts that know the whole method."""

    method: Premier
    weights: Tensor  # how much each latent channel counts


def measured(parts: Turning, tested: int, history: int) -> dict[str, float]:
    """New people, and those who were trained with, on pictures nobody was trained on."""
    method = parts.method
    known = min(tested, len(method.users.table))
    new = Crowd(split="test", people=tested, pairs=history + 1).scenes()
    old = Crowd(split="train", people=known, pairs=1).scenes()
    placed = torch.stack([_placed(method, pairs[:-1]) for pairs in new])
    found = {
        "new people": errors(parts, placed, [pairs[-1][0] for pairs in new]),
        "trained people": errors(parts, method.users.table[:known], [p[0][0] for p in old]),
    }
    return {
        **{f"flow error, {who}, {n}": v for who, some in found.items() for n, v in some.items()},
        **distances(method, known),
        "bytes of a person": float(2 * method.users.table[0].numel()),
    }


def _placed(method: Premier, pairs: Sequence[tuple[Scene, Scene]]) -> Tensor:
    sides = [[draw(scene) for scene in side] for side in zip(*pairs, strict=True)]
    liked, disliked = (method.eyes.see(side) for side in sides)
    return combined(method.users.table.cpu(), coefficients(method.known, liked, disliked))


@torch.no_grad()
def errors(parts: Turning, people: Tensor, scenes: Sequence[Scene]) -> dict[str, float]:
    """Errors of the flow of what each of them likes: as themselves, as others, as nobody."""
    method, weights = parts.method, parts.weights
    backbone, modulator = method.backbone, method.modulator
    weight = next(modulator.parameters())
    pictures = torch.from_numpy(np.stack([draw(scene) for scene in scenes]))
    latents = encoded(backbone.pipe.vae, pictures).float()
    step = noised(latents.to(weight.device), torch.Generator().manual_seed(0))
    told = [prompt_of(scene.content) for scene in scenes]
    prompts, rows = Prompts.of(backbone, told, modulator.sizes), range(len(told))
    said, people = prompts.text.rows(rows), people.to(weight)
    whose = {
        "own tokens": people,
        "another's": people.roll(1, 0),
        "the middle of all": method.users.middle().expand_as(people),
    }
    found = {"no tokens": _off(parts, step, said, weights)}
    for name, tokens in whose.items():
        turned = modulator(tokens, *prompts.heard(rows, weight))
        with backbone.modulating(turned.delta(modulator.sizes)):
            found[name] = _off(parts, step, said, weights)
    return found


def _off(parts: Turning, step: Noised, said: Any, weights: Tensor) -> float:
    guess = parts.method.backbone.predict(step.latents, step.t, said)
    return float(missed(guess, step.target, weights).mean())


@torch.no_grad()
def distances(method: Premier, people: int) -> dict[str, float]:
    """How far apart trained people's directions are at the empty prompt, a number of them."""
    some = method.users.table[:people]
    nothing = Prompts.of(method.backbone, [], method.modulator.sizes).nothing(some)
    turned = method.modulator(some, nothing.expand(len(some), -1, -1), nothing)
    found = {}
    for name, part in turned.parts().items():
        away = apart(part) / part[0].numel() ** 0.5
        found[f"people apart, {name}"] = float(away.sum() / max(1, len(some) * (len(some) - 1)))
    return found
