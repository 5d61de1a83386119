"""Models by name, loaded once for all claims; some from folders of one's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from palate.backbones import catalog
from palate.backbones.catalog import BUILT_IN, ENTRIES
from palate.backbones.clips import Clip
from palate.backbones.judges import Judge
from palate.backbones.reader import Reader
from palate.errors import BadInput, unknown
from palate.methods.table import method
from palate.store import fingerprint
from palate.types import Method

T = TypeVar("T")
READER, PREFDISC, CLIP, JUDGE = (
    "sketchbook-reader",
    "sketchbook-prefdisc",
    "sketchbook-clip",
    "sketchbook-judge",
)
SDXL, FLUX, VAE = "sketchbook-sdxl", "sketchbook-flux", "sketchbook-vae"
WEIGHTS = {  # method -> its weights, for each base model; others read with the built-in reader
    "prefgen": {SDXL: "sketchbook-prefgen", FLUX: "sketchbook-prefgen-flux"},
    "ip-adapter": {SDXL: "sketchbook-ip-adapter"},
    "premier": {FLUX: "sketchbook-premier"},
}


class Lab:
    """Where experiments find models, and what others before them made."""

    def __init__(self, weights: Mapping[str, Path] | None = None, cache: Path | None = None):
        self.weights, self.cache = dict(weights or {}), cache
        self._kept: dict[Hashable, Any] = {}
        for name, folder in self.weights.items():
            _check(name, folder)

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made before under that key, or is made now."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def place(self, name: str, settings: Sequence[str], partners: Sequence[str]) -> Path | None:
        """Where a training is kept, to go on after a stop; None without a cache."""
        if self.cache is None:
            return None
        asked = json.dumps([name, *settings, self.marks(partners)])
        return self.cache / "trained" / f"{name}-{sha256(asked.encode()).hexdigest()[:12]}"

    # ---- where weights lie

    def folder(self, name: str) -> Path | None:
        """Where weights lie; None if they are nowhere."""
        folder = self.weights.get(name, BUILT_IN / name)
        return folder if folder.is_dir() else None

    def missing(self, names: Sequence[str]) -> list[str]:
        """Those that are nowhere."""
        return [name for name in names if not _toy(name) and self.folder(name) is None]

    def marks(self, names: Sequence[str]) -> dict[str, str]:
        """What exactly each of these weights are, without loading them."""
        return {name: _mark(name, self.folder(name)) for name in names}

    # ---- models

    def backbone(self, name: str) -> Any:
        """A base model."""
        return self.kept(("backbone", name), lambda: catalog.backbone(self._given(name)))

    def reader(self, name: str = READER) -> Reader:
        """A reader."""
        return self.kept(("reader", name), lambda: catalog.reader(self._given(name)))

    def clip(self) -> Clip:
        """The CLIP of the drawn world."""
        return self.kept("clip", lambda: catalog.clip(self._given(CLIP)))

    def judge(self) -> Judge:
        """The judge of the drawn world."""
        return self.kept("judge", lambda: catalog.judge(self._given(JUDGE)))

    def method(self, name: str, backbone: str) -> Method:
        """A method for a base model."""

        def make() -> Method:  # a folder, so that no server is asked, whatever the environment says
            return method(name, self.backbone(backbone), self.folder(weights_of(name, backbone)))

        return self.kept(("method", name, backbone), make)

    def _given(self, name: str) -> str | Path:
        return self.weights.get(name, name)


def weights_of(method: str, backbone: str) -> str:
    """The name of a method's weights; of the reader, where it has none of its own."""
    return (
        WEIGHTS[method].get(backbone, f"{method}-for-{backbone}") if method in WEIGHTS else READER
    )


def parsed(words: Sequence[str]) -> dict[str, Path]:
    """NAME=FOLDER, some of them; or folders in which `palate train` left a NAME/model each."""
    found: dict[str, Path] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        some = {name: Path(folder)} if equals and folder else _trained(Path(word))
        if not some:
            raise BadInput(
                f"{word!r} names no weights. Write NAME=FOLDER, as {CLIP}=out/clip, or a folder of "
                "trainings, as out/train."
            )
        found |= some
    return found


def _trained(folder: Path) -> dict[str, Path]:
    places = {name: folder / name / "model" for name in ENTRIES}
    return {name: place for name, place in places.items() if place.is_dir()}


def _check(name: str, folder: Path) -> None:
    if name not in ENTRIES:
        raise unknown("weights", name, list(ENTRIES))
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder} with weights of {name}.")


def _toy(name: str) -> bool:
    return name in ENTRIES and ENTRIES[name].toy


@cache
def _mark(name: str, folder: Path | None) -> str:
    if folder is None:
        return "toy" if _toy(name) else "missing"
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".safetensors"))
    whole = sha256()
    for path in files:
        whole.update(f"{path.relative_to(folder)} {fingerprint(path)}\n".encode())
    return whole.hexdigest()[:16]
