"""Lending FLUX several texts at once, each heard where its region is.

FLUX has no cross-attention whose keys another text could share: a text lives in the stream with the
picture. So the texts of the regions stand behind the prompt's, and a bias on the attention's logits
(`ops.attention.placed`) says how much of each a place hears. It is one forward pass, and all that
is touched is what goes into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from palate.backbones.attending import Pass
from palate.backbones.lending import Riders, announced, people_in, silent, turns, watching
from palate.backbones.voices import Voice
from palate.errors import BadInput, Mismatch
from palate.ops.attention import placed
from palate.ops.regions import on_grid

Keywords = dict[str, Any]


@contextmanager
def placing(
    transformer: Any,
    voices: Sequence[Voice],
    passing: Callable[..., Pass],
    guess: Callable[[Pass, int], Riders],
) -> Iterator[None]:
    """Let texts take their share of the picture from the prompt."""
    heard = [voice for voice in voices if not silent(voice.strength)]
    for voice in heard:
        _check(voice, transformer.config.joint_attention_dim)
    if not heard:
        yield
        return
    people = max(people_in(len(voice.tokens), voice.strength) for voice in heard)

    def note(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], Keywords]:
        now = passing(*args, **kwargs)
        riders = announced() or guess(now, people)
        speaking = [v for v in heard if riders.within(v.window)]
        return args, _beside(kwargs, speaking, riders, now) if speaking else dict(kwargs)

    with watching(transformer, note):
        yield


def _beside(
    kwargs: Mapping[str, Any], voices: Sequence[Voice], riders: Riders, now: Pass
) -> Keywords:
    """What goes into the pass, the texts of the voices behind the prompt's."""
    text = kwargs["encoder_hidden_states"]
    found = [_for_rows(voice, riders, now, text) for voice in voices]
    lengths = [text.shape[1], *(tokens.shape[1] for tokens, _ in found)]
    extra = dict(kwargs.get("joint_attention_kwargs") or {})
    outer = extra.get("attention_mask")
    shares = torch.stack([shares for _, shares in found], 1)
    bias = placed(shares, lengths, _loudness(outer, text.shape[1]))
    _also(bias, outer, text.shape[1])
    ids = kwargs["txt_ids"]
    return {
        **kwargs,
        "encoder_hidden_states": torch.cat([text, *(tokens for tokens, _ in found)], 1),
        "txt_ids": torch.cat([ids, ids.new_zeros(sum(lengths[1:]), ids.shape[-1])]),
        "joint_attention_kwargs": {**extra, "attention_mask": bias.to(text.dtype)},
    }


def _for_rows(voice: Voice, riders: Riders, now: Pass, text: Tensor) -> tuple[Tensor, Tensor]:
    """A voice's tokens for each row of the pass, and its share of each place."""
    turn = turns(riders, voice.strength, len(voice.tokens))
    whose, strength = [0] * len(text), [0.0] * len(text)
    for row, who, how in turn:
        whose[row], strength[row] = who, how * riders.speaking[row]
    shares = torch.tensor(strength, device=text.device)[:, None]
    if voice.mask is None:
        shares = shares.expand(-1, now.size[0] * now.size[1])
    else:
        mask = voice.mask.to(shares).reshape(-1, *voice.mask.shape[-2:])
        grid = on_grid(mask, *now.size)[..., 0]
        shares = shares * (grid if len(grid) == 1 else grid[whose])
    return voice.tokens.to(text)[whose], shares


def _loudness(outer: Tensor | None, prompt: int) -> float | None:
    """As how many tokens a place hears all texts of an outer `with`; alike at every place."""
    return None if outer is None else float(outer[0, 0, -1, :prompt].float().exp().sum())


def _also(bias: Tensor, other: Tensor | None, prompt: int) -> None:
    """Add what an outer `with` asked of the prompt's tokens and the picture's, in place."""
    if other is None:
        return
    places = other.shape[-1] - prompt
    for rows, their_rows in ((slice(prompt), slice(prompt)), (slice(-places, None),) * 2):
        for columns, theirs in ((slice(prompt), slice(prompt)), (slice(-places, None),) * 2):
            bias[..., rows, columns] += other[..., their_rows, theirs]


def _check(voice: Voice, width: int) -> None:
    if voice.tokens.shape[-1] != width:
        raise Mismatch(
            f"The voice's tokens are {voice.tokens.shape[-1]} wide; this model's text takes "
            f"{width}. Make the tokens with the method and for the backbone they are used with."
        )
    if voice.layers or voice.negative is not None:
        raise BadInput(
            "In FLUX a region speaks in every block and only where the prompt is heard. Leave out "
            "its layers and its negative tokens."
        )
