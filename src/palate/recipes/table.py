"""The names of all recipes. A *-debug twin trains four steps on a CPU, for tests."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from palate.errors import unknown

if TYPE_CHECKING:
    from palate.recipes.recipe import Recipe

RECIPES = {
    "sketchbook-judge": "palate.recipes.judge:JUDGE",
    "sketchbook-judge-debug": "palate.recipes.judge:DEBUG",
}


def recipe(name: str) -> Recipe:
    """The recipe of that name, imported when asked for."""
    if name not in RECIPES:
        raise unknown("recipe", name, list(RECIPES))
    module, value = RECIPES[name].split(":")
    return getattr(import_module(module), value)
