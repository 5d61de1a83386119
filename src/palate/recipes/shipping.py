"""Put trained models into the package: `python -m palate.recipes.shipping out/train`.

Stock folders repeat their parts: both text-to-image models hold the same autoencoder and CLIP's
text tower, both readers the same eyes. A file that another folder has already becomes a link to it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from palate.backbones.builtin.keeping import parted
from palate.errors import BadInput, PalateError
from palate.recipes.table import ORDER

WEIGHTS = Path(__file__).parents[1] / "weights"
MOST, MOST_OF_ONE = 32 * 2**20, 15 * 2**20  # bytes: of all weights, of one file
_TEACHERS = ("sketchbook-eyes", "sketchbook-proof")  # the reader holds the one; nobody the other
SHIPPED = tuple(name for name in ORDER if name not in _TEACHERS)
_WORTH_A_LINK = 16 * 2**10  # bytes


def _eyes(tensor: str) -> bool:
    return ".text_model." not in tensor and tensor != "lm_head.weight"


SHARING: Mapping[str, Callable[[str], bool]] = MappingProxyType(  # which tensors others have, too
    {
        "sketchbook-clip": lambda tensor: tensor.startswith("text_model."),
        "sketchbook-reader": _eyes,
        "sketchbook-prefdisc": _eyes,
    }
)


def ship(train: Path, weights: Path = WEIGHTS, names: Sequence[str] = SHIPPED) -> list[str]:
    """Copy every finished model; says which. Nothing is copied if there would be too much."""
    found = [name for name in names if (train / name / "measured.json").is_file()]
    if not found:
        raise BadInput(f"No finished model lies in {train}. Run `palate train all` first.")
    aside = weights.with_name(f".{weights.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        weights.mkdir(parents=True, exist_ok=True)
        shutil.copytree(weights, aside, symlinks=True)
        for name in found:
            shutil.rmtree(aside / name, ignore_errors=True)
            shutil.copytree(train / name / "model", aside / name)
            if name in SHARING:
                parted(aside / name, SHARING[name])
        linked(aside)
        check_room(aside)
        shutil.rmtree(weights)
        aside.rename(weights)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return found


def linked(weights: Path) -> None:
    """Every large file that lies twice becomes a link to the first, in alphabetical order."""
    first: dict[str, Path] = {}
    for path in sorted(weights.rglob("*")):
        if path.is_symlink() or not path.is_file() or path.stat().st_size < _WORTH_A_LINK:
            continue
        mark = sha256(path.read_bytes()).hexdigest()
        if (same := first.setdefault(mark, path)) != path:
            path.unlink()
            path.symlink_to(os.path.relpath(same, path.parent))


def check_room(weights: Path) -> None:
    """Raise if the weights are larger than a package may be."""
    sizes = {
        path: path.stat().st_size
        for path in weights.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    largest = max(sizes, key=lambda path: sizes[path])
    if sizes[largest] > MOST_OF_ONE:
        raise PalateError(f"{largest} has {sizes[largest]:,} bytes; {MOST_OF_ONE:,} are allowed.")
    if sum(sizes.values()) > MOST:
        raise PalateError(f"All weights have {sum(sizes.values()):,} bytes; {MOST:,} are allowed.")


if __name__ == "__main__":
    print("\n".join(ship(Path(sys.argv[1]))))  # noqa: T201 - says what it did
