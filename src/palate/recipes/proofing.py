"""sketchbook-proof: learns to read latents of drawings, so that generators can be held to them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from palate.learn.settings import Fit
from palate.recipes.captions import scene_in
from palate.recipes.generating import (
    LOTS,
    TEST_FROM,
    Sources,
    encoded,
    items,
    scenes_of,
    to_latents,
)
from palate.recipes.proof import Proof
from palate.recipes.recipe import Parts
from palate.recipes.standing import SIZE
from palate.sketchbook.drawing import draw
from palate.sketchbook.layout import layout
from palate.sketchbook.scenes import codes_of
from palate.sketchbook.vocabulary import DIMENSIONS

_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class Proofing(Parts):
    """Parts that remember whose latents they are."""

    vae: Any


@dataclass(frozen=True, kw_only=True)
class ProofRecipe:
    """What the proof is made of and how it learns."""

    summary: str = "reads what stands where and how it looks off latents; needs sketchbook-vae"
    fit: Fit
    width: int = 64
    inner: int = 96
    sources: Sources = field(default_factory=Sources)
    pictures: Mapping[float, int] = field(default_factory=lambda: dict(LOTS))  # by their ease
    cache: Path | str | None = None  # a folder: latents are made once, some 4 kB a picture
    grain: float = 0.15  # the most noise that is mixed in: generated latents are never clean
    tested: int = 1000

    def parts(self) -> Parts:
        """A proof, latents, and the surprise of its heads."""
        vae = self.sources.new_vae()
        shown = items(vae, self.pictures, self.cache)
        proof = Proof(vae.config.latent_channels, width=self.width, inner=self.inner)

        def loss(batch: tuple[Tensor, ...], generator: torch.Generator) -> dict[str, Tensor]:
            seeds, eases, given = batch
            clean = to_latents(vae.to(given.device), given)
            share = self.grain * torch.rand((len(seeds), 1, 1, 1), generator=generator)
            noise = share * torch.randn(clean.shape, generator=generator)
            told = proof.missed(clean + noise.to(clean.device), scenes_of(seeds, eases))
            return {"loss": torch.stack(list(told.values())).sum(), **told}

        return Proofing(modules={"proof": proof}, items=shown, loss=loss, vae=vae)

    def keep(self, parts: Parts, folder: Path) -> None:
        """Weights (bf16) and config, as `Proof.from_pretrained` reads them."""
        deepcopy(cast(Proof, parts.modules["proof"])).bfloat16().save_pretrained(folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How often the weights as kept, in bf16, are right about pictures of held-out prompts."""
        kept = deepcopy(cast(Proof, parts.modules["proof"])).bfloat16().float().eval()
        return proofread(kept, cast(Proofing, parts).vae, self.tested)


@torch.no_grad()
def proofread(proof: Proof, vae: Any, count: int) -> dict[str, float]:
    """What share it names right of places where a subject stands, of values, of arrangements."""
    subjects, values, arranged = [], [], []
    for start in range(TEST_FROM, TEST_FROM + count, _AT_ONCE):
        seeds = range(start, min(start + _AT_ONCE, TEST_FROM + count))
        scenes = [scene_in("test", seed) for seed in seeds]
        pictures = torch.from_numpy(np.stack([draw(scene) for scene in scenes]))
        knows = proof(encoded(vae, pictures).float())
        (subject, *_), look = proof.heads(knows)
        there = np.stack([layout(scene, SIZE)[..., 0] for scene in scenes])
        subjects += (subject.argmax(1).cpu().numpy() == there)[there > 0].tolist()
        best = torch.stack([one.argmax(1) for one in look], 1).cpu().numpy()
        values.append(best == codes_of(scenes))
        seen = zip(proof.arranged.best(knows), scenes, strict=True)
        arranged += [best == scene.content.arrangement for best, scene in seen]
    each = np.concatenate(values).mean(0)
    named = dict(zip(DIMENSIONS, each.tolist(), strict=True))
    told = {"subjects": subjects, "arrangements": arranged, "attributes": each}
    return {name: float(np.mean(found)) for name, found in told.items()} | named


PROOF = ProofRecipe(
    fit=Fit(
        steps=6_000, batch=64, lr=1e-3, weight_decay=0.01, warmup=100, ema=0.999, bf16=True,
        log_every=50, checkpoint_steps=500, optimizer="muon",
    ),
)  # fmt: skip
DEBUG = ProofRecipe(
    fit=Fit(steps=4, batch=8, lr=3e-3, log_every=1, checkpoint_steps=2),
    width=16,
    inner=16,
    sources=Sources(vae=None, clip=None, judge=None, proof=None),
    pictures={0.9: 4, 0.0: 4},
    tested=8,
)
