"""Prompts to embeddings, and what did not fit.

Encoded here rather than by `pipe.encode_prompt`, which reports what it cut off to a log: text that
is silently dropped is a wrong picture, so it is a field of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from palate.errors import Mismatch

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class Embeddings:
    """What the model attends to, a row for each prompt."""

    tokens: Float[Tensor, "B S C"]
    pooled: Float[Tensor, "B P"]
    negative_tokens: Float[Tensor, "B S C"] | None = None
    negative_pooled: Float[Tensor, "B P"] | None = None
    cut: tuple[str, ...] = ()  # for each prompt, its end that did not fit; "" if all of it did
    cut_tokens: tuple[int, ...] = ()  # how many tokens that is
    lengths: tuple[int, ...] = ()  # for each prompt, tokens before the padding, end mark included

    def __len__(self) -> int:
        return len(self.tokens)

    def rows(self, numbers: Sequence[int]) -> Embeddings:
        """Some of the prompts, in this order."""
        at = list(numbers)
        return Embeddings(
            tokens=self.tokens[at],
            pooled=self.pooled[at],
            negative_tokens=None if self.negative_tokens is None else self.negative_tokens[at],
            negative_pooled=None if self.negative_pooled is None else self.negative_pooled[at],
            cut=tuple(self.cut[i] for i in at) if self.cut else (),
            cut_tokens=tuple(self.cut_tokens[i] for i in at) if self.cut_tokens else (),
            lengths=tuple(self.lengths[i] for i in at) if self.lengths else (),
        )

    def to(self, device: torch.device) -> Embeddings:
        """The same elsewhere."""
        tensors = {name: t.to(device) for name, t in vars(self).items() if isinstance(t, Tensor)}
        return replace(self, **tensors)

    def arguments(self) -> dict[str, Tensor]:
        """As keyword arguments of the stock pipeline: `pipe(**embeddings.arguments())`."""
        named = {
            "prompt_embeds": self.tokens,
            "pooled_prompt_embeds": self.pooled,
            "negative_prompt_embeds": self.negative_tokens,
            "negative_pooled_prompt_embeds": self.negative_pooled,
        }
        return {name: value for name, value in named.items() if value is not None}

    def guided(self) -> tuple[Tensor, Tensor]:
        """Tokens and pooled for both halves of guidance, the negative ones first."""
        assert self.negative_tokens is not None and self.negative_pooled is not None
        return (
            torch.cat([self.negative_tokens, self.tokens]),
            torch.cat([self.negative_pooled, self.pooled]),
        )


def check_rows(embeddings: Embeddings, requests: int, *, guided: bool) -> None:
    """Refuse embeddings made for other requests."""
    if guided and (embeddings.negative_tokens is None or embeddings.negative_pooled is None):
        raise Mismatch(
            "These embeddings have no negative half, which guidance needs. Encode the negative "
            'prompts too ("" for none), or set guidance to 1.'
        )
    if len(embeddings) != requests:
        raise Mismatch(
            f"There are embeddings for {len(embeddings)} prompts and {requests} requests. Encode "
            "one prompt for each request, in the same order."
        )


@torch.no_grad()
def sdxl_text(pipe: Any, prompts: Sequence[str], negative: Sequence[str]) -> Embeddings:
    """Both CLIPs' states side by side; the second one's pooled. "" is no negative prompt."""
    tokens, pooled = _sdxl_states(pipe, prompts)
    negative_tokens, negative_pooled = _sdxl_states(pipe, negative)
    if pipe.config.force_zeros_for_empty_prompt:
        said = torch.tensor([bool(text) for text in negative]).to(tokens)
        negative_tokens = negative_tokens * said[:, None, None]
        negative_pooled = negative_pooled * said[:, None]
    lost = [left_out(pipe.tokenizer, p, pipe.tokenizer.model_max_length) for p in prompts]
    return Embeddings(
        tokens=tokens,
        pooled=pooled,
        negative_tokens=negative_tokens,
        negative_pooled=negative_pooled,
        cut_tokens=tuple(count for count, _ in lost),
        cut=tuple(text for _, text in lost),
    )


@torch.no_grad()
def flux_text(
    pipe: Any, prompts: Sequence[str], negative: Sequence[str] | None, length: int
) -> Embeddings:
    """T5's states, padded to `length` as in training; CLIP's pooled, of 77 tokens at most.

    `cut` is what T5 did not get: that CLIP's summary stops earlier is FLUX's way.
    """
    tokens, pooled = _flux_states(pipe, prompts, length)
    against = (None, None) if negative is None else _flux_states(pipe, negative, length)
    lost = [left_out(pipe.tokenizer_2, prompt, length) for prompt in prompts]
    whole = pipe.tokenizer_2(list(prompts), verbose=False).input_ids  # verbose: of lengths
    return Embeddings(
        tokens=tokens,
        pooled=pooled,
        negative_tokens=against[0],
        negative_pooled=against[1],
        cut_tokens=tuple(count for count, _ in lost),
        cut=tuple(text for _, text in lost),
        lengths=tuple(min(len(ids), length) for ids in whole),
    )


def _sdxl_states(pipe: Any, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
    like: dict[str, Any] = {"device": pipe._execution_device, "dtype": pipe.text_encoder_2.dtype}
    states, out = [], None
    for tokenizer, encoder in (
        (pipe.tokenizer, pipe.text_encoder),
        (pipe.tokenizer_2, pipe.text_encoder_2),
    ):
        ids = _ids(pipe, tokenizer, prompts, tokenizer.model_max_length)
        out = encoder(ids.to(_device(encoder)), output_hidden_states=True)
        states.append(out.hidden_states[-2])
    assert out is not None
    return torch.cat(states, dim=-1).to(**like), out[0].to(**like)


def _flux_states(pipe: Any, prompts: Sequence[str], length: int) -> tuple[Tensor, Tensor]:
    clip, t5, device = pipe.text_encoder, pipe.text_encoder_2, pipe._execution_device
    short = _ids(pipe, pipe.tokenizer, prompts, pipe.tokenizer_max_length)
    long = _ids(pipe, pipe.tokenizer_2, prompts, length)
    pooled = clip(short.to(_device(clip))).pooler_output
    tokens = t5(long.to(_device(t5)))[0]
    return tokens.to(device, t5.dtype), pooled.to(device, clip.dtype)


def _ids(pipe: Any, tokenizer: Any, prompts: Sequence[str], length: int) -> Tensor:
    """(prompts, length), padded and cut; names from textual inversion are spelled out."""
    added, texts = tokenizer.added_tokens_encoder, list(prompts)
    if any(token in text for token in added for text in texts):
        texts = pipe.maybe_convert_prompt(texts, tokenizer)
    options: dict[str, Any] = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
    return tokenizer(texts, max_length=length, **options).input_ids


def left_out(tokenizer: Any, prompt: str, length: int) -> tuple[int, str]:
    """How many tokens of a prompt do not fit into `length`, and the text they stand for."""
    whole = tokenizer(prompt, verbose=False).input_ids  # verbose: it would warn about the length
    over = len(whole) - length
    if over <= 0:
        return 0, ""
    return over, tokenizer.decode(whole[length - 1 : -1]).strip()  # the end mark always stays


def _device(module: Any) -> torch.device:
    """Where a module wants its inputs, which with offloading is not where its weights are."""
    from diffusers.utils.torch_utils import get_module_execution_device

    return get_module_execution_device(module)
