"""`palate eval newcomers`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from palate.cli.generating import check_folder
from palate.cli.speech import AsJson, progress, say
from palate.errors import Mismatch


def newcomers(
    weights: Annotated[
        Path | None, typer.Option(help="Folder of Premier's weights; this package's if left out.")
    ] = None,
    backbone: Annotated[str, typer.Option(help="The base model.")] = "sketchbook-flux",
    judge: Annotated[str, typer.Option(help="The judge.")] = "sketchbook-judge",
    people: Annotated[int, typer.Option(min=2, help="People nothing was trained on.")] = 20,
    prompts: Annotated[int, typer.Option(min=1, help="Pictures for each.")] = 2,
    pictures: Annotated[list[int] | None, typer.Option("--at", min=1, help="Histories.")] = None,
    ways: Annotated[
        list[str] | None, typer.Option("--way", help="linear, direct or at once; all if left out.")
    ] = None,
    fitted: Annotated[int, typer.Option(min=1, help="Steps of linear and direct.")] = 5000,
    steps: Annotated[int | None, typer.Option(help="Steps; the model's own if left out.")] = None,
    out: Annotated[Path, typer.Option("--out", help="JSON file; plots and a .txt beside it.")] = (
        Path("out/eval/newcomers.json")
    ),
    as_json: AsJson = False,
) -> None:
    """Say what Premier makes of somebody new by coefficients, by tokens of their own, at once."""
    check_folder(out.parent)
    from palate.backbones import catalog
    from palate.methods.premier.method import Premier
    from palate.methods.table import method
    from palate.recipes.newcoming import HISTORIES, WAYS, Newcoming, measure, plot
    from palate.store import write_bytes, write_json

    asked = Newcoming(
        people=people, prompts=prompts, histories=tuple(pictures or HISTORIES),
        ways=tuple(ways or WAYS), fitted=fitted, steps=steps,
    )  # fmt: skip
    model = catalog.backbone(backbone)
    premier = method("premier", model, weights)
    if not isinstance(premier, Premier):
        raise Mismatch(f"{premier.mark.name} is not Premier, whose newcomers these are.")
    found = measure(premier, catalog.judge(judge), asked, progress("readings"))
    facts = {"method": str(premier.mark), "backbone": str(model.mark), "asked": asdict(asked)}
    facts |= found.facts()
    write_json(out, facts)
    write_bytes(out.with_suffix(".txt"), f"{found.table()}\n".encode())
    plots = [str(file) for file in plot(found, out)]
    say(f"{found.table()}\nAlso in {out}.", {**facts, "out": str(out), "plots": plots}, as_json)
