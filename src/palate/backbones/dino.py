"""DINOv2: eyes that no words taught, by which likeness is measured beside a CLIP's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.backbones import loading
from palate.backbones.clips import described, points
from palate.errors import BadFile, MissingPart

if TYPE_CHECKING:
    from jaxtyping import Float

SOURCE = "facebook/dinov2-base (or -small, -large, -giant)"
_FILES = ("config.json", "model.safetensors", "preprocessor_config.json")


class Dino:
    """A Dinov2Model with its processor; a picture is its class token, of length 1."""

    def __init__(self, model: Any, pictures: Any, *, name: str = "dinov2") -> None:
        self.model, self._pictures = model.eval().requires_grad_(False), pictures
        self.mark, self.preprocessing = loading.mark(name, {"dino": model}), described(pictures)

    @classmethod
    def from_folder(cls, folder: Path, *, device: str = "cpu") -> Dino:
        """As the Hub has it."""
        missing = [file for file in _FILES if not (folder / file).is_file()]
        if missing:
            raise MissingPart(
                f"{folder} has no {', '.join(missing)} of {SOURCE}. Get the files of that "
                "checkpoint, and put them there."
            )
        transformers, local = loading.library("transformers"), {"local_files_only": True}
        with loading._quiet():
            model, told = transformers.Dinov2Model.from_pretrained(
                folder, output_loading_info=True, **local
            )
            pictures = transformers.BitImageProcessorPil.from_pretrained(folder, **local)
        if told["missing_keys"]:  # which transformers has filled with random numbers
            raise BadFile(
                f"{folder} does not hold {SOURCE}: {min(told['missing_keys'])} is missing."
            )
        return cls(model.to(device), pictures)

    @torch.no_grad()
    def see(
        self, pictures: Sequence[NDArray[np.uint8]], *, at_once: int = 64
    ) -> Float[Tensor, "N D"]:
        """Where each picture lies."""

        def look(pixels: Tensor) -> Tensor:
            return self.model(pixel_values=pixels.to(self.model.device)).last_hidden_state[:, 0]

        return points(pictures, self._pictures, look, at_once)
