"""Lending attentions: voices beside the text, or (SDXL) instead of it in their region.

A voice must be heard after softmax(QK)V and before the output projection, with the query the text
used, whatever processor is at work (a user's IP-Adapter, LoRA, xformers). So the processor stays,
and is shown its layer through a `Heard`: the same layer, whose `to_q` is listened to and whose
`to_out` first adds what the voices say. Nothing passes through `cross_attention_kwargs` (every
self-attention would warn), and nothing is computed twice.

FLUX has no cross-attention; there a voice speaks to the picture's places in the joint attention of
the double blocks, to their normed queries before the rotary embedding, as FLUX's IP-Adapters do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from palate.backbones.lending import Riders, announced, shadowing, silent, watching
from palate.backbones.speaker import Speaker
from palate.backbones.voices import Voice

Say = Callable[[Tensor, Tensor], Tensor]  # query and output of the text -> output


@dataclass(frozen=True)
class Pass:
    """A forward pass: its latents, when, and rows and columns of the picture's places."""

    latents: Tensor
    t: Any
    size: tuple[int, int]


@contextmanager
def attending(
    model: nn.Module,
    attentions: Mapping[str, nn.Module],
    voices: Sequence[Voice],
    passing: Callable[..., Pass],
    guess: Callable[[Pass, int], Riders],
) -> Iterator[None]:
    """Let voices speak in a model's attentions.

    Keys and values do not depend on the timestep: they are computed here, once.
    `passing` reads a forward pass off its arguments; `guess(passing, people)` says who rides in
    one that nobody announced.
    """
    speakers = [Speaker(voice, attentions) for voice in voices if not silent(voice.strength)]
    if not speakers:
        yield
        return

    def note(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        now = passing(*args, **kwargs)
        for speaker in speakers:
            riders = announced() or guess(now, speaker.people)
            speaker.take_turn(riders, now.size, now.latents.device)

    processors = [
        (attention, _Voiced(attention.processor, _saying(speakers, name)))
        for name, attention in attentions.items()
    ]
    with watching(model, note), shadowing("processor", processors):
        yield


def _saying(speakers: Sequence[Speaker], layer: str) -> Say:
    """Everybody's change to one layer's output; each answers to the text, not to the others."""

    def say(query: Tensor, z: Tensor) -> Tensor:
        out = z
        for speaker in speakers:
            out = speaker.speak(layer, query, z, out)
        return out

    return say


class _Voiced:
    """The processor that was there, shown a layer in which voices are heard."""

    def __init__(self, inner: Any, say: Say) -> None:
        self._inner, self._say = inner, say
        # Attention.forward reads from it which keyword arguments the processor takes.
        self.__call__ = inner.__call__

    def __call__(self, attention: Any, *args: Any, **kwargs: Any) -> Any:
        return self._inner(_Heard(attention, self._say), *args, **kwargs)


class _Heard:
    """An attention layer in which voices are heard; all else is the layer's own."""

    def __init__(self, attention: Any, say: Say) -> None:
        self._attention, self._say = attention, say

    def __getattr__(self, name: str) -> Any:
        return getattr(self._attention, name)

    def to_q(self, x: Tensor) -> Tensor:
        self._query = self._attention.to_q(x)
        return self._query

    @property
    def to_out(self) -> list[Callable[[Tensor], Tensor]]:
        project, *rest = self._attention.to_out
        return [lambda z: project(self._say(self._asking(), z)), *rest]

    def _asking(self) -> Tensor:
        """The query as the text is asked with it; FLUX norms each head's."""
        norm = getattr(self._attention, "norm_q", None)
        if norm is None:
            return self._query
        return norm(self._query.unflatten(-1, (self._attention.heads, -1))).flatten(-2)
