"""Eyes to measure with, beside CLIPs: pictures to points, or to the maps of a network's layers.

JudgeEncoder    a judge of the drawn world before it decides: that world's Inception
StyleEncoder    CSD, a vision tower taught to see style: points whose cosine is likeness in style
Vgg             VGG-16's maps, which LPIPS and Gram losses compare

Real weights come from a safetensors file on this machine, under the names their makers gave them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from palate.backbones import loading
from palate.backbones.clips import described, points
from palate.backbones.judges import Judge, Residual, to_input
from palate.errors import BadFile, MissingPart
from palate.types import Mark

if TYPE_CHECKING:
    from jaxtyping import Float

Pictures = Sequence[NDArray[np.uint8]]
CSD = "tomg-group-umd/CSD-ViT-L"
VGG = "torchvision's vgg16 (IMAGENET1K_V1)"
LPIPS = "the linear layers of LPIPS (lpips 0.1, vgg.pth)"
_GROUPS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions


class JudgeEncoder:
    """A judge's last layer before its decisions."""

    preprocessing = "resize 128 by area, -1 to 1"

    def __init__(self, judge: Judge, *, name: str = "sketchbook-judge") -> None:
        self.judge = judge.eval()
        self.mark = loading.mark(name, {"judge": judge})

    @torch.inference_mode()
    def see(self, pictures: Pictures, *, at_once: int = 64) -> Float[Tensor, "N D"]:
        """Where each picture lies."""
        return torch.cat([self.judge.pooled(x).float() for x in self._inputs(pictures, at_once)])

    @torch.inference_mode()
    def maps(self, pictures: Pictures) -> list[Float[Tensor, "N C H W"]]:
        """What each block makes of the pictures, after its rectifier."""
        (x,), found = self._inputs(pictures, len(pictures)), []
        for layer in self.judge.body:
            x = layer(x)
            if isinstance(layer, nn.ReLU | Residual):
                found.append(x)
        return found

    def _inputs(self, pictures: Pictures, at_once: int) -> Iterator[Tensor]:
        for start in range(0, len(pictures), at_once):
            some = [to_input(pixels[None]) for pixels in pictures[start : start + at_once]]
            yield torch.cat(some).to(self.judge.heads.weight.device)


class StyleEncoder:
    """CSD: a CLIP's vision tower without its projection, and another that keeps the style."""

    def __init__(self, tower: Any, style: Float[Tensor, "C D"], *, name: str = "csd-vit-l") -> None:
        self.tower, self.style = tower.eval().requires_grad_(False), style
        side = tower.config.image_size
        self._pictures = loading.library("transformers").CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        )
        self.mark = loading.mark(name, {"tower": tower, "style": nn.ParameterList([style])})

    @classmethod
    def from_file(cls, file: Path, *, device: str = "cpu") -> StyleEncoder:
        """From CSD's checkpoint as safetensors; it says its own sizes."""
        held = {name.removeprefix("module."): x for name, x in tensors(file, CSD).items()}
        try:
            tower = _tower({k.removeprefix("backbone."): v.float() for k, v in held.items()})
            return cls(tower.to(device), held["last_layer_style"].float().to(device))
        except (KeyError, RuntimeError) as error:
            raise BadFile(f"{file} does not hold {CSD}: {_first_line(error)}") from None

    @property
    def preprocessing(self) -> str:
        """What is done to a picture before it is seen."""
        return described(self._pictures)

    @torch.no_grad()
    def see(self, pictures: Pictures, *, at_once: int = 64) -> Float[Tensor, "N D"]:
        """Each picture's style, as a point of length 1."""

        def look(pixels: Tensor) -> Tensor:
            return self.tower(pixel_values=pixels.to(self.style)).pooler_output @ self.style

        return points(pictures, self._pictures, look, at_once)


def _tower(held: Mapping[str, Tensor]) -> Any:
    """OpenAI's names and shapes of a vision tower as transformers' CLIPVisionModel."""
    transformers = loading.library("transformers")
    tower = transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**vision_sizes(held)))
    inner = getattr(tower, "vision_model", tower)
    inner.load_state_dict(dict(renamed(held)), strict=True)
    return tower


def vision_sizes(held: Mapping[str, Tensor]) -> dict[str, int]:
    """How large a tower for pictures is, by the shapes of its tensors."""
    width, _, patch, _ = held["conv1.weight"].shape
    side = round((len(held["positional_embedding"]) - 1) ** 0.5) * patch
    return {**tower_sizes(held, width), "image_size": side, "patch_size": patch}


