"""Readers: vision LLMs that say what pictures show. Idefics2, Qwen-VL, or the built-in one.

A conversation is a list of messages as transformers' chat templates take them; what is asked of
one picture is the same whatever batch it rides in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from palate.backbones import loading
from palate.backbones.loading import library
from palate.errors import BadInput

Pixels = NDArray[np.uint8]
Message = dict[str, Any]


def asked(question: str, *pictures: Pixels) -> list[Message]:
    """A conversation that begins with some pictures and a question."""
    shown = [{"type": "image", "image": Image.fromarray(pixels)} for pixels in pictures]
    return [{"role": "user", "content": [*shown, {"type": "text", "text": question}]}]


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
            model = kind.from_pretrained(folder, dtype=dtype, local_files_only=True)
            processor = transformers.AutoProcessor.from_pretrained(folder, local_files_only=True)
        return cls(model.to(device), processor, name=Path(folder).name)

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
