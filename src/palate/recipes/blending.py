"""The weighted mean of trainings of one model: `python -m palate.recipes.blending OUT A=0.7 B=0.5`.

Trainings that began from one another stay in one valley, and their mean lies deeper in it than any
of them: what each learned last, and what is chance in it, goes (Wortsman et al., 2022, "Model
soups"). A share below 0 walks on, away from where a model was. Shares are made to sum to 1.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from palate.errors import BadInput
from palate.store.header import header
from palate.store.tensors import save

USAGE = "Say it as OUT FOLDER=SHARE FOLDER=SHARE: the first folder's configs stay."


def blend(shares: Mapping[Path, float], out: Path) -> None:
    """Write a model whose every tensor is the mean, taken in fp32; all else is the first one's."""
    total, first = sum(shares.values()), next(iter(shares))
    if len(shares) < 2 or abs(total) < 1e-6:
        raise BadInput(f"A blend needs two folders or more, of shares with a sum. {USAGE}")
    if out.exists():
        raise BadInput(f"{out} is there already; a blend overwrites nothing.")
    for folder in shares:
        if not folder.is_dir():
            raise BadInput(f"There is no folder {folder}. {USAGE}")
    aside = out.with_name(f".{out.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        shutil.copytree(first, aside)  # links become files
        for path in aside.rglob("*.safetensors"):
            name = path.relative_to(aside)
            each = [(share / total, _tensors(folder, name)) for folder, share in shares.items()]
            _write(path, mean(each, name))
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def mean(each: Sequence[tuple[float, Mapping[str, Tensor]]], name: Path) -> dict[str, Tensor]:
    """Of tensors by name, share by share; numbers that are no fractions are the first one's."""
    first = each[0][1]
    for _, other in each[1:]:
        if {k: v.shape for k, v in first.items()} != {k: v.shape for k, v in other.items()}:
            raise BadInput(f"{name} is of two sorts: only trainings of one model can be blended.")
    return {
        key: sum((share * part[key].float() for share, part in each), torch.zeros(())).to(one.dtype)
        if one.is_floating_point()
        else one
        for key, one in first.items()
    }


def _write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """In place of a file, saying of itself what that said; a file of ours with its fingerprint."""
    with safe_open(path, "pt") as opened:
        about = opened.metadata()
    if about and "palate" in about:
        told = header(path)
        save(path, tensors, kind=told.kind, config=told.config, version=told.version)
    else:
        save_file(dict(tensors), path, metadata=about)


def _tensors(folder: Path, name: Path) -> dict[str, Tensor]:
    if not (folder / name).is_file():
        raise BadInput(f"{folder} has no {name}, so it is another sort of model.")
    return load_file(folder / name)


def main(said: Sequence[str]) -> None:
    """As the first line of this file says."""
    pairs = [part.rpartition("=") for part in said[1:]]
    try:
        shares = {Path(folder): float(share) for folder, _, share in pairs}
    except ValueError:
        raise BadInput(USAGE) from None
    if not said or not all(sign for _, sign, _ in pairs):
        raise BadInput(USAGE)
    blend(shares, Path(said[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
