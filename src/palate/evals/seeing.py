"""Each picture is seen once by each encoder: encoders are nearly all of what measuring costs.

A picture is known by its pixels, so that the same one twice, or under two names, is seen once. What
was seen may be kept in a file; a file that another encoder made is refused before it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate import store
from palate.errors import BadInput, Mismatch
from palate.evals.measures import Encoder, Eye, Seen
from palate.types import Mark

if TYPE_CHECKING:
    from jaxtyping import Float

KIND = "points"
Pixels = NDArray[np.uint8]


def key_of(pixels: Pixels) -> bytes:
    """Which picture it is, by its content."""
    return sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).digest()


class Memory:
    """Numbers that an eye gave, by what they are of; with a file, from one run to the next."""

    def __init__(self, eye: Eye, file: Path | None = None) -> None:
        self.eye, self.file = eye, file
        self._points: dict[bytes, Tensor] = {}
        if file is not None and file.exists():
            self.merge(file)

    def __len__(self) -> int:
        return len(self._points)

    def of(
        self,
        keys: Sequence[bytes],
        make: Callable[[list[int]], Float[Tensor, "M D"]],
        at_once: int | None = None,
    ) -> Float[Tensor, "N D"]:
        """Each key's numbers; `make` is told the rows of those that are new, each key once."""
        first = {key: row for row, key in reversed(list(enumerate(keys)))}
        new = sorted(row for key, row in first.items() if key not in self._points)
        step = at_once or max(1, len(new))
        for some in (new[start : start + step] for start in range(0, len(new), step)):
            points = make(some).float().cpu()
            self._points |= {keys[row]: point for row, point in zip(some, points, strict=True)}
        return torch.stack([self._points[key] for key in keys])

    def merge(self, file: Path) -> None:
        """Take in what the same eye saw elsewhere."""
        made_by = _eye(file)
        if made_by != self.eye:
            raise Mismatch(
                f"{file} holds what {made_by} saw, and the encoder here is {self.eye}. Give "
                "another file, or delete this one to see the pictures again."
            )
        _, found = store.load(file, kind=KIND)
        keys = [row.numpy().tobytes() for row in found["keys"]]
        self._points |= dict(zip(keys, found["points"], strict=True))

    def save(self) -> None:
        """Write all of it to the file it was given."""
        assert self.file is not None
        if self._points:
            keys = np.frombuffer(b"".join(self._points), np.uint8).reshape(len(self), -1)
            tensors = {
                "keys": torch.from_numpy(keys.copy()),
                "points": torch.stack(list(self._points.values())),
            }
            config = {
                "encoder": vars(self.eye.encoder),
                "preprocessing": self.eye.preprocessing,
            }
            store.save(self.file, tensors, kind=KIND, config=config)


class Seeing(Memory):
    """An encoder that remembers."""

    def __init__(self, encoder: Encoder, file: Path | None = None) -> None:
        self.encoder = encoder
        super().__init__(Eye(encoder=encoder.mark, preprocessing=encoder.preprocessing), file)

    def see(self, pictures: Sequence[Pixels]) -> Seen:
        """Where each picture lies; only those never seen before go through the encoder."""
        if not len(pictures):
            raise BadInput("No pictures were given to be measured; give at least one.")
        keys = [key_of(pixels) for pixels in pictures]
        points = self.of(keys, lambda rows: self.encoder.see([pictures[row] for row in rows]))
        return Seen(points=points, eye=self.eye, keys=tuple(keys))


def _eye(file: Path) -> Eye:
    found = store.header(file)
    if found.kind != KIND:
        raise Mismatch(f"{file} is of kind {found.kind}; what is kept of pictures is {KIND}.")
    config = found.config
    return Eye(encoder=Mark(**config["encoder"]), preprocessing=config["preprocessing"])
