"""`palate recipes` and `palate train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli.generating import check_folder
from palate.cli.speech import AsJson, say
from palate.errors import BadInput


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
    name: Annotated[str, typer.Argument(help="One of `palate recipes`, or all of them.")],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Changes, such as fit.steps=100 or fit.workers=2.")
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder in which each recipe has a folder of its name; what others of them made "
            "is looked for there first."
        ),
    ] = Path("out/train"),
    minutes: Annotated[
        float | None,
        typer.Option(help="Stop after about so many; what there is by then is kept and measured."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do a recipe; the same command goes on where an earlier one stopped."""
    if minutes is not None and not minutes > 0:
        raise BadInput(f"--minutes is {minutes}; give more than 0.")
    check_folder(out)
    from palate.recipes import table
    from palate.recipes.recipe import beside, changed, cook

    found = {}
    for one in table.ORDER if name == "all" else [name]:
        known = beside(table.recipe(one), out, anyway=name == "all")
        recipe = changed(known, settings or [])
        measured = cook(recipe, out / one, name=one, minutes=minutes)
        found[one] = {**measured, "model": str(out / one / "model")}
        if not as_json:
            typer.echo(f"{one}: the model is in {out / one / 'model'}.")
            typer.echo("\n".join(f"  {what:32}{value:g}" for what, value in measured.items()))
    if as_json:
        say("", found, as_json)
