"""A voice at work: its keys and values in every layer, and whose turn it is in each pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from palate.backbones.lending import Riders, index, people_in, turns
from palate.backbones.voices import Voice
from palate.errors import BadInput, Mismatch
from palate.ops.attention import attend, change, split_heads
from palate.ops.regions import grid_of, on_grid


class Speaker:
    """What a voice says in each layer, for the rows of the forward pass at hand."""

    def __init__(self, voice: Voice, attentions: Mapping[str, Any]) -> None:
        _check_layers(voice, attentions)
        self.voice = voice
        self.people = people_in(len(voice.tokens), voice.strength)
        negative = [] if voice.negative is None else [voice.negative]
        tokens = torch.cat([voice.tokens, *negative])
        self._spoken = {
            name: _keys_and_values(voice, name, attention, tokens)
            for name, attention in attentions.items()
            if voice.level(name)
        }
        self._grids: dict[tuple[int, int], Tensor] = {}
        self._heads = {name: attention.heads for name, attention in attentions.items()}

    def take_turn(self, riders: Riders, size: tuple[int, int], device: torch.device) -> None:
        """Note, before a forward pass, in which rows to speak, with whose tokens, how strongly."""
        voice, count = self.voice, len(self.voice.tokens)
        heard = turns(riders, voice.strength, count) if riders.within(voice.window) else []
        if voice.negative is None:
            heard = [turn for turn in heard if riders.speaking[turn[0]]]
        self._silent, self._latent = not heard, size
        if not heard:
            return
        rows, whose, strength = zip(*heard, strict=True)
        stacked = [w + count * (not riders.speaking[r]) for r, w in zip(rows, whose, strict=True)]
        self._rows = index(rows, device)
        self._whose = index(whose, device)
        self._stacked = index(stacked, device)
        strengths = torch.tensor(strength, dtype=torch.float32, device=device)
        self._strength = strengths[:, None, None]

    def speak(self, layer: str, query: Tensor, z: Tensor, out: Tensor) -> Tensor:
        """`out`, changed by what the voice says to the query in the rows where it speaks."""
        if self._silent or layer not in self._spoken:
            return out
        k, v = (x.to(query)[self._stacked] for x in self._spoken[layer])
        mine = attend(split_heads(query[self._rows], self._heads[layer]), k, v)
        weight = self._strength * self.voice.level(layer) * self._mask(z.shape[1])
        said = change(z[self._rows], mine, weight.to(z.dtype), instead=self.voice.instead)
        out = out.clone()  # rows in which nobody speaks stay as they are, bit for bit
        out[self._rows] += said
        return out

    def _mask(self, places: int) -> Tensor | float:
        """(rows, places, 1) for the grid of a layer; the latent's shape tells rows from columns."""
        if self.voice.mask is None:
            return 1.0
        grid = grid_of(self._latent[0], self._latent[1], places)
        if grid not in self._grids:
            mask = self.voice.mask.to(self._strength)
            self._grids[grid] = on_grid(mask.reshape(-1, *mask.shape[-2:]), *grid)
        mask = self._grids[grid]
        return mask if len(mask) == 1 else mask[self._whose]


def _keys_and_values(
    voice: Voice, name: str, attention: Any, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """(B, H, T, D) each."""
    if voice.adapter is None:
        tokens = tokens.to(attention.to_q.weight)
        k, v = attention.to_k(tokens), attention.to_v(tokens)
    else:
        k, v = voice.adapter.keys_and_values(name, tokens)
    return split_heads(k, attention.heads), split_heads(v, attention.heads)


def _check_layers(voice: Voice, attentions: Mapping[str, Any]) -> None:
    for prefix in voice.layers:
        if prefix and not any(f"{name}.".startswith(f"{prefix}.") for name in attentions):
            blocks = sorted({".".join(name.split(".")[:2]) for name in attentions})
            raise BadInput(
                f"No cross-attention of this model is in {prefix!r}. They are in: "
                f"{', '.join(blocks)}."
            )
    for name, attention in attentions.items():
        if voice.level(name):
            _check_layer(voice, name, attention)


def _check_layer(voice: Voice, name: str, attention: Any) -> None:
    width = voice.tokens.shape[-1]
    if voice.adapter is None and not hasattr(attention, "cross_attention_dim"):
        raise BadInput(
            "This model has no cross-attention whose keys and values a voice could share. Give the "
            "voice an adapter (new_adapter)."
        )
    takes = attention.cross_attention_dim if voice.adapter is None else voice.adapter.tokens
    if width != takes:
        part = "this model's text" if voice.adapter is None else "the adapter"
        raise Mismatch(
            f"The voice's tokens are {width} wide; {part} takes {takes}. Make the tokens with the "
            "method and for the backbone they are used with."
        )
    if voice.adapter is not None and voice.adapter.width(name) != attention.inner_dim:
        raise Mismatch(
            f"The adapter is {voice.adapter.width(name)} wide in layer {name} (0: it has none); "
            f"this model is {attention.inner_dim} there. The adapter was made for another model."
        )
