"""A PrefGen by the folder its weights lie in, with the reader and CLIP it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from palate.backbones import FLUX, SDXL, catalog
from palate.errors import BadFile, Mismatch
from palate.methods import partners
from palate.methods.prefgen.method import FILE, KIND, VERSION, PrefGen
from palate.store.tensors import check_kind

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
    """Its header is read first, so that a wrong partner is named before a weight is loaded."""
    folder = weights or _of_this_package(backbone, method, names)
    if not (folder / FILE).is_file():
        raise BadFile(f"{folder} holds no PrefGen ({FILE} is missing).")
    config = check_kind(folder / FILE, KIND, VERSION).config
    theirs = config["backbone"]
    if theirs["fingerprint"] != backbone.mark.fingerprint:
        raise Mismatch(
            f"This PrefGen was trained with {theirs['name']} ({theirs['fingerprint'][:8]}), and "
            f"the base model is {backbone.mark}."
        )
    reader = catalog.reader(partners.near(folder, config["reader"]["name"]))
    clip = catalog.clip(partners.near(folder, config["clip"]["name"]))
    found = PrefGen.from_pretrained(folder, backbone, reader, clip)
    if found.mark.name != method:
        raise Mismatch(f"{folder} holds the method {found.mark.name}, and {method} was asked for.")
    return found


def _of_this_package(backbone: SDXL | FLUX, method: str, names: Mapping[str, str]) -> Path:
    if backbone.name not in names:
        raise Mismatch(
            f"There are no {method} weights for {backbone.name} in this package. Train some, or "
            f"give their folder; there are some for: {', '.join(names)}."
        )
    return catalog.folder(names[backbone.name])
