"""CLIPs: pictures and texts as points of one space. OpenAI's, OpenCLIP's, or the built-in one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from palate.backbones import loading
from palate.backbones.builtin.clip import clip_processor
from palate.backbones.lexicon import clip_tokenizer
from palate.backbones.loading import library

if TYPE_CHECKING:
    from jaxtyping import Float


class Clip:
    """A CLIPModel with its processor and tokenizer. All points have length 1."""

    def __init__(self, model: Any, pictures: Any, tokenizer: Any, *, name: str = "clip") -> None:
        self.model = model.eval().requires_grad_(False)
        self._pictures, self._tokenizer, self.name = pictures, tokenizer, name
        self.mark = loading.mark(name, {"clip": model})

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32
    ) -> Clip:
        """From a local folder, ours or the Hub's."""
        transformers = library("transformers")
        with loading._quiet():
            model = loading.pretrained(transformers.CLIPModel, Path(folder), dtype=dtype)
            pictures = transformers.CLIPImageProcessorPil.from_pretrained(
                folder, local_files_only=True
            )
            tokenizer = transformers.CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        return cls(model.to(device), pictures, tokenizer, name=loading.called(folder))

    @classmethod
    def of(cls, model: Any, *, name: str = "clip") -> Clip:
        """A model in memory that takes pictures and words as the built-in one does."""
        return cls(model, clip_processor(), clip_tokenizer(), name=name)

    @property
    def width(self) -> int:
        """How many numbers a point has."""
        return self.model.config.projection_dim

    @property
    def preprocessing(self) -> str:
        """What is done to a picture before it is seen."""
        return described(self._pictures)

    @torch.no_grad()
    def see(
        self, pictures: Sequence[NDArray[np.uint8]], *, at_once: int = 64
    ) -> Float[Tensor, "N D"]:
        """Where each picture lies."""

        def look(pixels: Tensor) -> Tensor:
            given = pixels.to(self.model.device, self.model.dtype)
            out = self.model.vision_model(pixel_values=given)
            return self.model.visual_projection(out.pooler_output)

        return points(pictures, self._pictures, look, at_once)

    @torch.no_grad()
    def read(self, texts: Sequence[str], *, at_once: int = 256) -> Float[Tensor, "N D"]:
        """Where each text lies; what is beyond its length is cut, and `cut` says so."""
        found = []
        how: dict[str, Any] = {"padding": True, "truncation": True, "return_tensors": "pt"}
        for start in range(0, len(texts), at_once):
            given = self._tokenizer(list(texts[start : start + at_once]), **how)
            out = self.model.text_model(**given.to(self.model.device))
            found.append(self.model.text_projection(out.pooler_output).float())
        return F.normalize(torch.cat(found), dim=1)

    def cut(self, text: str) -> str:
        """What of a text is too long to be read; mostly nothing."""
        ids = self._tokenizer(text, add_special_tokens=False).input_ids
        return self._tokenizer.decode(ids[self._tokenizer.model_max_length - 2 :])


def points(
    pictures: Sequence[NDArray[np.uint8]],
    prepare: Any,
    look: Callable[[Tensor], Tensor],
    at_once: int,
) -> Float[Tensor, "N D"]:
    """Where each picture lies, of length 1: prepared and looked at, some at once."""
    found = []
    for start in range(0, len(pictures), at_once):
        some = [Image.fromarray(pixels) for pixels in pictures[start : start + at_once]]
        found.append(look(prepare(some, return_tensors="pt").pixel_values))
    return F.normalize(torch.cat(found).float(), dim=1)


def described(processor: Any) -> str:
    """What an image processor of transformers does, in words."""
    how = processor.to_dict()
    steps = [_said("resize", how["size"])] if how["do_resize"] else []
    steps += [_said("crop", how["crop_size"])] if how["do_center_crop"] else []
    spread = (how["image_mean"], how["image_std"]) if how["do_normalize"] else ([0], [1])
    around, by = (" ".join(f"{number:g}" for number in numbers) for numbers in spread)
    kind = Image.Resampling(how["resample"]).name.lower()
    return ", ".join([*steps, kind, f"less {around}", f"over {by}"])


def _said(what: str, size: Any) -> str:
    """Such as "resize shortest_edge 224"."""
    return " ".join([what, *(f"{side} {pixels}" for side, pixels in dict(size).items() if pixels)])
