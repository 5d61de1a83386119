"""Pictures through eyes that stay as they are (a VAE's, a reader's): looked at once, then read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate import store
from palate.recipes.captions import Seen


@dataclass(frozen=True, kw_only=True)
class Cached:
    """Item i: the seed of a scene with a train prompt, and what was seen of its picture."""

    first: int
    rows: NDArray[np.float16]  # mapped, not read: workers share the pages

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[int, NDArray[np.float16]]:
        return self.first + index, np.array(self.rows[index])


@torch.no_grad()
def cached(seen: Seen, path: Path, look: Callable[[Tensor], Tensor], at_once: int = 64) -> Cached:
    """What `look` makes of all pictures (bytes, some at once), from a file that is made if need be.

    The file's name must say whose eyes they are.
    """

    def write(file: BinaryIO) -> None:
        for start in range(0, len(seen), at_once):
            some = range(start, min(start + at_once, len(seen)))
            pictures = torch.from_numpy(np.stack([seen[i][1] for i in some]))
            rows = look(pictures).float().cpu().numpy().astype("<f2")
            if start == 0:
                _begin(file, (len(seen), *rows.shape[1:]))
            file.write(rows.tobytes())

    return Cached(first=seen.first, rows=np.load(written(path, write), mmap_mode="r"))


def _begin(file: BinaryIO, shape: tuple[int, ...]) -> None:
    head = {"descr": "<f2", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, head)  # type: ignore[arg-type]


def once(
    path: Path, make: Callable[[], Mapping[str, NDArray[np.float16]]]
) -> dict[str, NDArray[np.float16]]:
    """Named arrays from an .npz that is made if need be; its name must say of what."""
    found = written(path, lambda file: np.savez(file, allow_pickle=False, **make()))
    with np.load(found) as arrays:
        return dict(arrays)


def written(path: Path, write: Callable[[BinaryIO], None]) -> Path:
    """A file that is made if need be, whole or not at all."""
    if not path.is_file():
        with store.writing(path) as part, part.open("wb") as file:
            write(file)
    return path
