"""`palate eval methods`: ways to make pictures, held against one another in one run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from palate.cli.generating import check_folder
from palate.cli.speech import AsJson, progress, say
from palate.errors import Unfinished


def methods(
    ways: Annotated[
        list[str],
        typer.Argument(
            metavar="WAY",
            help="METHOD, or more of METHOD=FOLDER:BACKBONE@STRENGTH~AVOID: words, instant@0.5, "
            "prefgen=my/weights@1.5, premier:sketchbook-flux. plain is the base model alone.",
        ),
    ],
    backbone: Annotated[str, typer.Option(help="The base model of ways that name none.")] = (
        "sketchbook-sdxl"
    ),
    judge: Annotated[str, typer.Option(help="The judge.")] = "sketchbook-judge",
    clip: Annotated[str, typer.Option(help="The CLIP that likeness is measured with.")] = (
        "sketchbook-clip"
    ),
    reader: Annotated[
        str | None, typer.Option(help="A reader taught by PREFDISC, to ask it, too.")
    ] = None,
    guests: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME=FOLDER",
            help="A measure of others, with its weights; may be given again: pickscore, hpsv2, "
            "hpsv2.1, imagereward, viper, csd, dino, lpips, inception (FID).",
        ),
    ] = None,
    people: Annotated[int, typer.Option(min=2, help="People nothing was trained on.")] = 60,
    prompts: Annotated[int, typer.Option(min=1, help="Pictures for each.")] = 2,
    history: Annotated[int, typer.Option(min=1, help="Pairs they show.")] = 8,
    steps: Annotated[int | None, typer.Option(help="Steps; the model's own if left out.")] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the run; started again, it goes on.")
    ] = Path("out/eval/methods"),
    as_json: AsJson = False,
) -> None:
    """Say what ways to make pictures are worth: the same people, prompts and seeds for all.

    Base models alone ride along. The folder gets table, plots, report.html and every picture.
    More measures may be asked of the same folder later: its pictures are not made again.
    """
    check_folder(out)
    from palate.recipes.comparing import Comparing
    from palate.recipes.comparison import tables
    from palate.recipes.comparison.ways import ready, whole

    said = whole(ways, backbone)
    from palate.backbones import catalog
    from palate.recipes.comparison.guests import invited
    from palate.recipes.comparison.judging import Eyes
    from palate.recipes.comparison.run import run
    from palate.store import Lock

    asked = Comparing(people=people, prompts=prompts, history=history, steps=steps)
    options: dict[str, str | int | list[str] | None] = {
        "--backbone": backbone, "--judge": judge, "--clip": clip, "--reader": reader,
        "--people": people, "--prompts": prompts, "--history": history, "--steps": steps,
        "--with": guests,
    }  # fmt: skip
    try:
        with Lock(out):
            eyes = Eyes(
                others=invited(guests or ()),  # first: what they lack is said before all else loads
                judge=catalog.judge(judge),
                clip=catalog.clip(clip),
                reader=catalog.reader(reader) if reader else None,
            )
            facts = run(ready(said), asked, eyes, out, progress("pictures"), _typed(ways, options))
    except KeyboardInterrupt:
        raise Unfinished(
            f"Stopped. What was made is in {out}; the same command goes on from there."
        ) from None
    text = f"{tables.text(facts)}\n\nAll of it, with plots and pictures, is in {out}/report.html."
    say(text, {**facts, "out": str(out)}, as_json)


def _typed(ways: list[str], options: Mapping[str, str | int | list[str] | None]) -> str:
    """The command that asks the same again."""
    told = [
        word
        for name, given in options.items()
        if given is not None
        for value in (given if isinstance(given, list) else [given])
        for word in (name, str(value))
    ]
    return shlex.join(["palate", "eval", "methods", *ways, *told])
