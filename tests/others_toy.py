"""Measures of others at toy width: real classes, weights drawn from seeds, their makers' names."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

from palate.backbones import builtin
from palate.backbones.builtin import save_clip
from palate.backbones.clips import Clip
from palate.backbones.encoders import Vgg
from palate.backbones.inception import Inception
from palate.recipes import clip as clip_recipe

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "fish", "cat", "boat"]


def towers() -> tuple[torch.nn.Module, torch.nn.Module]:
    vision = transformers.BlipVisionModel(transformers.BlipVisionConfig(
        hidden_size=128, intermediate_size=160, num_hidden_layers=2, num_attention_heads=2,
        image_size=32, patch_size=16, layer_norm_eps=1e-6,
    ))  # fmt: skip
    text = transformers.BlipTextModel(
        transformers.BlipTextConfig(
            vocab_size=10, hidden_size=128, encoder_hidden_size=128, intermediate_size=96,
            num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=40,
        ),
        add_pooling_layer=False,
    )  # fmt: skip
    stream = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in (*vision.parameters(), *text.parameters()):
            weight.copy_(torch.randn(weight.shape, generator=stream) * 0.1)
    return vision.eval(), text.eval()


def published(vision: torch.nn.Module, text: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Names as BLIP has them, written out by hand."""
    own, found = vision.state_dict(), {}
    top = {
        "cls_token": "embeddings.class_embedding", "pos_embed": "embeddings.position_embedding",
        "patch_embed.proj.weight": "embeddings.patch_embedding.weight",
        "patch_embed.proj.bias": "embeddings.patch_embedding.bias",
        "norm.weight": "post_layernorm.weight", "norm.bias": "post_layernorm.bias",
    }  # fmt: skip
    for n in range(2):
        for new, old in (
            ("norm1", "layer_norm1"), ("norm2", "layer_norm2"), ("attn.qkv", "self_attn.qkv"),
            ("attn.proj", "self_attn.projection"), ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"),
        ):  # fmt: skip
            for kind in ("weight", "bias"):
                top[f"blocks.{n}.{new}.{kind}"] = f"encoder.layers.{n}.{old}.{kind}"
    found |= {f"blip.visual_encoder.{new}": own[old] for new, old in top.items()}
    found |= {f"blip.text_encoder.{name}": x for name, x in text.state_dict().items()}
    found["blip.text_encoder.embeddings.position_ids"] = torch.arange(40)[None]
    widths = {0: (128, 6), 2: (6, 4), 7: (4, 1)}  # numbered round the dropout between
    stream = torch.Generator().manual_seed(1)
    for number, (before, after) in widths.items():
        weight = torch.randn(after, before, generator=stream)
        found[f"mlp.layers.{number}.weight"] = weight
        found[f"mlp.layers.{number}.bias"] = torch.randn(after, generator=stream)
    return {name: x.contiguous().clone() for name, x in found.items()}


def drawn(module: torch.nn.Module) -> torch.nn.Module:
    stream = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn(weight.shape, generator=stream) * 0.1)
    return module.eval()


def lively(module: torch.nn.Module) -> torch.nn.Module:
    """Deep ones, through which a picture must come undimmed: He's spread, no shifts."""
    stream = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in module.parameters():
            if weight.ndim == 4:
                spread = (2 / weight[0].numel()) ** 0.5
                weight.copy_(torch.randn(weight.shape, generator=stream) * spread)
    return module.eval()


def csd() -> tuple[torch.nn.Module, torch.Tensor, dict[str, torch.Tensor]]:
    """A tower, what it keeps of style, and both as CSD's checkpoint names them."""
    config = transformers.CLIPVisionConfig(
        hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=1,
        image_size=32, patch_size=8,
    )  # fmt: skip
    tower = drawn(transformers.CLIPVisionModel(config))
    style = torch.randn(64, 24, generator=torch.Generator().manual_seed(1))
    named = {f"module.backbone.{name}": x.contiguous() for name, x in openai_names(tower).items()}
    heads = {"module.last_layer_style": style, "module.last_layer_content": 2 * style}
    return tower, style, named | heads


def openai_names(tower) -> dict[str, torch.Tensor]:
    """A transformers tower as OpenAI's code names it, by hand."""
    own = {name.removeprefix("vision_model."): x for name, x in tower.state_dict().items()}
    found = {
        "class_embedding": own["embeddings.class_embedding"],
        "conv1.weight": own["embeddings.patch_embedding.weight"],
        "positional_embedding": own["embeddings.position_embedding.weight"],
    }
    for kind in ("weight", "bias"):
        found[f"ln_pre.{kind}"] = own[f"pre_layrnorm.{kind}"]
        found[f"ln_post.{kind}"] = own[f"post_layernorm.{kind}"]
    return found | layers_as_openai_s(own)


