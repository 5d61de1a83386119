"""The names of all methods. A method is a folder here and one line below."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from palate.errors import unknown
from palate.types import Method

METHODS = {
    "words": "palate.methods.words.method:load",
    "ip-adapter": "palate.methods.prefgen.loading:load_ip_adapter",
    "prefgen": "palate.methods.prefgen.loading:load",
}


def method(name: str, backbone: Any, weights: Path | None = None) -> Method:
    """A method for a base model, with the weights of this package or of a folder."""
    if name not in METHODS:
        raise unknown("method", name, list(METHODS))
    module, function = METHODS[name].split(":")
    return getattr(import_module(module), function)(backbone, weights)
