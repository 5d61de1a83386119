"""sketchbook-flux: a FluxTransformer2DModel with guidance built in, as FLUX.1-dev has it.

FLUX.1-dev got its guidance input by distilling a model that was guided in two passes. Here the
model is its own teacher from the start ("model guidance", Tang et al. 2025): in some rows of a
batch the number g is drawn from 1 to `most`, and the target moves from the flow n - x to

    n - x + (g - 1) (f(x_s, prompt, 1) - f(x_s, "", 1))

with f the model as it is, no gradient. Its mean is what classifier-free guidance of strength g
would say, so one pass does for two. At g = 1 the model is a plain conditional one, and guidance in
two passes works as well: `pipe(..., guidance_scale=1, true_cfg_scale=3, negative_prompt="")`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from palate.backbones.asked import Defaults
from palate.backbones.builtin import (
    LENGTH,
    SIZE,
    FluxSizes,
    Tower,
    bring,
    flux_predict,
    flux_states,
    new_flux,
)
from palate.backbones.flux import FLUX
from palate.backbones.text import Embeddings
from palate.learn.settings import Fit
from palate.recipes.generating import (
    LOTS,
    TELLING,
    Noised,
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
from palate.recipes.standing import Beside, Standing, hearing, last_layer, unflattened
from palate.recipes.unaided import Flow, Unaided

DEFAULTS = Defaults(width=SIZE, height=SIZE, steps=20, guidance=3.0, text_length=LENGTH)
TRANSFORMER = FluxSizes()  # 2.8 M numbers
READS = Tower(width=128, layers=2, heads=4, inner=256)  # T5, 0.4 M


@dataclass(frozen=True, kw_only=True)
class FluxRecipe:
    """What the model is made of, from which folders, and how it learns."""

    summary: str = "draws what a prompt says; needs sketchbook-vae, -clip and -proof"
    fit: Fit
    transformer: FluxSizes = TRANSFORMER
    reads: Tower = READS
    sources: Sources = field(default_factory=Sources)
    pictures: Mapping[float, int] = field(default_factory=lambda: dict(LOTS))  # by their ease
    cache: Path | str | None = None  # a folder: latents are made once, some 4 kB a picture
    begin: Path | str | None = None  # a folder of an earlier training, to go on from its weights
    beside: Beside = field(default_factory=Beside)
    unaided: Unaided = field(default_factory=Unaided)
    shift: float = 0.5  # of the times that are learned from, towards noise
    guided: float = 0.08  # share of rows that learn guidance; each costs two more passes
    most: float = 6.0  # guidance learned is 1 to this
    defaults: Defaults = DEFAULTS
    tested: int = 1000

    def parts(self) -> Parts:
        """Transformer and T5, pictures, and how far off the predicted flow is."""
        vae, clip = self.sources.new_vae(), self.sources.new_clip_text()
        backbone = new_flux(self.transformer, vae, clip, self.reads, defaults=self.defaults)
        weights = weights_of(vae)
        standing = Standing(backbone.pipe.transformer.inner_dim, SIZE // 16)
        given = (self.beside.painted, self.unaided)
        alike = self.beside.alike
        reads = Reads.of(self.sources.proof, "sources.proof", vae, *given, alike=alike)

        def loss(batch: tuple[Tensor, ...], generator: torch.Generator) -> dict[str, Tensor]:
            seeds, eases, given = batch
            bring(backbone, given.device)
            clean = to_latents(vae, given)
            step = noised(clean, generator, self.shift)
            scenes = scenes_of(seeds, eases)
            said = flux_states(backbone, TELLING.all_of(scenes, generator))
            guidance = self._guidance(len(seeds), generator).to(given.device)
            with hearing(last_layer(backbone)) as heard:
                flow = flux_predict(backbone, step.latents, step.t, said, guidance).float()
            # After it, not before: autocast keeps weights it has cast, and would keep them without
            # gradients.
            target = self._target(backbone, step, said, guidance)
            each = missed(flow, target, weights)
            own = slice(self._taught(len(seeds)), None)  # not those that are pushed on
            plain = each[own].mean()  # comparable with other recipes
            parts = {"flow": each.mean(), **standing.missed(unflattened(heard[0]), scenes)}
            seen = (step.latents[own], step.t[own], flow[own], scenes[own], clean[own])
            parts |= reads.of_drawings(*seen)
            paints = partial(self._paints, backbone)
            parts |= reads.of_prompts(paints, TELLING, clean, scenes, generator)
            total = self.beside.total(parts) + self.unaided.total(parts)
            return {"loss": total, "plain": plain, **parts}

        shown = items(vae, self.pictures, self.cache)
        modules = trained(backbone, "transformer", self.begin)
        modules |= {"standing": standing} | reads.modules
        return Painting(modules=modules, items=shown, loss=loss, backbone=backbone)

    def _taught(self, rows: int) -> int:
        """How many rows, the first ones, learn guidance; one at least does not."""
        return min(round(self.guided * rows), rows - 1)

    def _guidance(self, rows: int, generator: torch.Generator) -> Tensor:
        guidance, taught = torch.ones(rows), self._taught(rows)
        guidance[:taught] += (self.most - 1) * torch.rand(taught, generator=generator)
        return guidance

    @torch.no_grad()
    def _target(self, backbone: FLUX, step: Noised, said: Embeddings, guidance: Tensor) -> Tensor:
        """The flow; in rows that learn guidance, pushed on from what "" would make of them."""
        taught = self._taught(len(guidance))
        if not taught:
            return step.target
        nothing = flux_states(backbone, [""]).rows([0] * taught)
        heard = said.rows(range(taught))
        both = Embeddings(
            tokens=torch.cat([nothing.tokens, heard.tokens]),
            pooled=torch.cat([nothing.pooled, heard.pooled]),
        )
        latents, t = step.latents[:taught].repeat(2, 1, 1, 1), step.t[:taught].repeat(2)
        flow = flux_predict(backbone, latents, t, both, torch.ones_like(t)).float()
        without, with_prompt = flow.chunk(2)
        push = (guidance[:taught, None, None, None] - 1) * (with_prompt - without)
        return torch.cat([step.target[:taught] + push, step.target[taught:]])

    def _paints(self, backbone: FLUX, captions: list[str]) -> Flow:
        """In one pass with guidance built in, as it is sampled."""
        said = flux_states(backbone, captions)
        guidance = torch.full((len(captions),), self.defaults.guidance)

        def flow(latents: Tensor, t: Tensor) -> Tensor:
            return flux_predict(backbone, latents, t, said, guidance.to(latents.device))

        return flow

    def keep(self, parts: Parts, folder: Path) -> None:
        """The whole pipeline (bf16), as stock diffusers reads it, with our defaults beside it."""
        keep_backbone(parts, folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """Content and named values on held-out prompts, by the judge."""
        return judged_as_kept(parts, self.sources.judge, self.tested)


SKETCHBOOK = FluxRecipe(
    fit=Fit(
        steps=14_000, batch=64, lr=1e-3, weight_decay=0.01, warmup=500, ema=0.9995, bf16=True,
        log_every=50, checkpoint_steps=500, optimizer="muon",
    ),
    beside=Beside(painted=0.3),
)  # fmt: skip
DEBUG = FluxRecipe(
    fit=Fit(steps=4, batch=8, lr=3e-3, log_every=1, checkpoint_steps=2),
    transformer=FluxSizes(double=1, single=1, heads=2, axes=(4, 6, 6)),
    reads=Tower(width=32, layers=1, heads=2, inner=64),
    sources=Sources(vae=None, clip=None, judge=None, proof=None),
    beside=Beside(painted=0.3),
    unaided=Unaided(weight=0.3, hops=2),
    pictures={0.9: 4, 0.0: 4},
    defaults=Defaults(width=SIZE, height=SIZE, steps=2, guidance=3.0, text_length=LENGTH),
)
