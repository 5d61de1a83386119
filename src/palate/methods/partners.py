"""Who goes with whom: profiles with methods and base models, weights with what they need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from palate.backbones import FLUX, SDXL, catalog
from palate.errors import BadFile, Mismatch
from palate.store.tensors import check_kind
from palate.types import Mark, Profile, Request


def check(profiles: Iterable[Profile], method: Mark, backbone: Mark) -> None:
    """Raise at the first profile that another method, version or base model made."""
    for profile in profiles:
        for what, mine, theirs in (
            ("method", method, profile.method),
            ("base model", backbone, profile.backbone),
        ):
            if mine != theirs:
                raise Mismatch(
                    f"The profile was made for the {what} {theirs}, and this is {mine}. Read the "
                    "taste again, or use what it was made for."
                )
        damaged = [n for n, t in profile.tensors.items() if not bool(t.isfinite().all())]
        if damaged:
            raise BadFile(
                f"The profile holds values that are no numbers (in {', '.join(damaged)}). Read the "
                "taste again."
            )


def check_asked(requests: Sequence[Request], lent_for: Sequence[Request]) -> None:
    """Raise if a lent base model is asked for other pictures than it was lent for."""
    if list(requests) != list(lent_for):
        raise Mismatch("These are not the requests the base model was lent for.")


def folder_for(backbone: SDXL | FLUX, method: str, names: Mapping[str, str]) -> Path:
    """Where this package keeps a method's weights; `names` are those of each base model's."""
    if backbone.name not in names:
        raise Mismatch(
            f"There are no {method} weights for {backbone.name} in this package. Train some, or "
            f"give their folder; there are some for: {', '.join(names)}."
        )
    return catalog.folder(names[backbone.name])


def config_in(
    file: Path, kind: str, version: int, title: str, backbone: SDXL | FLUX
) -> Mapping[str, Any]:
    """A weights file's header, so that a wrong partner is named before a weight is loaded."""
    if not file.is_file():
        raise BadFile(f"{file.parent} holds no {title} ({file.name} is missing).")
    config = check_kind(file, kind, version).config
    theirs = config["backbone"]
    if theirs["fingerprint"] != backbone.mark.fingerprint:
        raise Mismatch(
            f"This {title} was trained with {theirs['name']} ({theirs['fingerprint'][:8]}), and "
            f"the base model is {backbone.mark}."
        )
    return config


def near(folder: Path, name: str) -> str | Path:
    """A model beside a method's folder, as trainings and this package leave it; else by name."""
    folder = folder.absolute()
    for place in (folder.parent / name, folder.parents[1] / name / "model"):
        if (place / "config.json").is_file():
            return place
    return name
