"""A training as named tensors and JSON, and back. No pickle, whatever the optimizer keeps.

A sharded tensor (FSDP2) is gathered whole to be saved and cut again to be loaded, so a checkpoint
does not know how many processes wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

_PLAIN = (bool, int, float, str, type(None))


def flatten(value: Any, name: str = "") -> tuple[Any, dict[str, torch.Tensor]]:
    """Nested dicts, lists and tuples as JSON in which tensors are named, and the tensors."""
    tensors: dict[str, torch.Tensor] = {}

    def walk(value: Any, name: str) -> Any:
        if isinstance(value, torch.Tensor):
            tensors[name] = value.detach()
            return {"tensor": name}
        if isinstance(value, dict):  # as pairs: JSON would turn the number 0 into "0"
            return {"dict": [[key, walk(child, f"{name}.{key}")] for key, child in value.items()]}
        if isinstance(value, (list, tuple)):
            children = [walk(child, f"{name}.{i}") for i, child in enumerate(value)]
            return {type(value).__name__: children}
        if isinstance(value, _PLAIN):
            return value
        raise TypeError(f"{name} is a {type(value).__name__}, which a checkpoint cannot hold.")

    return walk(value, name), tensors


def unflatten(structure: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """What `flatten` was given."""
    if not isinstance(structure, dict):
        return structure
    ((kind, held),) = structure.items()
    if kind == "tensor":
        return tensors[held]
    if kind == "dict":
        return {key: unflatten(child, tensors) for key, child in held}
    return {"list": list, "tuple": tuple}[kind](unflatten(child, tensors) for child in held)


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor as one piece; every process must ask, as each holds a part."""
    return tensor.full_tensor().cpu() if _sharded(tensor) else tensor.detach()  # type: ignore[attr-defined]


def local(tensor: torch.Tensor) -> torch.Tensor:
    """The part of a tensor that lies here."""
    return tensor.to_local() if _sharded(tensor) else tensor  # type: ignore[attr-defined]


@contextmanager
def gathered(module: nn.Module) -> Iterator[None]:
    """Lend a sharded module its whole parameters: it has them by itself only within a loss."""
    if not hasattr(module, "unshard"):
        yield
        return
    module.unshard()  # type: ignore[operator]
    try:
        yield
    finally:
        module.reshard()  # type: ignore[operator]


def put(target: torch.Tensor, value: torch.Tensor) -> None:
    """Write a whole tensor into one that may be sharded, keeping its strides and data type."""
    if _sharded(target) and not _sharded(value):
        from torch.distributed.tensor import distribute_tensor

        # No source rank: every process has read the value, each takes its part.
        mesh, places = target.device_mesh, target.placements  # type: ignore[attr-defined]
        value = distribute_tensor(value.to(target.device), mesh, places, src_data_rank=None)
    with torch.no_grad():
        target.copy_(value)


def restore_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Load a state dict; what has a parameter's shape gets its strides and its shards."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for index, entry in saved["state"].items():
        for key, value in entry.items():
            if isinstance(value, torch.Tensor) and value.shape == parameters[index].shape:
                entry[key] = torch.empty_like(parameters[index], dtype=value.dtype)
                put(entry[key], value)
    optimizer.load_state_dict(saved)


def _sharded(tensor: torch.Tensor) -> bool:
    return hasattr(tensor, "full_tensor")  # a DTensor, without importing half of torch to say so
