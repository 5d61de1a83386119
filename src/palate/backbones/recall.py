"""What a reader has heard, kept in memory: a text that begins as an earlier one goes on from there.

A history with one more picture in it costs one picture, not the history. Keys and values are those
of a pass over the whole text, up to the last digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from palate.backbones.loading import library
from palate.backbones.reader import Reader, as_seen

if TYPE_CHECKING:
    from jaxtyping import Float

KEPT = 8  # texts: four people, each as they are and as who likes what they dislike


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """One text, its pictures' marks, and every layer's keys and values."""

    ids: list[int]
    pictures: list[bytes]
    past: Any


class Recall:
    """A reader that remembers the texts it heard last."""

    def __init__(self, reader: Reader, most: int = KEPT) -> None:
        self.reader, self.most = reader, most
        self._heard: list[Heard] = []  # the longest ago first
        self._lock = Lock()  # a service reads for several people at once

    def states(
        self, texts: Sequence[str], seen: Sequence[Float[Tensor, "N T C"]]
    ) -> Float[Tensor, "B L C"]:
        """As `Reader.states`, of each text's last token."""
        return torch.stack([self._states(*one) for one in zip(texts, seen, strict=True)])

    @torch.no_grad()
    def _states(self, text: str, pictures: Float[Tensor, "N T C"]) -> Float[Tensor, "L C"]:
        fed, each = self.reader.feed([text], [pictures]), pictures.shape[1]
        ids, marks = fed["input_ids"][0].tolist(), [_mark(one) for one in pictures]
        past, known = self._take(ids, marks, each)
        fed["input_ids"] = fed["input_ids"][:, known:]
        fed.pop("mm_encoder_outputs", None)
        if len(new := pictures[self._pictures(ids[:known], each) :]):
            fed["mm_encoder_outputs"] = as_seen([new.to(self.reader.model.dtype)])
        out = self.reader.model.model(
            **fed, past_key_values=past, use_cache=True, output_hidden_states=True
        )
        with self._lock:
            self._heard.append(Heard(ids=ids, pictures=marks, past=out.past_key_values))
            del self._heard[: -self.most]
        return torch.stack([states[0, -1] for states in out.hidden_states]).float()

    def _take(self, ids: list[int], marks: list[bytes], each: int) -> tuple[Any, int]:
        """Keys and values of the longest beginning that was heard, and how long it is."""
        with self._lock:
            lengths = [self._shared(heard, ids, marks, each) for heard in self._heard]
            known = max(lengths, default=0)
            if not known:
                return library("transformers").DynamicCache(), 0
            heard = self._heard.pop(lengths.index(known))
        heard.past.crop(known - len(heard.ids))  # below zero: so many are taken off the end
        return heard.past, known

    def _shared(self, heard: Heard, ids: list[int], marks: list[bytes], each: int) -> int:
        """How many first tokens of both are the same, pictures whole; one at least is left over.

        None where no picture is among them: texts of any two people begin with "User:".
        """
        known = _alike(heard.ids, ids[:-1])
        whole = min(_alike(heard.pictures, marks), self._pictures(ids[:known], each))
        if not whole:
            return 0
        if whole == len(marks):
            return known
        places = [n for n, token in enumerate(ids) if token == self._image]
        return min(known, places[whole * each])

    def _pictures(self, ids: list[int], each: int) -> int:
        """How many pictures, of so many tokens each, are whole in the first tokens of a text."""
        return ids.count(self._image) // each

    @property
    def _image(self) -> int:
        return self.reader.model.config.image_token_id


def _alike(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many first items are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _mark(tokens: Float[Tensor, "T C"]) -> bytes:
    return sha256(tokens.detach().float().cpu().numpy().tobytes()).digest()
