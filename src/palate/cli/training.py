"""`palate recipes` and `palate train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli.speech import AsJson, say


def recipes(as_json: AsJson = False) -> None:
    """List the complete named runs."""
    from palate.recipes.table import RECIPES, recipe

    found = {name: recipe(name) for name in RECIPES}
    lines = [
        f"{name:26}{r.fit.steps:>7,} steps of {r.fit.batch:<4}{r.summary}"
        for name, r in found.items()
    ]
    facts = {name: {"steps": r.fit.steps, "summary": r.summary} for name, r in found.items()}
    say("\n".join(lines), facts, as_json)


def train(
    name: Annotated[str, typer.Argument(help="One of `palate recipes`.")],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Changes, such as fit.steps=100 or fit.workers=2.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for checkpoints and model; out/train/NAME if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do a recipe; the same command goes on where an earlier one stopped."""
    from palate.recipes.recipe import changed, cook
    from palate.recipes.table import recipe

    folder = out or Path("out/train") / name
    measured = cook(changed(recipe(name), settings or []), folder, name=name)
    lines = [f"{what:32}{value:g}" for what, value in measured.items()]
    text = "\n".join([f"{name}: the model is in {folder / 'model'}.", *lines])
    say(text, {**measured, "model": str(folder / "model")}, as_json)
