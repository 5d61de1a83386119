"""Is a checkpoint's folder whole, of a kind we know and free of pickles? Asked before loading.

Nothing but headers is read, so that a truncated download of 30 GB costs one sentence and no memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from palate.errors import BadFile, BadInput, Mismatch

PIPELINES = {"StableDiffusionXLPipeline": "sdxl", "FluxPipeline": "flux"}
WEIGHTED = {  # the parts of a pipeline that hold weights
    "sdxl": ("unet", "vae", "text_encoder", "text_encoder_2"),
    "flux": ("transformer", "vae", "text_encoder", "text_encoder_2"),
}
_STEMS = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}
_WORDS = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "tokenizer.model")
_AGAIN = "Get it again, or make it anew."
_MAX_JSON = 64 * 2**20


def check_pipeline(folder: Path) -> str:
    """Of which kind it is, once the weights of every part proved to be there and whole."""
    index = _index(folder)
    kind = _kind(folder, index)
    for part, home in index.items():
        if isinstance(home, list) and len(home) == 2 and all(isinstance(h, str) for h in home):
            _check_part(folder, part, *home)
    for part in WEIGHTED[kind]:
        if part not in index or index[part] == [None, None]:
            raise BadFile(f"{folder / 'model_index.json'} names no {part}. {_AGAIN}")
        weights(folder / part, _STEMS[index[part][0]])
    return kind


def _kind(folder: Path, index: Mapping[str, Any]) -> str:
    found = index.get("_class_name")
    if found not in PIPELINES:
        raise Mismatch(
            f"{folder / 'model_index.json'} describes a {found}. Palate works with "
            f"{' and '.join(PIPELINES)}."
        )
    return PIPELINES[found]


def weights(folder: Path, stem: str) -> list[Path]:
    """The safetensors files of one model, each checked."""
    read_json(folder / "config.json")
    single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if not single.is_file() and not index.is_file():
        raise BadFile(f"{single} does not exist{_instead(folder)}. {_AGAIN}")
    files = [single] if single.is_file() else list(_shards(folder, index))
    for file in files:
        tensors_in(file)
    return files


def tensors_in(path: Path) -> int:
    """How many tensors a safetensors file holds, if its length is what its header says."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = file.read(length) if 8 + length <= size and length <= _MAX_JSON else None
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}.") from None
    if header is None:
        raise BadFile(f"{path} is damaged: it is cut off, or no safetensors file. {_AGAIN}")
    try:
        table = json.loads(header)
        table.pop("__metadata__", None)
        ends = [int(entry["data_offsets"][1]) for entry in table.values()]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        raise BadFile(f"{path} is damaged: its header cannot be read. {_AGAIN}") from None
    whole = 8 + length + max(ends, default=0)
    if size != whole:
        raise BadFile(
            f"{path} is damaged: it should have {whole:,} bytes and has {size:,}. {_AGAIN}"
        )
    return len(ends)


def read_json(path: Path) -> dict[str, Any]:
    """A table from a JSON file of a checkpoint."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise BadFile(f"{path} does not exist. {_AGAIN}") from None
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadFile(f"{path} is damaged: it is not a table in JSON. {_AGAIN}")
    return found


def _index(folder: Path) -> dict[str, Any]:
    if not (folder / "model_index.json").is_file():
        raise BadInput(
            f"{folder} is not a folder with a diffusers pipeline (model_index.json is missing). "
            "Give one made by save_pretrained, or download the checkpoint first."
        )
    return read_json(folder / "model_index.json")


def _check_part(folder: Path, part: str, home: str, kind: str) -> None:
    if home not in _STEMS:
        raise Mismatch(
            f"{folder / 'model_index.json'} takes its {part} from {home!r}; only parts of "
            "diffusers and transformers are loaded, so that no foreign code runs."
        )
    if not (folder / part).is_dir():
        raise BadFile(f"{folder / part} does not exist. {_AGAIN}")
    if "Tokenizer" in kind and not any((folder / part / name).is_file() for name in _WORDS):
        raise BadFile(f"{folder / part} holds no words (none of {', '.join(_WORDS)}). {_AGAIN}")
    for file in (folder / part).glob("*.json"):
        if file.stat().st_size <= _MAX_JSON:
            read_json(file)


def _instead(folder: Path) -> str:
    """What lies where the weights should be, if that is something."""
    for pattern, why in (
        ("*.bin", "only a pickle does, and Palate never unpickles"),
        ("*.safetensors", "only a variant of it does: rename it, or save it with no variant"),
    ):
        if found := sorted(file.name for file in folder.glob(pattern)):
            return f" ({found[0]}: {why})"
    return ""


def _shards(folder: Path, index: Path) -> Iterator[Path]:
    table = read_json(index).get("weight_map")
    names = set(table.values()) if isinstance(table, dict) and table else {None}
    for name in sorted(names, key=str):
        if not isinstance(name, str) or Path(name).name != name:
            raise BadFile(f"{index} is damaged: it does not list its files. {_AGAIN}")
        if not (folder / name).is_file():
            raise BadFile(f"{folder / name} does not exist. {_AGAIN}")
        yield folder / name
