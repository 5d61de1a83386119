"""Packages only training needs, imported where they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from palate.errors import MissingPart


def extra(module: str) -> Any:
    """A module of the `train` extra, or a sentence that says how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingPart(
            f"Training needs {package}, which is not installed ({error}). "
            "Run: pip install 'palate[train]'."
        ) from error
