"""The names of models, and the way from a name or a folder to one that is ready.

    sketchbook-sdxl           built in: a folder of this package
    sdxl, flux-dev, org/name  from the Hub's cache; PALATE_ALLOW_DOWNLOAD=1 lets it be filled
    tiny-sdxl                 random toys, for trying things
    path/to/folder            whatever save_pretrained wrote

Device and number format are decided here, once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from palate.backbones.clips import Clip
from palate.backbones.entries import ENTRIES as ENTRIES
from palate.backbones.entries import Entry, Kind
from palate.backbones.entries import names as names
from palate.backbones.flux import FLUX
from palate.backbones.judges import Judge
from palate.backbones.reader import Reader
from palate.backbones.sdxl import SDXL
from palate.backbones.vetting import (
    check_pipeline,
    read_json,
    tensors_in,
    weights,
)
from palate.errors import BadFile, BadInput, Mismatch, MissingPart, PalateError, unknown

BUILT_IN = Path(__file__).parents[1] / "weights"
DOWNLOAD = "PALATE_ALLOW_DOWNLOAD"  # nothing is fetched unless this is 1


_OPTIONS = {"judge": "judge", "reader": "reader", "clip": "clip", "method": "weights"}
_CLASSES: dict[str, type[SDXL] | type[FLUX]] = {"sdxl": SDXL, "flux": FLUX}
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILES = [
    "model_index.json",
    "config.json",
    "model.safetensors",
    "*/*.json",
    "*/*.txt",
    "*/*.model",
    "*/*model*.safetensors",
]
_NOT = ["*.fp16.*", "*.bf16.*", "vae_1_0/*", "vae_encoder/*", "vae_decoder/*", "onnx/*"]


def backbone(
    name_or_folder: str | Path, *, device: str | None = None, dtype: torch.dtype | None = None
) -> SDXL | FLUX:
    """A base model by name, Hub id or folder: on the GPU in bf16 if there is one, else in fp32."""
    device = device or usual_device()
    dtype = dtype or (torch.bfloat16 if device.startswith("cuda") else torch.float32)
    entry = _entry(name_or_folder, "sdxl", "flux")
    if entry and entry.toy:
        return _toy(entry, device, dtype)
    folder = _folder(name_or_folder, entry)
    kind = check_pipeline(folder)
    if entry and entry.kind != kind:
        raise Mismatch(f"{entry.name} is of kind {entry.kind}, and {folder} holds a {kind} model.")
    with _loading(folder, device):
        found = _CLASSES[kind].from_pretrained(folder, device=device, dtype=dtype)
    if folder != Path(name_or_folder) and found.name == folder.name:
        found.name = str(name_or_folder)  # the Hub's cache names folders by their commit
        found.mark = replace(found.mark, name=found.name)
        if entry and entry.text_length:
            found.defaults = replace(found.defaults, text_length=entry.text_length)
    return found


def judge(name_or_folder: str | Path = "sketchbook-judge", *, device: str | None = None) -> Judge:
    """A judge of the drawn world, by name or from the folder `palate train` left it in."""
    from safetensors.torch import load_file

    folder = _folder(name_or_folder, _entry(name_or_folder, "judge"))
    device = device or usual_device()
    (file,) = weights(folder, "model")
    with _loading(folder, device):  # not from_pretrained, which prints
        found = Judge(**read_json(folder / "config.json"))
        found.load_state_dict(load_file(file))
        return found.to(device).eval().requires_grad_(False)


def reader(
    name_or_folder: str | Path = "sketchbook-reader",
    *,
    device: str | None = None,
    dtype: torch.dtype | None = None,
) -> Reader:
    """A reader by name, Hub id or folder."""
    return _whole(Reader, "reader", name_or_folder, device, dtype)


def clip(
    name_or_folder: str | Path = "sketchbook-clip",
    *,
    device: str | None = None,
    dtype: torch.dtype | None = None,
) -> Clip:
    """A CLIP by name, Hub id or folder."""
    return _whole(Clip, "clip", name_or_folder, device, dtype)


ADAPTER = "adapter_config.json"  # peft's
Whole = TypeVar("Whole", Reader, Clip)


def _whole(
    cls: type[Whole],
    kind: Kind,
    given: str | Path,
    device: str | None,
    dtype: torch.dtype | None,
) -> Whole:
    """One transformers model, its files checked before and its tensors after."""
    device = device or usual_device()
    dtype = dtype or (torch.bfloat16 if device.startswith("cuda") else torch.float32)
    folder = _folder(given, _entry(given, kind))
    _check_files(folder)
    with _loading(folder, device):
        found = cls.from_pretrained(folder, device=device, dtype=dtype)
    if folder != Path(given):
        found.name = str(given)
        found.mark = replace(found.mark, name=found.name)
    return found


def _check_files(folder: Path) -> None:
    """The weight files of a transformers model; adapters lie beside what they adapt."""
    if (folder / ADAPTER).is_file():
        tensors_in(folder / "adapter_model.safetensors")
        folder = _folder(str(read_json(folder / ADAPTER).get("base_model_name_or_path")), None)
    weights(folder, "model")


def folder(name: str) -> Path:
    """Where the weights of a method lie in this package."""
    entry = _entry(name, "method")
    assert entry is not None
    return _of_this_package(entry)


def _toy(entry: Entry, device: str, dtype: torch.dtype) -> SDXL | FLUX:
    module, function = entry.source.split(":")
    toy = getattr(import_module(module), function)()
    for part in toy.pipe.components.values():
        if isinstance(part, nn.Module):
            nn.Module.to(part, device, dtype)  # diffusers' own `to` complains of the cast
    return toy


def usual_device() -> str:
    """Where models go if nobody says: to the GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _entry(name_or_folder: str | Path, *kinds: Kind) -> Entry | None:
    """The entry of that name, if it is one; a folder called like an entry is given as ./NAME."""
    name = str(name_or_folder)
    entry = ENTRIES.get(name) if isinstance(name_or_folder, str) else None
    if entry and entry.kind not in kinds:
        raise Mismatch(
            f"{name} is a {entry.kind}; what is needed here is one of: {', '.join(names(*kinds))}."
        )
    if entry or Path(name).is_dir() or _HUB_ID.fullmatch(name):
        return entry
    if isinstance(name_or_folder, Path) or os.sep in name:
        raise BadInput(f"There is no folder {name}. Give one, or: {', '.join(names(*kinds))}.")
    raise unknown(" or ".join(kinds) + " model", name, names(*kinds))


