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
    "sketchbook-vae": "palate.recipes.vae:VAE",
    "sketchbook-vae-debug": "palate.recipes.vae:DEBUG",
    "sketchbook-clip": "palate.recipes.clip:CLIP",
    "sketchbook-clip-debug": "palate.recipes.clip:DEBUG",
    "sketchbook-proof": "palate.recipes.proofing:PROOF",
    "sketchbook-proof-debug": "palate.recipes.proofing:DEBUG",
    "sketchbook-eyes": "palate.recipes.eyes:EYES",
    "sketchbook-eyes-debug": "palate.recipes.eyes:DEBUG",
    "sketchbook-reader": "palate.recipes.reader:READER",
    "sketchbook-reader-debug": "palate.recipes.reader:DEBUG",
    "sketchbook-prefdisc": "palate.recipes.prefdisc:PREFDISC",
    "sketchbook-prefdisc-debug": "palate.recipes.prefdisc:DEBUG",
    "sketchbook-prefgen": "palate.recipes.prefgen:PREFGEN",
    "sketchbook-prefgen-flux": "palate.recipes.prefgen:FLUX_PREFGEN",
    "sketchbook-ip-adapter": "palate.recipes.prefgen:IP_ADAPTER",
    "sketchbook-ip-adapter-debug": "palate.recipes.prefgen:IP_DEBUG",
    "sketchbook-prefgen-debug": "palate.recipes.prefgen:DEBUG",
    "sketchbook-prefgen-flux-debug": "palate.recipes.prefgen:FLUX_DEBUG",
    "sketchbook-premier": "palate.recipes.premier:PREMIER",
    "sketchbook-premier-debug": "palate.recipes.premier:DEBUG",
    "sketchbook-sdxl": "palate.recipes.sdxl:SKETCHBOOK",
    "sketchbook-sdxl-debug": "palate.recipes.sdxl:DEBUG",
    "sketchbook-flux": "palate.recipes.flux:SKETCHBOOK",
    "sketchbook-flux-debug": "palate.recipes.flux:DEBUG",
}

# All built-in models, each after those it needs.
ORDER = (
    "sketchbook-vae",
    "sketchbook-clip",
    "sketchbook-judge",
    "sketchbook-eyes",
    "sketchbook-reader",
    "sketchbook-proof",
    "sketchbook-sdxl",
    "sketchbook-flux",
    "sketchbook-prefdisc",
    "sketchbook-prefgen",
    "sketchbook-prefgen-flux",
    "sketchbook-ip-adapter",
    "sketchbook-premier",
)


def recipe(name: str) -> Recipe:
    """The recipe of that name, imported when asked for."""
    if name not in RECIPES:
        raise unknown("recipe", name, list(RECIPES))
    module, value = RECIPES[name].split(":")
    return getattr(import_module(module), value)
