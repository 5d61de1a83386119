"""sketchbook-vae: an AutoencoderKL, 128 px to 16x16 latents of 8 channels.

Trained without a discriminator or a pretrained judge of likeness: beside the pixels, differences
of neighbours are compared at three sizes, which keeps outlines sharp; and how rough each spot is in
four directions, which keeps hatching and grain where their every line cannot be kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from palate.backbones.builtin import folder_of, latents_of, load_vae, new_vae, whitened
from palate.learn.settings import Fit
from palate.recipes.drawings import Drawings
from palate.recipes.recipe import Parts
from palate.sketchbook.drawing import SIZE, draw
from palate.sketchbook.scenes import Scene, any_scene, look_to_codes
from palate.sketchbook.vocabulary import DIMENSIONS

TRAIN_FROM, SCALE_FROM, TEST_FROM = 4_000_000_000, 4_100_000_000, 4_200_000_000


@dataclass(frozen=True, kw_only=True)
class VaeRecipe:
    """What the autoencoder is made of and how it learns."""

    summary: str = "packs pictures into 16x16 latents and unpacks them"
    fit: Fit
    widths: tuple[int, ...] = (16, 32, 80, 96)
    layers: int = 1
    size: int = SIZE
    pictures: int = 1_000_000
    squares: float = 0.5  # weight of squared errors beside absolute ones
    edges: float = 1.0  # weight of differences of neighbours
    rough: float = 0.0  # weight of how rough each spot is
    kl: float = 1e-6  # keeps latents near 0; stable diffusion's own weight
    begin: Path | str | None = None  # a folder to go on from, such as an earlier one of ours
    scaled: int = 1000  # pictures from which the scale of latents is taken
    tested: int = 500

    def parts(self) -> Parts:
        """The autoencoder, drawings, and how far they come back from what they were."""
        vae = new_vae(self.widths, self.layers)
        if self.begin is not None:
            folder = folder_of(self.begin, "VAE", "sketchbook-vae", "begin")
            vae.load_state_dict(load_vae(folder).state_dict())

        def loss(batch: tuple[Tensor, Any], generator: torch.Generator) -> dict[str, Tensor]:
            pixels = batch[0].permute(0, 3, 1, 2) / 127.5 - 1
            code = vae.encode(pixels).latent_dist
            back = vae.decode(code.sample(generator)).sample.float()
            absolute, squares = F.l1_loss(back, pixels), F.mse_loss(back, pixels)
            drift, whole = code.kl().mean(), absolute + self.squares * squares
            whole = whole + self.edges * edges(back, pixels) + self.kl * drift
            if self.rough:
                whole = whole + self.rough * F.l1_loss(roughness(back), roughness(pixels))
            return {"loss": whole, "absolute": absolute, "kl": drift}

        about = _nothing
        items = Drawings(first=TRAIN_FROM, count=self.pictures, about=about, size=self.size)
        return Parts(modules={"vae": vae}, items=items, loss=loss)

    def keep(self, parts: Parts, folder: Path) -> None:
        """The model (bf16) with white latents, as `AutoencoderKL.from_pretrained` reads it."""
        vae: Any = parts.modules["vae"]
        batches = _drawn(SCALE_FROM, self.scaled, self.size)
        found = torch.cat([latents_of(vae, pictures).float() for _, pictures in batches])
        places = found.transpose(0, 1).flatten(1)
        white = whitened(vae, places.mean(1), places.std(1))
        white.bfloat16().save_pretrained(folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """Decibels (PSNR) from a drawing to its copy: all, and the value worst copied."""
        kept = deepcopy(parts.modules["vae"]).bfloat16().float()
        return copied(kept, self.tested, self.size)


def _nothing(scene: Scene) -> int:
    return 0


def edges(a: Tensor, b: Tensor) -> Tensor:
    """How differently neighbours differ, right and down, at full, half and quarter size."""
    off, error = torch.zeros((), device=a.device), a - b
    for size in range(3):
        small = F.avg_pool2d(error, 2**size) if size else error
        off = off + small.diff(dim=-1).abs().mean() + small.diff(dim=-2).abs().mean()
    return off / 3


def roughness(pictures: Tensor, spot: int = 8) -> Tensor:
    """How much neighbours differ around each spot: right, down, and both ways aslant."""
    inner = pictures[..., 1:-1, 1:-1]
    around = [(2, 1), (1, 2), (2, 2), (2, 0)]
    high, wide = inner.shape[-2:]
    each = [(pictures[..., y : y + high, x : x + wide] - inner).abs() for y, x in around]
    return F.avg_pool2d(torch.cat(each, 1), spot, spot // 2)


def _drawn(first: int, count: int, size: int) -> Iterator[tuple[list[Scene], Tensor]]:
    for start in range(first, first + count, 50):
        scenes = [any_scene(seed) for seed in range(start, min(start + 50, first + count))]
        yield scenes, torch.from_numpy(np.stack([draw(scene, size) for scene in scenes]))


@torch.no_grad()
def copied(vae: Any, count: int, size: int) -> dict[str, float]:
    """PSNR of drawings nobody trained on, and of the value that fares worst on average."""
    quality, looks = [], []
    for scenes, pictures in _drawn(TEST_FROM, count, size):
        back = vae.decode(latents_of(vae, pictures)).sample.float().cpu().clamp(-1, 1)
        error = (back.permute(0, 2, 3, 1) + 1) * 127.5 - pictures
        quality += (20 * torch.log10(255 / error.square().mean((1, 2, 3)).sqrt())).tolist()
        looks += [look_to_codes(scene.look) for scene in scenes]
    codes, decibels = np.array(looks), np.array(quality)
    values = ((d, v) for d, known in enumerate(DIMENSIONS.values()) for v in range(len(known)))
    means = [decibels[codes[:, d] == v].mean() for d, v in values if (codes[:, d] == v).any()]
    return {"decibels": float(decibels.mean()), "decibels of the worst value": float(min(means))}


VAE = VaeRecipe(
    fit=Fit(
        steps=14_000, batch=4, lr=1e-3, weight_decay=0.01, warmup=300, ema=0.999, bf16=True,
        log_every=50, checkpoint_steps=500,
    ),
)  # fmt: skip
DEBUG = VaeRecipe(
    fit=Fit(steps=4, batch=4, lr=3e-3, log_every=1, checkpoint_steps=2),
    widths=(16, 16, 16, 16),
    size=64,
    pictures=4,
    scaled=8,
    tested=8,
)