def _folder(name_or_folder: str | Path, entry: Entry | None) -> Path:
    """Where the files lie."""
    if entry and entry.built_in:
        return _of_this_package(entry)
    if entry is None and Path(name_or_folder).is_dir():
        return Path(name_or_folder)
    return _from_hub(str(name_or_folder), entry.source if entry else str(name_or_folder))


def _of_this_package(entry: Entry) -> Path:
    folder = BUILT_IN / entry.name
    if folder.is_dir():
        return folder
    option = _OPTIONS.get(entry.kind, "backbone")
    toy = " To just try things, name tiny-sdxl." if option == "backbone" else ""
    raise MissingPart(
        f"The weights of {entry.name} are not in this installation ({folder}). Make them with "
        f"`palate train {entry.name}` and name the folder out/train/{entry.name}/model, as in "
        f"--{option} out/train/{entry.name}/model.{toy}"
    )


def _from_hub(name: str, repo: str) -> Path:
    """The checkpoint's folder in the Hub's cache, fetched only where that is allowed."""
    from huggingface_hub import snapshot_download

    allowed = os.environ.get(DOWNLOAD) == "1"
    try:
        found = snapshot_download(
            repo, local_files_only=not allowed, allow_patterns=_FILES, ignore_patterns=_NOT
        )
    except (OSError, ValueError) as error:
        if allowed:
            raise PalateError(f"{repo} cannot be downloaded: {_first_line(error)}") from None
        missing = (
            f"{name} ({repo}) is not" if name != repo else f"No folder or checkpoint {name} is"
        )
        raise MissingPart(
            f"{missing} on this machine. Set {DOWNLOAD}=1 to download it from the Hub, or give "
            "the folder where its files lie."
        ) from None
    return Path(found)


@contextmanager
def _loading(folder: Path, device: str) -> Iterator[None]:
    """Whatever two libraries raise on files that contradict one another, as a sentence."""
    try:
        yield
    except PalateError:
        raise
    except (MemoryError, torch.OutOfMemoryError):
        raise PalateError(f"{folder} does not fit into the memory of {device}.") from None
    except Exception as error:
        raise BadFile(
            f"{folder} cannot be loaded, its weights and configs do not belong together: "
            f"{_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__
