"""The names of all methods. A method is a folder here and one line below."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from palate.errors import Mismatch, unknown
from palate.types import Method

METHODS = {
    "words": "palate.methods.words.method:load",
    "ip-adapter": "palate.methods.prefgen.loading:load_ip_adapter",
    "prefgen": "palate.methods.prefgen.loading:load",
    "premier": "palate.methods.premier.loading:load",
    "instant": "palate.methods.instant.method:load",
    "viper": "palate.methods.viper.method:load",
    "viper-code": "palate.methods.viper.method:load_code",
}
SERVES = {"premier": ("FLUX",)}  # classes of base models, where it is not all of them


def serves(name: str, kind: str) -> bool:
    """Whether a method can steer base models of a class, SDXL or FLUX."""
    return kind in SERVES.get(name, (kind,))


def method(name: str, backbone: Any, weights: Path | None = None) -> Method:
    """A method for a base model, with the weights of this package or of a folder."""
    if name not in METHODS:
        raise unknown("method", name, list(METHODS))
    kind = type(backbone).__name__
    if not serves(name, kind):
        raise Mismatch(
            f"The method {name} steers {' and '.join(SERVES[name])}-class models, and "
            f"{backbone.name} is {kind}-class. Give another model, as "
            "--backbone sketchbook-flux."
        )
    module, function = METHODS[name].split(":")
    return getattr(import_module(module), function)(backbone, weights)
