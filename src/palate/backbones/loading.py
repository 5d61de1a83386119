"""Pipelines from folders, quietly; and which model it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from palate.backbones.asked import Defaults
from palate.errors import BadFile, BadInput, Mismatch
from palate.store import write_json
from palate.types import Mark

FILE = "palate.json"  # beside the pipeline's model_index.json: its name and defaults
_SAMPLES = 64  # signs read from each tensor


def load(kind: str, folder: Path, *, dtype: torch.dtype, device: str) -> Any:
    """A stock pipeline from a local folder, by its class's name; nothing is fetched."""
    if not (folder / "model_index.json").is_file():
        raise BadInput(
            f"{folder} is not a folder with a diffusers pipeline (model_index.json is missing). "
            "Give one made by save_pretrained, or download the checkpoint first."
        )
    pipeline = getattr(library("diffusers"), kind)
    with _quiet():
        parts = {
            part: pretrained(getattr(library("transformers"), name), folder / part, dtype=dtype)
            for part, name in _text_encoders(folder)
        }
        found = pipeline.from_pretrained(folder, dtype=dtype, local_files_only=True, **parts)
        return found.to(device)


def _text_encoders(folder: Path) -> list[tuple[str, str]]:
    """Each text encoder's place in the folder and its class's name."""
    index = json.loads((folder / "model_index.json").read_bytes())
    found = [(part, home) for part, home in index.items() if part.startswith("text_encoder")]
    return [(part, home[1]) for part, home in found if home and home[0] == "transformers"]


def pretrained(kind: Any, folder: Path, *, dtype: torch.dtype) -> Any:
    """One of transformers' models from a local folder, all of whose weights were there.

    For what a file lacks it draws random numbers, and says so only in a log.
    """
    model, told = kind.from_pretrained(
        folder, dtype=dtype, local_files_only=True, output_loading_info=True
    )
    if missing := sorted(told["missing_keys"]):
        raise BadFile(
            f"The weights in {folder} are not whole, or of another model: its config asks for "
            f"tensors that are not there ({len(missing)}, such as {missing[0]}). Get it again, or "
            "make it anew."
        )
    return model


def save(pipe: Any, folder: Path, name: str, defaults: Defaults) -> None:
    """The pipeline as diffusers saves it, with our name and defaults beside it."""
    pipe.save_pretrained(folder)
    write_json(folder / FILE, {"name": name, "defaults": asdict(defaults)})


def kept(folder: Path) -> tuple[str | None, Defaults | None]:
    """Name and defaults that were saved beside a pipeline, if they were."""
    path = folder / FILE
    if not path.is_file():
        return None, None
    try:
        found = json.loads(path.read_bytes())
        return str(found["name"]), Defaults(**found["defaults"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadFile(f"{path} is damaged ({error}). Get it again, or delete it.") from None


def still(pipe: Any) -> None:
    """Evaluation mode and no gradients: models made from a config start with dropout on."""
    for part in pipe.components.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)


def check_parts(pipe: Any, parts: tuple[str, ...], what: str) -> None:
    """Refuse a pipeline of another kind."""
    missing = [part for part in parts if getattr(pipe, part, None) is None]
    if missing:
        raise Mismatch(
            f"{type(pipe).__name__} has no {' and no '.join(missing)}; {what} is needed here."
        )


def mark(name: str, parts: Mapping[str, nn.Module]) -> Mark:
    """Name and fingerprint of what a method steers: the denoiser and the text encoders.

    From the shapes of all weights and the signs of a sample of each: cheap for billions of them,
    different for any fine-tune, the same in fp32, fp16 and bf16 (rounding keeps signs) and under
    any version of the libraries, which rename weights and add settings. VAE and scheduler may
    change without making a profile useless, and do not count.
    """
    digest = sha256()
    for part, module in sorted(parts.items()):
        digest.update(part.encode())
        digest.update(repr(sorted({_look(weight) for weight in module.parameters()})).encode())
    return Mark(name=name, fingerprint=digest.hexdigest())


def _look(weight: Tensor) -> tuple[tuple[int, ...], bytes]:
    flat = weight.detach().reshape(-1)
    signs = torch.signbit(flat[:: max(1, len(flat) // _SAMPLES)][:_SAMPLES])
    return tuple(weight.shape), b"" if weight.is_meta else signs.cpu().numpy().tobytes()


def called(folder: str | Path) -> str:
    """What to call a model by its folder; `palate train` leaves it in NAME/model."""
    path = Path(folder)
    return path.parent.name if path.name == "model" and path.parent.name else path.name


def library(name: str) -> Any:
    """diffusers or transformers, imported when first needed; their annotations do not hold."""
    module = import_module(name)
    if name == "diffusers":
        with _quiet():
            for part in ("StableDiffusionXLPipeline", "FluxPipeline"):
                getattr(module, part)  # imported when first named
    return module


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars, and no word about torchvision, which is missing on purpose."""
    from transformers.utils import logging as transformers_logging

    with ExitStack() as after:
        after.callback(transformers_logging.set_verbosity, transformers_logging.get_verbosity())
        transformers_logging.set_verbosity_error()
        from diffusers.utils import logging as diffusers_logging

        for library in (diffusers_logging, transformers_logging):
            if library.is_progress_bar_enabled():
                library.disable_progress_bar()
                after.callback(library.enable_progress_bar)
        yield
