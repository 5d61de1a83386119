"""A FLUX, and its embeddings and predictions with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from palate.backbones import text
from palate.backbones.asked import Defaults
from palate.backbones.builtin.common import LATENTS, SHIFT, Tower, drawn_from
from palate.backbones.flux import FLUX, pack, unpack
from palate.backbones.lexicon import LENGTH, clip_tokenizer, t5_tokenizer
from palate.backbones.loading import library


@dataclass(frozen=True, kw_only=True)
class FluxSizes:
    """How large the transformer is; it sees 8x8 places."""

    double: int = 1  # takes the room of two and a half single ones, and depth is what pays
    single: int = 8
    heads: int = 4
    axes: tuple[int, int, int] = (8, 12, 12)  # their sum is the width of a head


def new_flux(
    sizes: FluxSizes, vae: Any, clip_text: Any, reads: Tower, *, defaults: Defaults, seed: int = 0
) -> FLUX:
    """A FluxPipeline as FLUX.1-dev, guidance built in; transformer and T5 untrained."""
    diffusers = library("diffusers")
    with drawn_from(seed):
        t5 = _new_t5(reads)
        transformer = diffusers.FluxTransformer2DModel(
            in_channels=4 * LATENTS,
            num_layers=sizes.double,
            num_single_layers=sizes.single,
            attention_head_dim=sum(sizes.axes),
            num_attention_heads=sizes.heads,
            joint_attention_dim=reads.width,
            pooled_projection_dim=clip_text.config.hidden_size,
            axes_dims_rope=sizes.axes,
            guidance_embeds=True,
        )
    pipe = diffusers.FluxPipeline(
        vae=vae,
        transformer=transformer,
        text_encoder=clip_text,
        text_encoder_2=t5,
        tokenizer=clip_tokenizer(),
        tokenizer_2=t5_tokenizer(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=SHIFT, stochastic_sampling=True),
    )
    return FLUX(pipe, name="sketchbook-flux", defaults=defaults)


def _new_t5(tower: Tower) -> nn.Module:
    transformers = library("transformers")
    config = transformers.T5Config(
        vocab_size=len(t5_tokenizer()),
        d_model=tower.width,
        d_kv=tower.width // tower.heads,
        d_ff=tower.inner,
        num_layers=tower.layers,
        num_heads=tower.heads,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,
    )
    return transformers.T5EncoderModel(config)


def flux_states(backbone: FLUX, prompts: Sequence[str]) -> text.Embeddings:
    """As `backbone.encode`, with gradients for whatever asks for them."""
    tokens, pooled = text._flux_states(backbone.pipe, prompts, LENGTH)
    return text.Embeddings(tokens=tokens, pooled=pooled)


def flux_predict(
    backbone: FLUX, latents: Tensor, t: Tensor, said: text.Embeddings, guidance: Tensor
) -> Tensor:
    """As `backbone.predict`, each row with a guidance of its own."""
    size = latents.shape[-2:]
    out = backbone._transformer(pack(latents), t, said.tokens, said.pooled, size, guidance)
    return unpack(out, *size)
