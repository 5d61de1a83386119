"""A Premier by the folder its weights lie in, with the CLIP it names."""

from __future__ import annotations

from pathlib import Path

from palate.backbones import FLUX, catalog
from palate.errors import BadFile, Mismatch
from palate.methods import partners
from palate.methods.premier.method import FILE, KIND, VERSION, Premier
from palate.store.tensors import check_kind

NAMES = {"sketchbook-flux": "sketchbook-premier"}  # base model -> what this package has for it


def load(backbone: FLUX, weights: Path | None = None) -> Premier:
    """Its header is read first, so that a wrong partner is named before a weight is loaded."""
    folder = weights or _of_this_package(backbone)
    if not (folder / FILE).is_file():
        raise BadFile(f"{folder} holds no Premier ({FILE} is missing).")
    config = check_kind(folder / FILE, KIND, VERSION).config
    theirs = config["backbone"]
    if theirs["fingerprint"] != backbone.mark.fingerprint:
        raise Mismatch(
            f"This Premier was trained with {theirs['name']} ({theirs['fingerprint'][:8]}), and "
            f"the base model is {backbone.mark}."
        )
    return Premier.from_pretrained(
        folder, backbone, catalog.clip(partners.near(folder, config["clip"]["name"]))
    )


def _of_this_package(backbone: FLUX) -> Path:
    if backbone.name not in NAMES:
        raise Mismatch(
            f"There are no premier weights for {backbone.name} in this package. Train some, or "
            f"give their folder; there are some for: {', '.join(NAMES)}."
        )
    return catalog.folder(NAMES[backbone.name])
