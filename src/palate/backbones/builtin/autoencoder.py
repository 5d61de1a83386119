"""The autoencoder of both text-to-image models."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from palate.backbones import loading
from palate.backbones.builtin.common import LATENTS, SIZE, drawn_from
from palate.backbones.loading import library


def new_vae(widths: Sequence[int], layers: int, seed: int = 0) -> Any:
    """An AutoencoderKL, 128 px to 16x16; its latents are white, so scale 1 and shift 0 are true."""
    levels = len(widths)
    with drawn_from(seed):
        return library("diffusers").AutoencoderKL(
            block_out_channels=tuple(widths),
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            layers_per_block=layers,
            latent_channels=LATENTS,
            norm_num_groups=8,
            sample_size=SIZE,
            scaling_factor=1.0,
            shift_factor=0.0,
            force_upcast=False,
        )


@torch.no_grad()
def whitened(vae: Any, mean: Tensor, std: Tensor) -> Any:
    """A copy whose latents have mean 0 and standard deviation 1, channel by channel.

    Folded into the 1x1 convolutions on both sides of the latents rather than written into the
    config, where SDXL and FLUX read different entries.
    """
    white = deepcopy(vae)
    coding, decoding, count = white.quant_conv, white.post_quant_conv, len(mean)
    coding.weight[:count] /= std[:, None, None, None]
    coding.bias[:count] = (coding.bias[:count] - mean) / std
    coding.bias[count:] -= 2 * std.log()  # logarithms of variances
    decoding.bias += decoding.weight[:, :, 0, 0] @ mean
    decoding.weight *= std[:, None, None]
    return white


@torch.no_grad()
def latents_of(vae: Any, pictures: Tensor) -> Tensor:
    """Bytes (n, height, width, 3) to latents (n, 8, height/8, width/8)."""
    pixels = pictures.to(vae.device).permute(0, 3, 1, 2).to(vae.dtype) / 127.5 - 1
    return vae.encode(pixels).latent_dist.mode()


def load_vae(folder: Path) -> Any:
    """A trained autoencoder, at rest."""
    kind = library("diffusers").AutoencoderKL
    with loading._quiet():
        vae = kind.from_pretrained(folder, local_files_only=True)
    return vae.eval().requires_grad_(False)


@torch.no_grad()
def precision(vae: Any, pictures: Tensor, least: float = 0.02) -> Tensor:
    """How much each latent channel matters for pixels, (C,) with mean 1; none less than `least`.

    An autoencoder spends bits where pixels need them: its posterior is narrow where a small change
    changes much. The mean of 1/variance tells channels that draw from idle ones.
    """
    pixels = pictures.to(vae.device).permute(0, 3, 1, 2).float() / 127.5 - 1
    narrow = vae.encode(pixels).latent_dist.var.reciprocal().mean((0, 2, 3))
    return (narrow / narrow.mean()).clamp_min(least)
