"""Lending a FLUX transformer low-rank changes (LoRA, peft) of all linear layers of its blocks.

Diffusers' own adapters, which `pipe.load_lora_weights` also makes; taken off on exit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from palate.backbones.loading import library
from palate.errors import BadInput, Mismatch

NAME = "person"
BLOCKS = ("transformer_blocks", "single_transformer_blocks")
ENDS = (f"lora_A.{NAME}.weight", f"lora_B.{NAME}.weight")


@contextmanager
def tuning(
    transformer: Any, rank: int, weights: Mapping[str, Tensor] | None = None, *, seed: int = 0
) -> Iterator[nn.ParameterDict]:
    """The weights of the change, by name: given ones, or such that nothing is changed yet."""
    if rank < 1:
        raise BadInput(f"The rank of a LoRA is {rank}; it must be at least 1.")
    if getattr(transformer, "_hf_peft_config_loaded", False):
        raise BadInput(
            "This model carries a LoRA already. Fuse it (`pipe.fuse_lora()`), or unload it."
        )
    peft, names = library("peft"), list(places(transformer))
    config = peft.LoraConfig(r=rank, lora_alpha=rank, target_modules=names)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        transformer.add_adapter(config, NAME)
    try:
        found = {n: w for n, w in transformer.named_parameters() if n.endswith(ENDS)}
        if weights is not None:
            _fill(found, weights)
        yield nn.ParameterDict({name.replace(".", "/"): weight for name, weight in found.items()})
    finally:
        transformer.unload_lora()


def places(transformer: Any) -> dict[str, nn.Linear]:
    """The layers that are changed."""
    return {
        name: layer
        for name, layer in transformer.named_modules()
        if isinstance(layer, nn.Linear) and name.startswith(BLOCKS)
    }


def size(transformer: Any, rank: int) -> int:
    """How many numbers a change has."""
    layers = places(transformer).values()
    return rank * sum(layer.in_features + layer.out_features for layer in layers)


@torch.no_grad()
def _fill(found: Mapping[str, nn.Parameter], weights: Mapping[str, Tensor]) -> None:
    theirs = {name.replace("/", "."): tensor for name, tensor in weights.items()}
    shapes, given = ({n: tuple(t.shape) for n, t in some.items()} for some in (found, theirs))
    if shapes != given:
        odd = sorted(set(shapes.items()) ^ set(given.items()))
        raise Mismatch(
            f"This LoRA was made for another model or rank; {odd[0][0]} differs. Fit it again."
        )
    for name, weight in found.items():
        weight.copy_(theirs[name])
