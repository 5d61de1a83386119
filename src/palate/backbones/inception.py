"""Inception-v3 as FIDs are measured by: 2048 numbers a picture, from the weights of 2015.

It is not quite torchvision's: means at the edges leave the padding out, and the last block takes a
maximum where others take a mean. Layers have the names under which the weights are handed round.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from palate.backbones import loading
from palate.backbones.encoders import resized, tensors
from palate.errors import BadFile
from palate.types import Mark

if TYPE_CHECKING:
    from jaxtyping import Float

NAME, SIDE = "inception-v3", 299
SOURCE = "pt_inception-2015-12-05 (of pytorch-fid's releases)"
Pool = Literal["mean", "most", "halve"]


class Step(NamedTuple):
    """A convolution: its name, how many channels it makes, its kernel; it may halve the picture."""

    name: str
    channels: int
    rows: int = 1
    columns: int = 1
    stride: int = 1


Chain = tuple[tuple[Step, ...], ...]  # one after another; those together go side by side


class Unit(nn.Module):
    """A convolution, its norm and a rectifier; same size, but where it halves."""

    def __init__(self, before: int, step: Step, *, padded: bool = True) -> None:
        super().__init__()
        kernel = step.rows, step.columns
        around = (step.rows // 2, step.columns // 2) if padded and step.stride == 1 else 0
        self.conv = nn.Conv2d(before, step.channels, kernel, step.stride, around, bias=False)
        self.bn = nn.BatchNorm2d(step.channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, channels, H, W)."""
        return F.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Several chains of units side by side, and what a pool lets through."""

    def __init__(self, before: int, chains: Sequence[Chain], pool: Pool, pooled: int = 0) -> None:
        super().__init__()
        self._chains, self._pool, self.after = chains, pool, 0
        for chain in chains:
            width = before
            for steps in chain:
                for step in steps:
                    self.add_module(step.name, Unit(width, step))
                width = sum(step.channels for step in steps)
            self.after += width
        if pooled:
            self.branch_pool = Unit(before, Step("", pooled))
        self.after += pooled or before

    def forward(self, x: Tensor) -> Tensor:
        """(N, before, H, W) to (N, after, H, W)."""
        found = []
        for chain in self._chains:
            y = x
            for steps in chain:
                y = torch.cat([self.get_submodule(step.name)(y) for step in steps], 1)
            found.append(y)
        return torch.cat([*found, self._pooled(x)], 1)

    def _pooled(self, x: Tensor) -> Tensor:
        if self._pool == "halve":
            return F.max_pool2d(x, 3, 2)
        if self._pool == "most":
            return self.branch_pool(F.max_pool2d(x, 3, 1, 1))
        return self.branch_pool(F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))


def _chain(name: str, *steps: tuple[int, ...]) -> Chain:
    """Steps numbered from 1, as in branch7x7_2; one alone has no number."""
    numbered = [f"_{n}" for n in range(1, len(steps) + 1)] if len(steps) > 1 else [""]
    return tuple((Step(f"branch{name}{n}", *s),) for n, s in zip(numbered, steps, strict=True))


def _wide(before: int, pooled: int) -> Mixed:
    double = _chain("3x3dbl", (64,), (96, 3, 3), (96, 3, 3))
    return Mixed(
        before, [_chain("1x1", (64,)), _chain("5x5", (48,), (64, 5, 5)), double], "mean", pooled
    )


def _long(c: int) -> Mixed:
    seven = _chain("7x7", (c,), (c, 1, 7), (192, 7, 1))
    double = _chain("7x7dbl", (c,), (c, 7, 1), (c, 1, 7), (c, 7, 1), (192, 1, 7))
    return Mixed(768, [_chain("1x1", (192,)), seven, double], "mean", 192)


def _forked(before: int, pool: Pool) -> Mixed:
    def fork(name: str) -> tuple[Step, ...]:
        return Step(f"branch{name}a", 384, 1, 3), Step(f"branch{name}b", 384, 3, 1)

    three = (*_chain("3x3_1", (384,)), fork("3x3_2"))
    double = (*_chain("3x3dbl", (448,), (384, 3, 3)), fork("3x3dbl_3"))
    return Mixed(before, [_chain("1x1", (320,)), three, double], pool, 192)


def _narrowing() -> list[Mixed]:
    double = _chain("3x3dbl", (64,), (96, 3, 3), (96, 3, 3, 2))
    seven = _chain("7x7x3", (192,), (192, 1, 7), (192, 7, 1), (192, 3, 3, 2))
    three = _chain("3x3", (192,), (320, 3, 3, 2))
    return [
        Mixed(288, [_chain("3x3", (384, 3, 3, 2)), double], "halve"),
        Mixed(768, [three, seven], "halve"),
    ]


class Inception(nn.Module):
    """From pictures to the mean of the last block's maps."""

    preprocessing = "resize 299 by 299, bicubic as Pillow's, unrounded, less 128 over 128"

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, Step("", 32, 3, 3, 2))
        self.Conv2d_2a_3x3 = Unit(32, Step("", 32, 3, 3), padded=False)
        self.Conv2d_2b_3x3 = Unit(32, Step("", 64, 3, 3))
        self.Conv2d_3b_1x1 = Unit(64, Step("", 80))
        self.Conv2d_4a_3x3 = Unit(80, Step("", 192, 3, 3), padded=False)
        first, second = _narrowing()
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _wide(192, 32), _wide(256, 64), _wide(288, 64)
        self.Mixed_6a, self.Mixed_6b = first, _long(128)
        self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = _long(160), _long(160), _long(192)
        self.Mixed_7a = second
        self.Mixed_7b, self.Mixed_7c = _forked(1280, "mean"), _forked(2048, "most")
        self.eval().requires_grad_(False)

    @classmethod
    def from_file(cls, file: Path, *, device: str = "cpu") -> Inception:
        """From the published weights as safetensors; the classes at their end are left out."""
        found = cls()
        held = {k: v for k, v in tensors(file, SOURCE).items() if not k.startswith("fc.")}
        try:
            found.load_state_dict(held)
        except RuntimeError as error:
            raise BadFile(f"{file} does not hold {SOURCE}: {str(error)[:200]}") from None
        return found.to(device)

    @property
    def mark(self) -> Mark:
        """Its name, by which a Fréchet distance is an FID, and its fingerprint."""
        return loading.mark(NAME, {"inception": self})

    def forward(self, x: Float[Tensor, "N 3 299 299"]) -> Float[Tensor, "N 2048"]:
        """Of pictures in about -1..1."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean((2, 3))

    @torch.inference_mode()
    def see(
        self, pictures: Sequence[NDArray[np.uint8]], *, at_once: int = 32
    ) -> Float[Tensor, "N 2048"]:
        """Where each picture lies."""
        found, like = [], self.Conv2d_1a_3x3.conv.weight
        for start in range(0, len(pictures), at_once):
            some = [resized(pixels, SIDE) for pixels in pictures[start : start + at_once]]
            found.append(self((torch.cat(some).to(like) - 128) / 128).float())
        return torch.cat(found)
