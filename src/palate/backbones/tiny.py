"""The real classes at toy width, with random weights: a few hundred kilobytes, a moment to build.

Made for tests, and for trying an idea before a real checkpoint is at hand. The same seed gives the
same weights on any machine, and no global random state is touched. Letters are tokens, so that any
prompt can be encoded; about 75 letters fit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from palate.backbones.asked import Defaults
from palate.backbones.flux import FLUX
from palate.backbones.loading import library
from palate.backbones.sdxl import SDXL
from palate.seeds import generator

SIZE = 64  # pixels a side
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:;!?'\"()-/+&"
_ENDS = ("<|startoftext|>", "<|endoftext|>")


def tiny_sdxl(seed: int = 0) -> SDXL:
    """A StableDiffusionXLPipeline of half a million parameters."""
    diffusers = library("diffusers")
    with torch.random.fork_rng(devices=[]):  # first weights come from the global generator
        parts = {
            "unet": _unet(diffusers),
            "vae": _vae(diffusers, use_quant_conv=True, use_post_quant_conv=True),
            "text_encoder": _clip("CLIPTextModel"),
            "text_encoder_2": _clip("CLIPTextModelWithProjection"),
        }
    _draw(seed, parts)
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
    )
    pipe = diffusers.StableDiffusionXLPipeline(
        **parts,
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_clip_tokenizer(),
        scheduler=scheduler,
        add_watermarker=False,
    )
    return SDXL(pipe, name="tiny-sdxl", defaults=_defaults(guidance=5.0))


def tiny_flux(seed: int = 0, *, distilled: bool = True) -> FLUX:
    """A FluxPipeline of a quarter of a million; guidance built in as in dev, or not (schnell)."""
    diffusers = library("diffusers")
    with torch.random.fork_rng(devices=[]):
        parts = {
            "transformer": _transformer(diffusers, distilled),
            "vae": _vae(
                diffusers, shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False
            ),
            "text_encoder": _clip("CLIPTextModel"),
            "text_encoder_2": _t5(),
        }
    _draw(seed, parts)
    pipe = diffusers.FluxPipeline(
        **parts,
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_t5_tokenizer(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
    )
    return FLUX(pipe, name="tiny-flux", defaults=_defaults(guidance=3.5 if distilled else 1.0))


@torch.no_grad()
def _draw(seed: int, parts: dict[str, nn.Module]) -> None:
    """Weights of our own: normal, scaled by fan-in; gains about 1, so that no two layers agree."""
    stream = generator(seed)
    for part in parts.values():
        for name, weight in part.named_parameters():
            drawn = torch.randn(weight.shape, generator=stream)
            if weight.ndim > 1:
                weight.copy_(drawn / weight[0].numel() ** 0.5)
            else:
                weight.copy_(0.1 * drawn + name.endswith("weight"))


def _defaults(guidance: float) -> Defaults:
    return Defaults(width=SIZE, height=SIZE, steps=2, guidance=guidance, text_length=48)


def _unet(diffusers: Any) -> nn.Module:
    return diffusers.UNet2DConditionModel(
        sample_size=SIZE // 8,
        block_out_channels=(16, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        transformer_layers_per_block=(1, 2),
        attention_head_dim=(2, 4),
        norm_num_groups=8,
        cross_attention_dim=64,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=32 + 6 * 8,
    )


def _transformer(diffusers: Any, distilled: bool) -> nn.Module:
    return diffusers.FluxTransformer2DModel(
        in_channels=16,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 6, 6),
        guidance_embeds=distilled,
    )


def _vae(diffusers: Any, **options: Any) -> nn.Module:
    return diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),  # four levels: 8 pixels a latent, as in the real ones
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=SIZE,
        **options,
    )


def _clip(kind: str) -> nn.Module:
    transformers, words = library("transformers"), _clip_vocabulary()
    config = transformers.CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=32,
        bos_token_id=words[_ENDS[0]],
        eos_token_id=words[_ENDS[1]],
        pad_token_id=words[_ENDS[1]],
    )
    return getattr(transformers, kind)(config)


def _t5() -> nn.Module:
    transformers = library("transformers")
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
    config = transformers.T5Config(
        vocab_size=len(_t5_vocabulary()), feed_forward_proj="gated-gelu", **sizes
    )
    return transformers.T5EncoderModel(config)


def _clip_vocabulary() -> dict[str, int]:
    tokens = [*_LETTERS, *(f"{letter}</w>" for letter in _LETTERS), *_ENDS]
    return {token: number for number, token in enumerate(tokens)}


def _clip_tokenizer() -> Any:
    # vocab and merges, not vocab_file: transformers 5 takes the latter and knows two words.
    kind = library("transformers").CLIPTokenizer
    return kind(vocab=_clip_vocabulary(), merges=[], model_max_length=77)


def _t5_vocabulary() -> list[tuple[str, float]]:
    ends = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    return [*ends, *((letter, -2.0) for letter in ("▁", *_LETTERS))]


def _t5_tokenizer() -> Any:
    kind = library("transformers").T5Tokenizer
    return kind(vocab=_t5_vocabulary(), extra_ids=0, model_max_length=512)