def layers_as_openai_s(own: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of a tower of words or pictures."""
    found = {}
    for n in range(sum(name.endswith("layer_norm1.weight") for name in own)):
        for kind in ("weight", "bias"):
            to, of = f"transformer.resblocks.{n}", f"encoder.layers.{n}"
            parts = [own[f"{of}.self_attn.{p}_proj.{kind}"] for p in ("q", "k", "v")]
            found[f"{to}.attn.in_proj_{kind}"] = torch.cat(parts)
            for new, old in (
                ("attn.out_proj", "self_attn.out_proj"), ("mlp.c_fc", "mlp.fc1"),
                ("mlp.c_proj", "mlp.fc2"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
            ):  # fmt: skip
                found[f"{to}.{new}.{kind}"] = own[f"{of}.{old}.{kind}"]
    return found


def openclip_names(model) -> dict[str, torch.Tensor]:
    """A CLIPModel as OpenCLIP's files name it, by hand."""
    own = model.state_dict()
    text = {k.removeprefix("text_model."): x for k, x in own.items() if k.startswith("text_model.")}
    found = {f"visual.{name}": x for name, x in openai_names(model.vision_model).items()}
    found |= layers_as_openai_s(text) | {
        "visual.proj": own["visual_projection.weight"].T,
        "text_projection": own["text_projection.weight"].T,
        "logit_scale": own["logit_scale"],
        "token_embedding.weight": text["embeddings.token_embedding.weight"],
        "positional_embedding": text["embeddings.position_embedding.weight"],
        "ln_final.weight": text["final_layer_norm.weight"],
        "ln_final.bias": text["final_layer_norm.bias"],
    }
    return {name: x.contiguous().clone() for name, x in found.items()}


def openclip_toy() -> Clip:
    """The built-in CLIP's words and pictures, with the plain GELU and heads of 64 numbers."""
    toy = clip_recipe.DEBUG
    like = builtin.new_clip(toy.reads, toy.sees, patch=toy.patch, shared=toy.shared).config
    for part in (like.text_config, like.vision_config):
        part.hidden_act = "gelu"
        part.num_attention_heads = max(1, part.hidden_size // 64)
    return Clip.of(drawn(transformers.CLIPModel(like)), name="toy-openclip")


def keep_hpsv2(folder: Path) -> Path:
    """As HPSv2's files lie, both versions the same."""
    save_clip(openclip_toy().model, folder)  # for what lies beside
    (folder / "model.safetensors").unlink()
    for version in ("v2", "v2.1"):
        held = openclip_names(openclip_toy().model)
        save_file(held, folder / f"HPS_{version}_compressed.safetensors")
    return folder


def linear_layers(channels: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """LPIPS' weights: n for the n-th layer."""
    return {
        f"lin{n}.model.1.weight": torch.full((1, count, 1, 1), float(n))
        for n, count in enumerate(channels)
    }


def keep_imagereward(folder: Path) -> Path:
    """As ImageReward's files lie."""
    folder.mkdir()
    save_file(published(*towers()), folder / "ImageReward.safetensors")
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return folder


def keep_csd(folder: Path) -> Path:
    """As CSD's file lies."""
    folder.mkdir()
    save_file(csd()[2], folder / "csd.safetensors")
    return folder


def dino() -> tuple[torch.nn.Module, object]:
    """A DINOv2 and its processor."""
    config = transformers.Dinov2Config(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14,
    )  # fmt: skip
    sides = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    return drawn(transformers.Dinov2Model(config)), transformers.BitImageProcessorPil(**sides)


def keep_dino(folder: Path) -> Path:
    """As DINOv2's files lie."""
    for part in dino():
        part.save_pretrained(folder)
    return folder


def keep_lpips(folder: Path) -> Path:
    """VGG-16 in its own sizes, the smallest there are."""
    folder.mkdir()
    save_file(lively(Vgg()).state_dict(), folder / "vgg16.safetensors")
    save_file(linear_layers((64, 128, 256, 512, 512)), folder / "lpips.safetensors")
    return folder


def keep_inception(folder: Path) -> Path:
    """Inception in its own sizes, the only ones there are."""
    folder.mkdir()
    save_file(lively(Inception()).state_dict(), folder / "inception.safetensors")
    return folder
