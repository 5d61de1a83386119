"""A PrefGen by the folder its weights lie in, with the reader and CLIP it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from palate.backbones import FLUX, SDXL, catalog
from palate.errors import Mismatch
from palate.methods import partners
from palate.methods.prefgen.method import FILE, KIND, VERSION, PrefGen

NAMES = {  # base model -> what this package has for it
    "sketchbook-sdxl": "sketchbook-prefgen",
    "sketchbook-flux": "sketchbook-prefgen-flux",
}
BASELINES = {"sketchbook-sdxl": "sketchbook-ip-adapter"}


def load(backbone: SDXL | FLUX, weights: Path | None = None) -> PrefGen:
    """The method whole."""
    return _loaded(backbone, weights, "prefgen", NAMES)


def load_ip_adapter(backbone: SDXL | FLUX, weights: Path | None = None) -> PrefGen:
    """The baseline: only how a liked picture looks, as an IP-Adapter hears it."""
    return _loaded(backbone, weights, "ip-adapter", BASELINES)


def _loaded(
    backbone: SDXL | FLUX, weights: Path | None, method: str, names: Mapping[str, str]
) -> PrefGen:
    folder = weights or partners.folder_for(backbone, method, names)
    config = partners.config_in(folder / FILE, KIND, VERSION, "PrefGen", backbone)
    reader = catalog.reader(partners.near(folder, config["reader"]["name"]))
    clip = catalog.clip(partners.near(folder, config["clip"]["name"]))
    found = PrefGen.from_pretrained(folder, backbone, reader, clip)
    if found.mark.name != method:
        raise Mismatch(f"{folder} holds the method {found.mark.name}, and {method} was asked for.")
    return found
