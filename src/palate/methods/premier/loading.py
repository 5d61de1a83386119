"""A Premier by the folder its weights lie in, with the CLIP it names."""

from __future__ import annotations

from pathlib import Path

from palate.backbones import FLUX, catalog
from palate.methods import partners
from palate.methods.premier.method import FILE, KIND, VERSION, Premier

NAMES = {"sketchbook-flux": "sketchbook-premier"}  # base model -> what this package has for it


def load(backbone: FLUX, weights: Path | None = None) -> Premier:
    """With the CLIP that lies beside it, or that its name leads to."""
    folder = weights or partners.folder_for(backbone, "premier", NAMES)
    config = partners.config_in(folder / FILE, KIND, VERSION, "Premier", backbone)
    return Premier.from_pretrained(
        folder, backbone, catalog.clip(partners.near(folder, config["clip"]["name"]))
    )
