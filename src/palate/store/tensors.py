"""Named tensors in a safetensors file that says what they are. torch is imported when used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palate.errors import BadFile, NewerFile
from palate.store.files import writing
from palate.store.header import DTYPES, Header, header, is_proper

if TYPE_CHECKING:
    import torch

_NAMES = {torch_name: (name, size) for name, (torch_name, size) in DTYPES.items()}


def save(
    path: Path,
    tensors: Mapping[str, torch.Tensor],
    *,
    kind: str,
    config: Mapping[str, Any],
    version: int = 1,
) -> str:
    """Write tensors and what they are; the fingerprint of the content comes back.

    Written by us, not by safetensors' `save_file`: that leaves files only their owner can read, and
    reports a full disk as a string. Its `load_file` reads the result like any other.
    """
    mark = content_fingerprint(kind, config, tensors)
    entry = {"kind": kind, "version": version, "config": config, "fingerprint": mark}
    # Widest first keeps every tensor aligned, as safetensors does.
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    with writing(path) as part, part.open("wb") as file:
        file.write(_head({name: tensors[name] for name in names}, entry))
        for name in names:
            file.write(_raw(tensors[name]))
    return mark


def load(path: Path, *, kind: str, newest: int = 1) -> tuple[Header, dict[str, torch.Tensor]]:
    """The tensors of a file of ours, once it proved to be of this kind, readable and whole."""
    found = check_kind(path, kind, newest)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise BadFile(f"{path} cannot be read: {error}.") from None
    if content_fingerprint(found.kind, found.config, tensors) != found.fingerprint:
        raise BadFile(
            f"{path} is damaged: its content is not what its fingerprint says. Get it again, or "
            "make it anew."
        )
    return found, tensors


def check_kind(path: Path, kind: str, newest: int) -> Header:
    """The header of a file of ours, if it is of this kind and not from the future."""
    found = header(path)
    if found.kind != kind:
        raise BadFile(
            f"{path} is of kind {found.kind}; what is needed here is of kind {kind}. Give another "
            "file."
        )
    if found.version > newest:
        raise NewerFile(
            f"{path} was written by a later Palate (version {found.version} of its format; this "
            f"one reads up to {newest}). Upgrade: pip install --upgrade palate."
        )
    return found


def fingerprint(path: Path) -> str:
    """sha256 of a file's bytes, as sha256sum prints it."""
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}.") from None


def content_fingerprint(
    kind: str, config: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]
) -> str:
    """sha256 of what a file holds; when it was made (`made_at`) does not count."""
    as_read = json.loads(json.dumps(dict(config)))  # a file's keys are text, and sort as text
    lasting = {key: value for key, value in as_read.items() if key != "made_at"}
    names = sorted(tensors)
    table = [[name, str(tensors[name].dtype), list(tensors[name].shape)] for name in names]
    digest = sha256(json.dumps([kind, lasting, table], sort_keys=True).encode())
    for name in names:
        digest.update(_raw(tensors[name]))
    return digest.hexdigest()


def _head(tensors: Mapping[str, torch.Tensor], entry: Mapping[str, Any]) -> bytes:
    table: dict[str, Any] = {"__metadata__": {"palate": json.dumps(entry, sort_keys=True)}}
    end = 0
    for name, tensor in tensors.items():
        assert is_proper(name), name
        dtype, width = _NAMES[str(tensor.dtype).removeprefix("torch.")]
        begin, end = end, end + tensor.numel() * width
        table[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _raw(tensor: torch.Tensor) -> Any:
    """A tensor's bytes, copied only if they do not lie in order on the CPU."""
    import torch

    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
