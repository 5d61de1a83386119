"""The built-in models before training: stock classes at the widths that recipes ask for.

Also what training needs of them beside `predict`: embeddings that gradients flow through.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from palate.backbones import loading, text
from palate.backbones.asked import Defaults
from palate.backbones.flux import FLUX, pack, unpack
from palate.backbones.lexicon import BEGIN, END, LENGTH, clip_tokenizer, t5_tokenizer
from palate.backbones.loading import library
from palate.backbones.sdxl import SDXL
from palate.errors import BadInput
from palate.store import write_json

SIZE, LATENTS = 128, 8  # pixels a side and latent channels


@dataclass(frozen=True, kw_only=True)
class Tower:
    """A transformer that reads text or sees a picture."""

    width: int
    layers: int
    heads: int
    inner: int


@contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """First weights come from the global generator: lend it a seed, then put it back."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


# ---- autoencoder


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


# ---- CLIP


def _text_config(tower: Tower, shared: int) -> Any:
    words = clip_tokenizer().get_vocab()
    return library("transformers").CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=tower.width,
        intermediate_size=tower.inner,
        num_hidden_layers=tower.layers,
        num_attention_heads=tower.heads,
        max_position_embeddings=LENGTH,
        projection_dim=shared,
        bos_token_id=words[BEGIN],
        eos_token_id=words[END],
        pad_token_id=words[END],
    )


def new_clip(reads: Tower, sees: Tower, *, patch: int, shared: int, seed: int = 0) -> Any:
    """A CLIPModel for 128 px pictures; `shared` is the width of the common space."""
    transformers = library("transformers")
    vision = transformers.CLIPVisionConfig(
        hidden_size=sees.width,
        intermediate_size=sees.inner,
        num_hidden_layers=sees.layers,
        num_attention_heads=sees.heads,
        image_size=SIZE,
        patch_size=patch,
        projection_dim=shared,
    )
    config = transformers.CLIPConfig(
        text_config=_text_config(reads, shared).to_dict(),
        vision_config=vision.to_dict(),
        projection_dim=shared,
    )
    with drawn_from(seed):
        return transformers.CLIPModel(config)


def clip_pixels(pictures: Tensor) -> Tensor:
    """Bytes (n, 128, 128, 3) as CLIP sees them: normalised as the saved processor does."""
    return (pictures.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5


def clip_ids(prompts: Sequence[str]) -> Tensor:
    """Token numbers (n, 64)."""
    return _padded(clip_tokenizer(), prompts)


def _padded(tokenizer: Any, prompts: Sequence[str]) -> Tensor:
    how: dict[str, Any] = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
    return tokenizer(list(prompts), max_length=LENGTH, **how).input_ids


def save_clip(clip: Any, folder: Path) -> None:
    """Model (bf16), tokenizer and the processor that brings pictures to 128 px."""
    side = {"height": SIZE, "width": SIZE}
    processor = library("transformers").CLIPImageProcessorPil(
        size=side,
        crop_size=side,
        do_center_crop=False,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    with loading._quiet():
        for part in (deepcopy(clip).bfloat16(), clip_tokenizer(), processor):
            part.save_pretrained(folder)
    _comes_back_in_fp32(folder)


def load_clip_text(folder: Path) -> Any:
    """The text tower of a trained CLIP, as a CLIPTextModel at rest."""
    kind = library("transformers").CLIPTextModel
    with loading._quiet():
        # transformers would leave them in bf16, in which they are kept
        tower = kind.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return tower.eval().requires_grad_(False)


def new_clip_text(tower: Tower, seed: int = 0) -> Any:
    """A text tower of its own, untrained."""
    with drawn_from(seed):
        return library("transformers").CLIPTextModel(_text_config(tower, tower.width))


# ---- SDXL


@dataclass(frozen=True, kw_only=True)
class UNetSizes:
    """How large the U-Net is; 16x16 latents at its first level, 8x8 at its second."""

    widths: tuple[int, ...] = (64, 112)
    layers: int = 1  # residual blocks a level
    depth: tuple[int, ...] = (1, 1)  # transformer blocks in each attention
    heads: tuple[int, ...] = (2, 4)


def new_sdxl(
    sizes: UNetSizes, vae: Any, clip_text: Any, second: Tower, *, defaults: Defaults, seed: int = 0
) -> SDXL:
    """A StableDiffusionXLPipeline for flow matching; U-Net and second text encoder untrained."""
    diffusers, transformers = library("diffusers"), library("transformers")
    levels, times = len(sizes.widths), 16
    with drawn_from(seed):
        config = _text_config(second, second.width)
        encoder = transformers.CLIPTextModelWithProjection(config)
        unet = diffusers.UNet2DConditionModel(
            sample_size=SIZE // 8,
            in_channels=LATENTS,
            out_channels=LATENTS,
            block_out_channels=sizes.widths,
            down_block_types=("CrossAttnDownBlock2D",) * levels,
            up_block_types=("CrossAttnUpBlock2D",) * levels,
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
        scheduler=diffusers.UniPCMultistepScheduler(
            use_flow_sigmas=True, prediction_type="flow_prediction"
        ),
        force_zeros_for_empty_prompt=False,  # no caption was trained as "", not as zeros
        add_watermarker=False,
    )
    return SDXL(pipe, name="sketchbook-sdxl", defaults=defaults)


def sdxl_states(backbone: SDXL, prompts: Sequence[str]) -> text.Embeddings:
    """As `backbone.encode`, with gradients for whatever asks for them."""
    tokens, pooled = text._sdxl_states(backbone.pipe, prompts)
    return text.Embeddings(tokens=tokens, pooled=pooled)


# ---- FLUX


@dataclass(frozen=True, kw_only=True)
class FluxSizes:
    """How large the transformer is; it sees 8x8 places."""

    double: int = 2
    single: int = 7
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
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=1.0),
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


# ---- all


def bring(backbone: SDXL | FLUX, device: torch.device) -> None:
    """Move the parts at rest to where the trained ones are."""
    if backbone.pipe.text_encoder.device != device:
        backbone.pipe.to(device)


def rounded(backbone: SDXL | FLUX) -> Any:
    """A copy in bf16, which is how weights are kept."""
    pipe = deepcopy(backbone.pipe).to(torch.bfloat16)
    return type(backbone)(pipe, name=backbone.name, defaults=backbone.defaults)


def keep(backbone: SDXL | FLUX, folder: Path) -> None:
    """The pipeline in bf16, as stock diffusers reads it, with our defaults beside it."""
    rounded(backbone).save_pretrained(folder)
    for part in ("text_encoder", "text_encoder_2"):
        _comes_back_in_fp32(folder / part)


def _comes_back_in_fp32(folder: Path) -> None:
    """Say so in a transformers config: unasked, diffusers reads into fp32 what lies in bf16, but
    transformers would not, and a pipeline of both kinds cannot run."""
    config = json.loads((folder / "config.json").read_bytes())
    write_json(folder / "config.json", {**config, "dtype": "float32"})


def folder_of(given: Path | str, what: str, recipe: str, setting: str) -> Path:
    """A folder that another recipe writes, or a sentence that names the recipe."""
    folder = Path(given)
    if not (folder / "config.json").is_file():
        raise BadInput(
            f"There is no {what} in {folder}. Run `palate train {recipe}` first, or say where it "
            f"is: {setting}=FOLDER."
        )
    return folder
