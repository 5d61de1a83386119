"""Low-rank adapters (peft) in a reader's text model: what learns where all of it would not fit."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from palate.backbones import loading
from palate.backbones.loading import library
from palate.backbones.reader import Reader
from palate.errors import BadInput

PLACES = r".*text_model.*\.(q_proj|k_proj|v_proj|o_proj)"


class Lora:
    """A reader whose text model is changed by adapters alone; it keeps answering as itself."""

    def __init__(self, reader: Reader, rank: int, seed: int = 0) -> None:
        if rank < 1:
            raise BadInput(f"The rank of a LoRA is {rank}; it must be at least 1.")
        peft, torch = library("peft"), library("torch")
        config = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=PLACES)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            reader.model.add_adapter(config)
        self._reader = reader

    @property
    def layers(self) -> nn.Module:
        """All that learns."""
        model = self._reader.model
        ends = ("lora_A.default", "lora_B.default")  # "default" is what transformers names one
        return nn.ModuleList(part for name, part in model.named_modules() if name.endswith(ends))

    def save_pretrained(self, folder: Path) -> None:
        """The adapters and the processor; transformers finds the rest where it was read from."""
        with loading._quiet():
            self._reader.model.save_pretrained(folder)
            self._reader.processor.save_pretrained(folder)
