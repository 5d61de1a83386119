"""CLIP, whose text tower is an encoder of both text-to-image models."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from palate.backbones import loading
from palate.backbones.builtin.common import SIZE, Tower, drawn_from
from palate.backbones.builtin.keeping import comes_back_in_fp32
from palate.backbones.lexicon import BEGIN, END, LENGTH, clip_tokenizer
from palate.backbones.loading import library


def text_config(tower: Tower, shared: int) -> Any:
    """Of a text tower that speaks the drawn world's words."""
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
        text_config=text_config(reads, shared).to_dict(),
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


def clip_processor() -> Any:
    """Brings pictures to 128 px and to -1..1."""
    side = {"height": SIZE, "width": SIZE}
    return library("transformers").CLIPImageProcessorPil(
        size=side,
        crop_size=side,
        do_center_crop=False,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )


def save_clip(clip: Any, folder: Path) -> None:
    """Model (bf16), tokenizer and the processor that brings pictures to 128 px."""
    with loading._quiet():
        for part in (deepcopy(clip).bfloat16(), clip_tokenizer(), clip_processor()):
            part.save_pretrained(folder)
    comes_back_in_fp32(folder)


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
        return library("transformers").CLIPTextModel(text_config(tower, tower.width))