def tower_sizes(held: Mapping[str, Tensor], width: int) -> dict[str, int]:
    """The same of any tower; 64 numbers a head, as most have."""
    return {
        "hidden_size": width,
        "intermediate_size": len(held["transformer.resblocks.0.mlp.c_fc.bias"]),
        "num_hidden_layers": sum(name.endswith("attn.in_proj_weight") for name in held),
        "num_attention_heads": max(1, width // 64),
    }


_NAMES = {
    "class_embedding": "embeddings.class_embedding",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "transformer.resblocks.": "encoder.layers.",
    "ln_pre.": "pre_layrnorm.",
    "ln_post.": "post_layernorm.",
    ".ln_1.": ".layer_norm1.",
    ".ln_2.": ".layer_norm2.",
    ".attn.out_proj.": ".self_attn.out_proj.",
    ".mlp.c_fc.": ".mlp.fc1.",
    ".mlp.c_proj.": ".mlp.fc2.",
}


def renamed(held: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Tensors of a tower under transformers' names."""
    for name, tensor in held.items():
        if name.startswith("last_layer"):
            continue
        for old, new in _NAMES.items():
            name = name.replace(old, new)
        before, packed, kind = name.partition(".attn.in_proj_")
        if packed:  # query, key and value lie in one
            for part, piece in zip("qkv", tensor.chunk(3), strict=True):
                yield f"{before}.self_attn.{part}_proj.{kind}", piece
        else:
            yield name, tensor


class Vgg(nn.Module):
    """VGG-16 up to its last convolution: one map a group, before the picture is halved."""

    def __init__(self, groups: Sequence[tuple[int, int]] = _GROUPS, side: int = 256) -> None:
        super().__init__()
        self.side, self._ends = side, []
        layers, before = [], 3
        for number, (channels, count) in enumerate(groups):
            layers += [nn.MaxPool2d(2)] if number else []
            for _ in range(count):
                layers += [nn.Conv2d(before, channels, 3, padding=1), nn.ReLU()]
                before = channels
            self._ends.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)  # numbered as in torchvision's
        self.requires_grad_(False)

    @property
    def mark(self) -> Mark:
        """Its name and fingerprint."""
        return loading.mark("vgg16", {"vgg": self})

    @property
    def preprocessing(self) -> str:
        """What is done to a picture before it is seen."""
        return f"resize {self.side} by {self.side}, bicubic, ImageNet's mean and deviation"

    @classmethod
    def from_file(cls, file: Path, *, side: int = 256, device: str = "cpu") -> Vgg:
        """From torchvision's weights as safetensors."""
        found = cls(side=side)
        held = {k: v for k, v in tensors(file, VGG).items() if k.startswith("features.")}
        try:
            found.load_state_dict(held)
        except RuntimeError as error:
            raise BadFile(f"{file} does not hold {VGG}: {_first_line(error)}") from None
        return found.to(device)

    @torch.inference_mode()
    def maps(self, pictures: Pictures) -> list[Float[Tensor, "N C H W"]]:
        """What each group makes of the pictures, after its last rectifier."""
        x = torch.cat([resized(pixels, self.side) for pixels in pictures]) / 255
        mean, spread = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
        x, found = ((x - mean) / spread).to(next(self.parameters())), []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self._ends:
                found.append(x)
        return found


def lpips_weights(file: Path) -> list[Float[Tensor, " C"]]:
    """What each channel of each map counts in LPIPS."""
    held = tensors(file, LPIPS)
    try:
        names = [f"lin{number}.model.1.weight" for number in range(len(_GROUPS))]
        return [held[name].flatten().float() for name in names]
    except KeyError as error:
        raise BadFile(f"{file} does not hold {LPIPS}: {error} is missing.") from None


def resized(pixels: NDArray[np.uint8], side: int) -> Float[Tensor, "1 3 side side"]:
    """Bytes (height, width, 3) to a square of 0..255, unrounded, as Pillow's bicubic has them.

    Without the antialias a smaller picture is another one, and every distance another number.
    """
    x = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float()
    return F.interpolate(x, (side, side), mode="bicubic", antialias=True)


def tensors(file: Path, source: str) -> dict[str, Tensor]:
    """A safetensors file somebody put there, or where to get it."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not file.is_file():
        raise MissingPart(
            f"{file} does not exist. It is to hold {source}: get that, save its tensors as "
            "safetensors under the same names, and put it there."
        )
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise BadFile(
            f"{file} is no safetensors file ({_first_line(error)}); convert it."
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
