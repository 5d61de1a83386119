"""Requests before the model and pictures after it, alike for every backbone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
from torch import Tensor

from palate.errors import BadInput, PalateError
from palate.types import Mark, Picture, Request


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a request that says nothing gets; kept beside the model's weights."""

    width: int
    height: int
    steps: int
    guidance: float
    at_once: int = 8  # pictures in one forward pass, at most
    text_length: int = 512  # T5 tokens (FLUX only; schnell was trained with 256)
    regional: float = 1.0  # how much of a region's own text it bears before things go astray

    def __post_init__(self) -> None:
        whole = ("width", "height", "steps", "at_once", "text_length")
        for name in (*whole, "guidance", "regional"):
            value, kinds = getattr(self, name), (int,) if name in whole else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds) or value < (name in whole):
                raise ValueError(f"{name} is {value!r}")


def complete(request: Request, defaults: Defaults, multiple: int) -> Request:
    """The request with nothing left open, or a sentence saying what cannot be done."""
    known = {name: getattr(request, name) for name in ("width", "height", "steps", "guidance")}
    filled = {n: getattr(defaults, n) if v is None else v for n, v in known.items()}
    for name in ("width", "height"):
        _check_side(name, filled[name], multiple)
    if not isfinite(filled["guidance"]) or filled["guidance"] < 0:
        raise BadInput(f"guidance is {filled['guidance']}; it must be 0 or more, 3 to 8 is usual.")
    if filled["steps"] > 1000:
        raise BadInput(f"steps is {filled['steps']}; models have at most 1000, 20 to 50 is usual.")
    return replace(request, **filled)


def _check_side(name: str, side: int, multiple: int) -> None:
    below = side // multiple * multiple
    if side == below:
        return
    nearest = f"{below} and {below + multiple}" if below else str(multiple)
    raise BadInput(
        f"The {name} is {side}; this model makes multiples of {multiple}. Nearest: {nearest}."
    )


def batches(
    requests: Sequence[Request], alike: Callable[[Request], Any], at_once: int
) -> list[list[int]]:
    """Numbers of the requests that can share forward passes, at most so many at once."""
    groups: dict[Any, list[int]] = {}
    for number, request in enumerate(requests):
        groups.setdefault(alike(request), []).append(number)
    return [
        numbers[start : start + at_once]
        for numbers in groups.values()
        for start in range(0, len(numbers), at_once)
    ]


def pictures(pixels: Tensor, requests: Sequence[Request], mark: Mark) -> list[Picture]:
    """Decoded images (B, 3, height, width) in -1 to 1, as sRGB bytes, rounded as diffusers does."""
    bad = (~pixels.isfinite()).flatten(1).any(1)
    if bad.any():
        worst = requests[int(bad.int().argmax())]
        raise PalateError(
            f"The picture of {worst.prompt!r} came out as values that are no numbers. Ask with "
            f"less guidance (it is {worst.guidance}) or strength ({worst.strength:g}); if that "
            "does not help, the weights are damaged or want fp32."
        )
    unit = (pixels * 0.5 + 0.5).clamp(0, 1).cpu().permute(0, 2, 3, 1).float().numpy()
    return [
        Picture(pixels=each, request=request, backbone=mark)
        for each, request in zip((unit * 255).round().astype(np.uint8), requests, strict=True)
    ]
