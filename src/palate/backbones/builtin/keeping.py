"""Models as folders: kept in bf16, found again by whoever builds on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from palate.backbones.flux import FLUX
from palate.backbones.sdxl import SDXL
from palate.errors import BadInput
from palate.store import write_json


def bring(backbone: SDXL | FLUX, device: torch.device) -> None:
    """Move the parts at rest to where the trained ones are."""
    if backbone.pipe.text_encoder.device != device:
        backbone.pipe.to(device)


def rounded(backbone: SDXL | FLUX) -> Any:
    """A copy in bf16, which is how weights are kept."""
    pipe = deepcopy(backbone.pipe).to(torch.bfloat16)
    return type(backbone)(pipe, name=backbone.name, defaults=backbone.defaults)


def keep(backbone: SDXL | FLUX, folder: Path) -> None:
    """The pipeline in bf16, as stock diffusers reads it, with our defaults beside it."""
    rounded(backbone).save_pretrained(folder)
    for part in ("text_encoder", "text_encoder_2"):
        comes_back_in_fp32(folder / part)


def comes_back_in_fp32(folder: Path) -> None:
    """Say so in a transformers config: unasked, diffusers reads into fp32 what lies in bf16, but
    transformers would not, and a pipeline of both kinds cannot run."""
    config = json.loads((folder / "config.json").read_bytes())
    write_json(folder / "config.json", {**config, "dtype": "float32"})


def folder_of(given: Path | str, what: str, recipe: str, setting: str) -> Path:
    """A folder that another recipe writes, or a sentence that names the recipe."""
    folder = Path(given)
    if not (folder / "config.json").is_file():
        raise BadInput(
            f"There is no {what} in {folder}. Run `palate train {recipe}` first, or say where it "
            f"is: {setting}=FOLDER."
        )
    return folder


def parted(folder: Path, alone: Callable[[str], bool]) -> None:
    """A model's file as two, of which the first holds these tensors alone, so that models that are
    alike in them can share it."""
    whole = load_file(folder / "model.safetensors")
    homes = {name: f"model-0000{1 + (not alone(name))}-of-00002.safetensors" for name in whole}
    for home in set(homes.values()):
        some = {name: tensor for name, tensor in whole.items() if homes[name] == home}
        save_file(some, folder / home, {"format": "pt"})
    size = sum(tensor.nbytes for tensor in whole.values())
    index = {"metadata": {"total_size": size}, "weight_map": homes}
    write_json(folder / "model.safetensors.index.json", index)
    (folder / "model.safetensors").unlink()
