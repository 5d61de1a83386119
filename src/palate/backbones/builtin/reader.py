"""An Idefics2: a vision tower, a perceiver that gives each picture a few tokens, a Mistral."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from palate.backbones import loading
from palate.backbones.builtin.common import SIZE, Tower, drawn_from
from palate.backbones.builtin.keeping import comes_back_in_fp32
from palate.backbones.lexicon import READER_SIGNS, reader_tokenizer
from palate.backbones.loading import library

# Idefics2's own: "User:<image>Describe the picture.<end_of_utterance>\nAssistant: a cat ..."
TEMPLATE = (
    "{% for m in messages %}{{ m['role'] | capitalize }}"
    "{{ ':' if m['content'][0]['type'] == 'image' else ': ' }}"
    "{% for c in m['content'] %}{{ '<image>' if c['type'] == 'image' else c['text'] }}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


@dataclass(frozen=True, kw_only=True)
class ReaderSizes:
    """How large the reader is."""

    sees: Tower
    reads: Tower
    patch: int = 8
    kv_heads: int = 2
    tokens: int = 4  # for each picture
    depth: int = 2  # layers of the perceiver
    length: int = 1024  # tokens of a conversation


def new_reader(sizes: ReaderSizes, seed: int = 0) -> Any:
    """An Idefics2ForConditionalGeneration for 128 px pictures, untrained."""
    transformers = library("transformers")
    sees, reads, signs = sizes.sees, sizes.reads, reader_tokenizer().get_vocab()
    config = transformers.Idefics2Config(
        image_token_id=signs["<image>"],
        tie_word_embeddings=True,
        vision_config={
            "hidden_size": sees.width,
            "intermediate_size": sees.inner,
            "num_hidden_layers": sees.layers,
            "num_attention_heads": sees.heads,
            "image_size": SIZE,
            "patch_size": sizes.patch,
        },
        perceiver_config={
            "hidden_size": reads.width,
            "resampler_n_latents": sizes.tokens,
            "resampler_depth": sizes.depth,
            "resampler_n_heads": reads.heads,
            "resampler_head_dim": reads.width // reads.heads,
            "num_key_value_heads": sizes.kv_heads,
            "initializer_range": 0.05,  # narrow layers begin with larger numbers
        },
        text_config={
            "model_type": "mistral",
            "vocab_size": len(signs),
            "hidden_size": reads.width,
            "intermediate_size": reads.inner,
            "num_hidden_layers": reads.layers,
            "num_attention_heads": reads.heads,
            "num_key_value_heads": sizes.kv_heads,
            "max_position_embeddings": sizes.length,
            "sliding_window": None,
            "initializer_range": 0.05,
            **{f"{name}_token_id": signs[sign] for name, sign in READER_SIGNS.items()},
        },
    )
    with drawn_from(seed):
        model = transformers.Idefics2ForConditionalGeneration(config)
        # transformers begins with ones, where all tokens of a picture would stay the same
        nn.init.normal_(model.model.connector.perceiver_resampler.latents)
    model.generation_config.eos_token_id = signs["<end_of_utterance>"]
    model.generation_config.pad_token_id = signs["<pad>"]
    return model


def reader_processor(tokens: int) -> Any:
    """Pictures and conversations to what the model takes."""
    transformers = library("transformers")
    pictures = transformers.Idefics2ImageProcessorPil(
        size={"shortest_edge": SIZE, "longest_edge": SIZE},
        do_image_splitting=False,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return transformers.Idefics2Processor(
        pictures, reader_tokenizer(), image_seq_len=tokens, chat_template=TEMPLATE
    )


def eyes(reader: Any) -> dict[str, nn.Module]:
    """What comes before any text: the vision tower, and the perceiver behind it."""
    return {name: getattr(reader.model, name) for name in ("vision_model", "connector")}


def begin_seeing(reader: Any, state: Mapping[str, Tensor]) -> None:
    """Begin with the eyes of another reader of the same sizes (its state dict)."""
    for name, part in eyes(reader).items():
        prefix = f"model.{name}."
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        part.load_state_dict(own)


class Seen(nn.Module):
    """What training reads off a picture's tokens directly; not kept.

    Words alone teach the vision tower slowly, through sixteen layers.
    """

    def __init__(self, width: int, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.sizes = dict(heads)
        self.heads = nn.Linear(width, sum(heads.values()))

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        """A picture's tokens (n, tokens * width) to logits for each head."""
        split = self.heads(tokens).split(list(self.sizes.values()), 1)
        return dict(zip(self.sizes, split, strict=True))


def picture_tokens(reader: Any, pictures: Tensor) -> Tensor:
    """Bytes (n, 128, 128, 3) to what takes their place in a text, (n, tokens, width)."""
    pixels = (pictures.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    seen = reader.model.get_image_features(pixels[None], return_dict=True)
    return torch.cat(seen.pooler_output).unflatten(0, (len(pictures), -1))


@cache
def _tokenizer() -> Any:
    return reader_tokenizer()


def save_reader(reader: Any, folder: Path) -> None:
    """Model (bf16) and processor."""
    with loading._quiet():
        deepcopy(reader).bfloat16().save_pretrained(folder)
        reader_processor(reader.config.perceiver_config.resampler_n_latents).save_pretrained(folder)
    comes_back_in_fp32(folder)


def tokens_of(texts: Sequence[str]) -> list[Tensor]:
    """Token numbers of each text; an <image> is one token."""
    return [torch.tensor(ids, dtype=torch.long) for ids in _tokenizer()(list(texts)).input_ids]
