"""An SDXL, and its embeddings with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from palate.backbones import text
from palate.backbones.asked import Defaults
from palate.backbones.builtin.clip import text_config
from palate.backbones.builtin.common import LATENTS, SHIFT, SIZE, Tower, drawn_from
from palate.backbones.lexicon import clip_tokenizer
from palate.backbones.loading import library
from palate.backbones.sdxl import SDXL


@dataclass(frozen=True, kw_only=True)
class UNetSizes:
    """How large the U-Net is; 16x16 latents at its first level, 8x8 at its second."""

    widths: tuple[int, ...] = (64, 96)
    layers: int = 1  # residual blocks a level
    plain: int = 1  # first levels without attention, as SDXL's own first one
    depth: tuple[int, ...] = (1, 1)  # transformer blocks in each attention
    heads: tuple[int, ...] = (2, 4)


def new_sdxl(
    sizes: UNetSizes, vae: Any, clip_text: Any, second: Tower, *, defaults: Defaults, seed: int = 0
) -> SDXL:
    """A StableDiffusionXLPipeline for flow matching; U-Net and second text encoder untrained."""
    diffusers, transformers = library("diffusers"), library("transformers")
    levels, times = len(sizes.widths), 16
    with drawn_from(seed):
        config = text_config(second, second.width)
        encoder = transformers.CLIPTextModelWithProjection(config)
        unet = diffusers.UNet2DConditionModel(
            sample_size=SIZE // 8,
            in_channels=LATENTS,
            out_channels=LATENTS,
            block_out_channels=sizes.widths,
            down_block_types=("DownBlock2D",) * sizes.plain
            + ("CrossAttnDownBlock2D",) * (levels - sizes.plain),
            up_block_types=("CrossAttnUpBlock2D",) * (levels - sizes.plain)
            + ("UpBlock2D",) * sizes.plain,
            layers_per_block=sizes.layers,
            transformer_layers_per_block=sizes.depth,
            attention_head_dim=sizes.heads,  # the number of heads, by an old misnomer
            norm_num_groups=16,
            cross_attention_dim=clip_text.config.hidden_size + second.width,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=times,
            projection_class_embeddings_input_dim=second.width + 6 * times,
        )
    pipe = diffusers.StableDiffusionXLPipeline(
        vae=vae,
        unet=unet,
        text_encoder=clip_text,
        text_encoder_2=encoder,
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        scheduler=diffusers.DPMSolverMultistepScheduler(
            algorithm_type="sde-dpmsolver++",
            solver_order=1,
            prediction_type="flow_prediction",
            use_flow_sigmas=True,
            flow_shift=SHIFT,
        ),
        force_zeros_for_empty_prompt=False,  # no caption was trained as "", not as zeros
        add_watermarker=False,
    )
    return SDXL(pipe, name="sketchbook-sdxl", defaults=defaults)


def sdxl_states(backbone: SDXL, prompts: Sequence[str]) -> text.Embeddings:
    """As `backbone.encode`, with gradients for whatever asks for them."""
    tokens, pooled = text._sdxl_states(backbone.pipe, prompts)
    return text.Embeddings(tokens=tokens, pooled=pooled)
