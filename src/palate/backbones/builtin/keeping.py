"""Models as folders: kept in bf16, found again by whoever builds on them."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

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
