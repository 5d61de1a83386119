"""Readers: vision LLMs that say what pictures show. Idefics2, Qwen-VL, or the built-in one.

Two ways in. `answer` takes conversations as transformers' chat templates do, for any of them.
`see` and `feed` are for Idefics2-class readers and long histories: a picture is looked at once,
and what was seen of it takes the place of each "<image>" in a text of the caller's own making.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from palate.backbones import loading
from palate.backbones.loading import library
from palate.errors import BadInput, Mismatch
from palate.store.tensors import content_fingerprint

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

Pixels = NDArray[np.uint8]
Message = dict[str, Any]
Pool = Literal["last", "mean", "max"]
_END = "<end_of_utterance>"


def asked(question: str, *pictures: Pixels) -> list[Message]:
    """A conversation that begins with some pictures and a question."""
    shown = [{"type": "image", "image": Image.fromarray(pixels)} for pixels in pictures]
    return [{"role": "user", "content": [*shown, {"type": "text", "text": question}]}]


def as_seen(pictures: Sequence[Float[Tensor, "P T C"]]) -> dict[str, Any]:
    """What was seen of pictures, row by row, as Idefics2 takes it in place of pixels."""
    kind = import_module("transformers.modeling_outputs").BaseModelOutputWithPooling
    return {"image": kind(pooler_output=[tokens.flatten(0, 1) for tokens in pictures])}


def _pooled(
    states: Float[Tensor, "B S C"], mask: Bool[Tensor, "B S 1"], pool: Pool
) -> Float[Tensor, "B C"]:
    if pool == "last":  # padding is on the left
        return states[:, -1]
    if pool == "mean":
        return (states * mask).sum(1) / mask.sum(1)
    return states.masked_fill(~mask, -torch.inf).amax(1)


class Reader:
    """A model that reads pictures and text, with the processor that prepares them."""

    def __init__(self, model: Any, processor: Any, *, name: str = "reader") -> None:
        self.model, self.processor, self.name = model.eval().requires_grad_(False), processor, name
        self.mark = loading.mark(name, {"reader": model})

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32
    ) -> Reader:
        """From a local folder, ours or the Hub's."""
        transformers = library("transformers")
        with loading._quiet():
            kind = transformers.AutoModelForImageTextToText
            model = loading.pretrained(kind, Path(folder), dtype=dtype)
            processor = transformers.AutoProcessor.from_pretrained(folder, local_files_only=True)
        return cls(model.to(device), processor, name=loading.called(folder))

    @torch.no_grad()
    def answer(
        self, conversations: Sequence[list[Message]], *, most: int = 96, at_once: int = 32
    ) -> list[str]:
        """What it says next in each, `most` tokens at most; greedy, so always the same."""
        answers: list[str] = []
        for start in range(0, len(conversations), at_once):
            given = self._given(conversations[start : start + at_once])
            said = self.model.generate(**given, max_new_tokens=most, do_sample=False)
            new = said[:, given["input_ids"].shape[1] :]
            texts = self.processor.batch_decode(new, skip_special_tokens=True)
            answers += [text.strip() for text in texts]
        return answers

    @property
    def layers(self) -> int:
        """How many layers read the text."""
        return self.model.config.get_text_config().num_hidden_layers

    @property
    def room(self) -> int:
        """How many tokens of text and pictures it can read at once."""
        return self.model.config.get_text_config().max_position_embeddings

    @property
    def width(self) -> int:
        """How wide their states are."""
        return self.model.config.get_text_config().hidden_size

    @cached_property
    def eyes(self) -> str:
        """A mark of all that `see` depends on; learning to read does not change it."""
        inner, parts = self.model.model, ("vision_model", "connector")
        state = inner.state_dict()
        mine = {name: value for name, value in state.items() if name.startswith(parts)}
        return content_fingerprint("eyes", {}, mine)

    @torch.no_grad()
    def see(self, pictures: Sequence[Pixels], *, at_once: int = 64) -> Float[Tensor, "N T C"]:
        """What it sees in each picture, before any text; worth keeping."""
        prepare = self.processor.image_processor
        if self.model.config.model_type != "idefics2":
            raise Mismatch(f"{self.name} is no Idefics2-class reader; its pictures cannot be kept.")
        found = []
        for start in range(0, len(pictures), at_once):
            some = [[Image.fromarray(pixels)] for pixels in pictures[start : start + at_once]]
            given = prepare(some, return_tensors="pt").to(self.model.device, self.model.dtype)
            out = self.model.model.get_image_features(**given, return_dict=True)
            found += out.pooler_output
        return torch.stack(found)

    def feed(
        self, texts: Sequence[str], seen: Sequence[Float[Tensor, "N T C"]], *, side: str = "left"
    ) -> dict[str, Any]:
        """What the model takes: texts with an <image> for each picture, and what was seen."""
        for text, pictures in zip(texts, seen, strict=True):
            if text.count("<image>") != len(pictures):
                raise Mismatch(
                    f"A text has {text.count('<image>')} places for pictures, and "
                    f"{len(pictures)} were given."
                )
        given = self.processor(
            text=list(texts), padding=True, padding_side=side, return_tensors="pt"
        )
        shown = [pictures.to(self.model.dtype) for pictures in seen if len(pictures)]
        device = self.model.device
        fed = {name: given[name].to(device) for name in ("input_ids", "attention_mask")}
        if shown:
            fed["mm_encoder_outputs"] = as_seen(shown)
        return fed

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, an <image> as many as a picture has."""
        return self.processor(text=list(texts)).input_ids

    def word(self, text: str) -> int:
        """The one token an assistant says for a word such as "yes"."""
        alone, said = self.tokens([f"Assistant:{_END}", f"Assistant: {text}{_END}"])
        if len(said) != len(alone) + 1:
            raise BadInput(f"{text!r} is {len(said) - len(alone)} tokens to {self.name}, not one.")
        return said[-2]

    @torch.no_grad()
    def logits(
        self, texts: Sequence[str], seen: Sequence[Float[Tensor, "N T C"]], *, at_once: int = 64
    ) -> Float[Tensor, "B V"]:
        """How likely each token comes next in each text."""
        found = []
        for start in range(0, len(texts), at_once):
            some = slice(start, start + at_once)
            fed = self.feed(texts[some], seen[some])
            out = self.model(**fed, use_cache=False, logits_to_keep=1)
            found.append(out.logits[:, -1].float())
        return torch.cat(found)

    @torch.no_grad()
    def states(
        self,
        texts: Sequence[str],
        seen: Sequence[Float[Tensor, "N T C"]],
        *,
        pool: Pool = "last",
        at_once: int = 64,
    ) -> Float[Tensor, "B L C"]:
        """Each text's state in every layer, of its last token or over all; layer 0 is what goes
        in."""
        found = []
        for start in range(0, len(texts), at_once):
            some = slice(start, start + at_once)
            fed = self.feed(texts[some], seen[some])
            out = self.model.model(**fed, output_hidden_states=True, use_cache=False)
            mask = fed["attention_mask"].bool()[..., None]
            found.append(
                torch.stack([_pooled(h, mask, pool) for h in out.hidden_states], 1).float()
            )
        return torch.cat(found)

    def _given(self, conversations: Sequence[list[Message]]) -> Any:
        if not all(conversations):
            raise BadInput("A conversation is empty. Ask something: asked('What is this?', pixels)")
        how = {"padding": True, "padding_side": "left", "return_tensors": "pt"}
        given = self.processor.apply_chat_template(
            list(conversations),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            processor_kwargs=how,
        )
        return given.to(self.model.device, dtype=self.model.dtype)
