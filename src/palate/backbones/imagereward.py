"""ImageReward: a BLIP that reads the prompt while it looks at the picture, and says how good it is.

The reward has no bounds, about mean 0 and deviation 1 over what it was trained on, and is to be
compared within a prompt. Of a prompt it reads 35 tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from palate.backbones import loading
from palate.backbones.clips import described
from palate.backbones.encoders import tensors
from palate.errors import BadFile, BadInput, MissingPart

SOURCE = "ImageReward.pt of THUDM/ImageReward"
WEIGHTS, WORDS = "ImageReward.safetensors", "vocab.txt"
LENGTH = 35
MEAN, DEVIATION = 0.16717362830052426, 1.0333394966054072  # as published
_HEAD = 64  # numbers an attention head has, in both towers

_VISION = {
    "cls_token": "embeddings.class_embedding",
    "pos_embed": "embeddings.position_embedding",
    "patch_embed.proj.": "embeddings.patch_embedding.",
    "blocks.": "encoder.layers.",
    ".norm1.": ".layer_norm1.",
    ".norm2.": ".layer_norm2.",
    ".attn.proj.": ".self_attn.projection.",
    ".attn.qkv.": ".self_attn.qkv.",
}


class ImageReward:
    """Both towers, and the linear layers that end in one number."""

    def __init__(self, vision: Any, text: Any, head: nn.Module, tokenizer: Any) -> None:
        for part in (vision, text, head):
            part.eval().requires_grad_(False)
        self.vision, self.text, self.head, self._tokenizer = vision, text, head, tokenizer
        side = vision.config.image_size
        self._pictures = loading.library("transformers").CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        )
        self.mark = loading.mark("imagereward", {"vision": vision, "text": text, "head": head})
        self.preprocessing = described(self._pictures)

    @classmethod
    def from_folder(cls, folder: Path, *, device: str = "cpu") -> ImageReward:
        """From the published weights as safetensors, beside BERT's list of words."""
        held = tensors(folder / WEIGHTS, SOURCE)
        if not (folder / WORDS).is_file():
            raise MissingPart(
                f"{folder / WORDS} does not exist. It is to hold the words of "
                "google-bert/bert-base-uncased: get that file, and put it there."
            )
        try:
            vision, text, head = _vision(held), _text(held), _head(held)
        except (KeyError, RuntimeError, ValueError) as error:
            raise BadFile(
                f"{folder / WEIGHTS} does not hold {SOURCE}: {str(error)[:200]}"
            ) from None
        words = (folder / WORDS).read_text(encoding="utf-8").splitlines()
        tokenizer = loading.library("transformers").BertTokenizer(
            vocab={word: number for number, word in enumerate(words)}
        )
        return cls(vision.to(device), text.to(device), head.to(device), tokenizer)

    @torch.no_grad()
    def score(
        self, prompts: Sequence[str], pictures: Sequence[NDArray[np.uint8]], *, at_once: int = 16
    ) -> Tensor:
        """One reward a picture, (N,)."""
        if len(prompts) != len(pictures) or not prompts:
            raise BadInput(
                f"{len(pictures)} pictures stand beside {len(prompts)} prompts; give one of each."
            )
        found, device = [], self.vision.device
        for start in range(0, len(pictures), at_once):
            some = slice(start, start + at_once)
            shown = [Image.fromarray(pixels) for pixels in pictures[some]]
            pixels = self._pictures(shown, return_tensors="pt").pixel_values.to(device)
            read = self._tokenizer(
                list(prompts[some]), padding="max_length", truncation=True, max_length=LENGTH,
                return_tensors="pt",
            ).to(device)  # fmt: skip
            states = self.text(
                input_ids=read.input_ids,
                attention_mask=read.attention_mask,
                encoder_hidden_states=self.vision(pixel_values=pixels).last_hidden_state,
            ).last_hidden_state
            found.append(self.head(states[:, 0]).flatten())
        return ((torch.cat(found) - MEAN) / DEVIATION).float().cpu()


def _part(held: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors below a name, but for places, which count from 0 and are no weights."""
    return {
        name.removeprefix(prefix): tensor.float()
        for name, tensor in held.items()
        if name.startswith(prefix) and not name.endswith("position_ids")
    }


def _vision(held: Mapping[str, Tensor]) -> Any:
    transformers, own = loading.library("transformers"), _part(held, "blip.visual_encoder.")
    width, _, patch, _ = own["patch_embed.proj.weight"].shape
    config = transformers.BlipVisionConfig(
        hidden_size=width,
        intermediate_size=len(own["blocks.0.mlp.fc1.bias"]),
        num_hidden_layers=sum(name.endswith("attn.qkv.weight") for name in own),
        num_attention_heads=width // _HEAD,
        image_size=round((own["pos_embed"].shape[1] - 1) ** 0.5) * patch,
        patch_size=patch,
        layer_norm_eps=1e-6,  # BLIP's own; transformers' default is another
    )
    tower = transformers.BlipVisionModel(config)
    tower.load_state_dict(dict(_renamed(own)))
    return tower


def _renamed(own: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in own.items():
        if name.startswith("norm."):  # the last; those of blocks are numbered
            name = name.replace("norm.", "post_layernorm.")
        for old, new in _VISION.items():
            name = name.replace(old, new)
        yield name, tensor


def _text(held: Mapping[str, Tensor]) -> Any:
    transformers, own = loading.library("transformers"), _part(held, "blip.text_encoder.")
    words, width = own["embeddings.word_embeddings.weight"].shape
    across = own["encoder.layer.0.crossattention.self.key.weight"]
    config = transformers.BlipTextConfig(
        vocab_size=words,
        hidden_size=width,
        encoder_hidden_size=across.shape[1],
        intermediate_size=len(own["encoder.layer.0.intermediate.dense.bias"]),
        num_hidden_layers=sum(name.endswith("crossattention.self.key.bias") for name in own),
        num_attention_heads=width // _HEAD,  # transformers' default, 8, is not BLIP's
        max_position_embeddings=len(own["embeddings.position_embeddings.weight"]),
        is_decoder=True,  # has cross-attention; it reads both ways all the same
    )
    tower = transformers.BlipTextModel(config, add_pooling_layer=False)
    tower.load_state_dict(own)
    return tower


def _head(held: Mapping[str, Tensor]) -> nn.Module:
    """Linear layers with nothing between them; there was dropout while they learned."""
    own = _part(held, "mlp.layers.")
    numbers = sorted({int(name.split(".")[0]) for name in own})
    widths = [own[f"{numbers[0]}.weight"].shape[1], *(len(own[f"{n}.bias"]) for n in numbers)]
    head = nn.Sequential(*(nn.Linear(a, b) for a, b in pairwise(widths)))
    head.load_state_dict({
        f"{place}.{kind}": own[f"{number}.{kind}"]
        for place, number in enumerate(numbers)
        for kind in ("weight", "bias")
    })  # fmt: skip
    return head
