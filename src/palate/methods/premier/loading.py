"""A Premier by the folder its weights lie in, with the eyes it names."""

from __future__ import annotations

from pathlib import Path

from palate.backbones import FLUX, catalog
from palate.errors import BadFile
from palate.methods import partners
from palate.methods.premier.method import FILE, KIND, VERSION, Premier

NAMES = {"sketchbook-flux": "sketchbook-premier"}  # base model -> what this package has for it


def load(backbone: FLUX, weights: Path | None = None) -> Premier:
    """With the reader or CLIP that lies beside it, or that its name leads to."""
    folder = weights or partners.folder_for(backbone, "premier", NAMES)
    config = partners.config_in(folder / FILE, KIND, VERSION, "Premier", backbone)
    if "eyes" not in config:
        raise BadFile(f"{folder / FILE} was written by an earlier Palate. Train it anew.")
    find = catalog.reader if config["sees"] == "reader" else catalog.clip
    eyes = find(partners.near(folder, config["eyes"]["name"]))
    return Premier.from_pretrained(folder, backbone, eyes)
