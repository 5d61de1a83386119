"""The seams as cases of one contract: what is lent, to what, for whom, how strongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from palate.backbones import FLUX, SDXL, Delta, Embeddings, Voice
from palate.backbones.tiny import tiny_flux, tiny_sdxl
from palate.seeds import noise_for
from palate.types import Request

Strength = float | tuple[float, ...]
PROMPTS = ("a lighthouse", "two cats", "a red cup")


@dataclass(frozen=True, kw_only=True)
class Seam:
    """One way of lending a backbone."""

    backbone: Callable[[], Any]
    made_for: Callable[[Sequence[int], Strength], Any]  # whose, how strongly -> what is lent
    lend: Callable[[Any, Any], AbstractContextManager[Any]]
    learns: Callable[[Any], list[Tensor]]  # the tensors that training would change


@cache
def sdxl() -> SDXL:
    return tiny_sdxl()


@cache
def flux(distilled: bool) -> FLUX:
    return tiny_flux(distilled=distilled)


@cache
def loud_adapter(backbone: Any = None) -> Any:
    """Keys and values that say something."""
    adapter = (backbone or sdxl()).new_adapter(tokens=24)
    stream = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight in adapter.parameters():
            weight.copy_(torch.randn(weight.shape, generator=stream) / weight.shape[1] ** 0.5)
    return adapter


def person(who: Sequence[int], *shape: int, size: float = 1.0) -> Tensor:
    """Numbers of their own for each of these people."""
    return (size * noise_for([1000 + number for number in who], shape)).requires_grad_()


def voice(who: Sequence[int], strength: Strength = 1.0, **options: Any) -> Voice:
    tokens = person(who, 5, 24)
    return Voice(tokens=tokens, adapter=loud_adapter(), strength=strength, **options)


def flux_voice(who: Sequence[int], distilled: bool, strength: Strength = 1.0) -> Voice:
    tokens = person(who, 5, 24)
    return Voice(tokens=tokens, adapter=loud_adapter(flux(distilled)), strength=strength)


def region(who: Sequence[int], strength: Strength = 1.0) -> Voice:
    """Other words in the left half, said with the model's own keys and values."""
    mask = torch.zeros(8, 8)
    mask[:, :4] = 1
    return Voice(tokens=person(who, 77, 64), instead=True, mask=mask, strength=strength)


def delta(who: Sequence[int], strength: Strength, blocks: Any) -> Delta:
    shared, each = person(who, 48, 32), person(who, 48, 2 if blocks == "double" else 4, 32)
    return Delta(shared=shared, each=each, strength=strength, blocks=blocks)


def delta_parts(lent: Delta) -> list[Tensor]:
    return [part for part in (lent.shared, lent.each) if part is not None]


SEAMS = {
    "voice": Seam(
        backbone=sdxl,
        made_for=voice,
        lend=lambda backbone, lent: backbone.attending(lent),
        learns=lambda lent: [lent.tokens, *lent.adapter.parameters()],
    ),
    "region": Seam(
        backbone=sdxl,
        made_for=region,
        lend=lambda backbone, lent: backbone.attending(lent),
        learns=lambda lent: [lent.tokens],
    ),
    "flux voice": Seam(
        backbone=lambda: flux(True),
        made_for=lambda who, strength: flux_voice(who, True, strength),
        lend=lambda backbone, lent: backbone.attending(lent),
        learns=lambda lent: [lent.tokens, *lent.adapter.parameters()],
    ),
    "flux voice, guided": Seam(
        backbone=lambda: flux(False),
        made_for=lambda who, strength: flux_voice(who, False, strength),
        lend=lambda backbone, lent: backbone.attending(lent),
        learns=lambda lent: [lent.tokens, *lent.adapter.parameters()],
    ),
    "double": Seam(
        backbone=lambda: flux(True),
        made_for=lambda who, strength: delta(who, strength, "double"),
        lend=lambda backbone, lent: backbone.modulating(lent),
        learns=delta_parts,
    ),
    "all": Seam(
        backbone=lambda: flux(False),
        made_for=lambda who, strength: delta(who, strength, "all"),
        lend=lambda backbone, lent: backbone.modulating(lent),
        learns=delta_parts,
    ),
}


@cache
def text(backbone: Any, count: int) -> Embeddings:
    return backbone.encode(PROMPTS[:count])


def heard(backbone: Any, count: int = 1, first: int = 0) -> Tensor:
    """One forward pass on fixed noise, in floats: bit for bit means this."""
    latents = noise_for(list(range(first, first + count)), (4, 8, 8))
    words = text(backbone, 3).rows(range(first, first + count))
    return backbone.predict(latents, torch.full((count,), 500.0), words)


def asks(count: int = 1, first: int = 0, **options: Any) -> list[Request]:
    return [
        Request(prompt=PROMPTS[number], seed=number, **options)
        for number in range(first, first + count)
    ]


def inside(backbone: Any) -> list[int]:
    """The objects a seam may touch: processors, forwards, hooks. The same numbers: the same."""
    model = backbone.pipe.unet if isinstance(backbone, SDXL) else backbone.pipe.transformer
    found = []
    for module in model.modules():
        found.append(id(getattr(module, "processor", None)))
        found.append(id(vars(module).get("forward")))
        found.append(len(module._forward_pre_hooks) + len(module._forward_hooks))
    return found
