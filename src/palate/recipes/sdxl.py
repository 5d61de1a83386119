"""sketchbook-sdxl: the U-Net of a StableDiffusionXLPipeline, trained by flow matching.

Conditioned as SDXL is: two text encoders side by side, the second one's pooled text, sizes. The
first is the text tower of sketchbook-clip and stays as it is; the second learns with the U-Net.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from palate.backbones import SDXL
from palate.backbones.asked import Defaults
from palate.backbones.builtin import (
    LENGTH,
    SIZE,
    Tower,
    UNetSizes,
    bring,
    new_sdxl,
    sdxl_states,
)
from palate.learn.settings import Fit
from palate.recipes.generating import (
    LOTS,
    TELLING,
    Painting,
    Sources,
    items,
    judged_as_kept,
    keep_backbone,
    missed,
    noised,
    scenes_of,
    to_latents,
    trained,
    weights_of,
)
from palate.recipes.reads import Reads
from palate.recipes.recipe import Parts
from palate.recipes.standing import Beside, Standing, hearing, last_layer
from palate.recipes.unaided import Flow, Unaided, guided

DEFAULTS = Defaults(
    width=SIZE,
    height=SIZE,
    steps=12,
    guidance=4.0,
    text_length=LENGTH,
    regional=0.2,  # captions show one thing in the middle: "a cat" alone draws it there anew
)
UNET = UNetSizes()  # 2.7 M numbers
SECOND = Tower(width=96, layers=3, heads=3, inner=192)  # 0.3 M


@dataclass(frozen=True, kw_only=True)
class SdxlRecipe:
    """What the model is made of, from which folders, and how it learns."""

    summary: str = "draws what a prompt says; needs sketchbook-vae, -clip and -proof"
    fit: Fit
    unet: UNetSizes = UNET
    second: Tower = SECOND
    sources: Sources = field(default_factory=Sources)
    pictures: Mapping[float, int] = field(default_factory=lambda: dict(LOTS))  # by their ease
    cache: Path | str | None = None  # a folder: latents are made once, some 4 kB a picture
    begin: Path | str | None = None  # a folder of an earlier training, to go on from its weights
    beside: Beside = field(default_factory=Beside)
    unaided: Unaided = field(default_factory=Unaided)
    shift: float = 1.0  # of the times that are learned from, towards noise
    defaults: Defaults = DEFAULTS
    tested: int = 1000

    def parts(self) -> Parts:
        """U-Net and second text encoder, pictures, and how far off the predicted flow is."""
        vae, clip = self.sources.new_vae(), self.sources.new_clip_text()
        backbone = new_sdxl(self.unet, vae, clip, self.second, defaults=self.defaults)
        weights = weights_of(vae)
        standing = Standing(self.unet.widths[0], SIZE // 8)
        given = (self.beside.painted, self.unaided)
        alike = self.beside.alike
        reads = Reads.of(self.sources.proof, "sources.proof", vae, *given, alike=alike)

        def loss(batch: tuple[Tensor, ...], generator: torch.Generator) -> dict[str, Tensor]:
            seeds, eases, given = batch
            bring(backbone, given.device)
            clean = to_latents(vae, given)
            step = noised(clean, generator, self.shift)
            scenes = scenes_of(seeds, eases)
            said = sdxl_states(backbone, TELLING.all_of(scenes, generator))
            with hearing(last_layer(backbone)) as heard:
                flow = backbone.predict(step.latents, step.t, said)
            parts = {"flow": missed(flow, step.target, weights).mean()}
            parts |= standing.missed(heard[0], scenes)
            parts |= reads.of_drawings(step.latents, step.t, flow, scenes, clean)
            paints = partial(self._paints, backbone)
            parts |= reads.of_prompts(paints, TELLING, clean, scenes, generator)
            total = self.beside.total(parts) + self.unaided.total(parts)
            return {"loss": total, **parts}

        shown = items(vae, self.pictures, self.cache)
        modules = trained(backbone, "unet", self.begin)
        modules |= {"standing": standing} | reads.modules
        return Painting(modules=modules, items=shown, loss=loss, backbone=backbone)

    def _paints(self, backbone: SDXL, captions: list[str]) -> Flow:
        """As it is sampled."""
        said = sdxl_states(backbone, captions)
        nothing = sdxl_states(backbone, [""]).rows([0] * len(captions))
        heard, without = (partial(backbone.predict, text=text) for text in (said, nothing))
        return guided(heard, without, self.defaults.guidance)

    def keep(self, parts: Parts, folder: Path) -> None:
        """The whole pipeline (bf16), as stock diffusers reads it, with our defaults beside it."""
        keep_backbone(parts, folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """Content and named values on held-out prompts, by the judge."""
        return judged_as_kept(parts, self.sources.judge, self.tested)


SKETCHBOOK = SdxlRecipe(
    fit=Fit(
        steps=16_000, batch=64, lr=1e-3, weight_decay=0.01, warmup=500, ema=0.9995, bf16=True,
        log_every=50, checkpoint_steps=500, optimizer="muon",
    ),
    beside=Beside(painted=0.3),
)  # fmt: skip
DEBUG = SdxlRecipe(
    fit=Fit(steps=4, batch=8, lr=3e-3, log_every=1, checkpoint_steps=2),
    unet=UNetSizes(widths=(16, 32), heads=(2, 2)),
    second=Tower(width=32, layers=2, heads=2, inner=64),
    sources=Sources(vae=None, clip=None, judge=None, proof=None),
    beside=Beside(painted=0.3),
    unaided=Unaided(weight=0.3, hops=2),
    pictures={0.9: 4, 0.0: 4},
    defaults=Defaults(width=SIZE, height=SIZE, steps=2, guidance=3.0, text_length=LENGTH),
)
