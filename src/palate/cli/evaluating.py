"""`palate eval …`: how good a model is, in figures with intervals."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palate.cli import comparing, studying
from palate.cli.generating import check_file, check_folder
from palate.cli.speech import AsJson, progress, say
from palate.errors import MissingPart

if TYPE_CHECKING:
    from palate.sketchbook.scenes import Content

app = typer.Typer(no_args_is_help=True, help="Measure models; every figure with an interval.")
app.command("methods")(comparing.methods)
app.command("study")(studying.study)


@app.command()
def backbone(
    name: Annotated[str, typer.Argument(help="The model: a name, a folder or a Hub id.")],
    judge: Annotated[
        str, typer.Option(help="Folder of a judge, as `palate train sketchbook-judge` leaves it.")
    ] = "sketchbook-judge",
    prompts: Annotated[int, typer.Option(min=1, help="Pictures to ask for.")] = 200,
    steps: Annotated[int | None, typer.Option(help="Steps; the model's own if left out.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**62, help="Other prompts and noise.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="JSON file; a .txt beside it. out/eval/NAME.json if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how often a base model shows what held-out prompts of the drawn world say."""
    check_file(out or Path("out/eval/any.json"))
    contents = _held_out()
    from palate.backbones import catalog
    from palate.evals.backbone import evaluate
    from palate.store import write_bytes, write_json

    judging, model = catalog.judge(judge), catalog.backbone(name)
    report = evaluate(
        model, judging, contents, count=prompts, steps=steps, seed=seed,
        on_picture=progress("pictures"),
    )  # fmt: skip
    file = out or Path("out/eval") / (re.sub(r"[^\w.-]+", "-", model.name) + ".json")
    facts = report.facts() | {"judge read from": judge}
    write_json(file, facts)
    write_bytes(file.with_suffix(".txt"), f"{report.table()}\n".encode())
    say(f"{report.table()}\nAlso in {file}.", {**facts, "out": str(file)}, as_json)


@app.command()
def strength(
    method: Annotated[str, typer.Argument(help="A method, or METHOD=FOLDER of its weights.")],
    strengths: Annotated[list[float] | None, typer.Option("--at", min=0, help="Settings.")] = None,
    backbone: Annotated[str, typer.Option(help="The base model.")] = "sketchbook-sdxl",
    judge: Annotated[str, typer.Option(help="The judge.")] = "sketchbook-judge",
    people: Annotated[int, typer.Option(min=2, help="People nothing was trained on.")] = 60,
    prompts: Annotated[int, typer.Option(min=1, help="Pictures for each.")] = 1,
    history: Annotated[int, typer.Option(min=1, help="Pairs they show.")] = 8,
    avoid: Annotated[float, typer.Option(min=0)] = 0.0,
    steps: Annotated[int | None, typer.Option(help="Steps; the model's own if left out.")] = None,
    out: Annotated[Path, typer.Option("--out", help="JSON file; plots and a .txt beside it.")] = (
        Path("out/eval/strength.json")
    ),
    as_json: AsJson = False,
) -> None:
    """Say what the strength of a method does to taste and content, with a plot."""
    check_file(out)
    from palate.backbones import catalog
    from palate.methods.table import method as load_method
    from palate.recipes.comparing import Comparing
    from palate.recipes.dialing import STRENGTHS, dial, plot
    from palate.store import write_bytes, write_json

    judging, model = catalog.judge(judge), catalog.backbone(backbone)
    name, _, at = method.partition("=")
    found = load_method(name, model, Path(at) if at else None)
    asked = Comparing(people=people, prompts=prompts, history=history, avoid=avoid, steps=steps)
    dialled = dial(found, judging, asked, strengths or STRENGTHS, progress("pictures"))
    facts = {"method": str(found.mark), "backbone": str(model.mark), "asked": asdict(asked)}
    facts["strengths"] = dialled.facts()
    write_json(out, facts)
    write_bytes(out.with_suffix(".txt"), f"{dialled.table()}\n".encode())
    plots = [str(file) for file in plot(dialled, out)]
    say(f"{dialled.table()}\nAlso in {out}.", {**facts, "out": str(out), "plots": plots}, as_json)


@app.command()
def prefdisc(
    reader: Annotated[str, typer.Argument(help="A reader: a name or a folder.")],
    people: Annotated[int, typer.Option(min=2, help="People nothing was trained on.")] = 300,
    pairs: Annotated[int, typer.Option(min=1, help="The longest history.")] = 8,
    prompts: Annotated[bool, typer.Option(help="Whether pictures come with prompts.")] = True,
    yes: Annotated[str, typer.Option(help="The word for liked.")] = "yes",
    no: Annotated[str, typer.Option(help="The word for disliked.")] = "no",
    out: Annotated[Path, typer.Option("--out", help="JSON file; a .txt beside it.")] = Path(
        "out/eval/prefdisc.json"
    ),
    as_json: AsJson = False,
) -> None:
    """Say how well a reader tells what a person likes from what they do not."""
    check_folder(out.parent)
    from palate.backbones import catalog
    from palate.methods.prefgen.asking import Wording
    from palate.recipes.discerning import Discerning, discern
    from palate.store import write_bytes, write_json

    how = Discerning(people=people, most=pairs, prompts=prompts, wording=Wording(yes=yes, no=no))
    reading = catalog.reader(reader)
    found = discern(reading, how)
    facts = {"reader": str(reading.mark), "asked": asdict(how), **found.facts()}
    write_json(out, facts)
    write_bytes(out.with_suffix(".txt"), f"{found.table()}\n".encode())
    say(f"{found.table()}\nAlso in {out}.", {**facts, "out": str(out)}, as_json)


def _held_out() -> list[Content]:
    """The prompts nothing was trained on."""
    try:
        from palate.data.agents import SPLITS, split_of_contents
    except ModuleNotFoundError as missing:
        raise MissingPart(
            f"{missing.name} is not installed. Install it with: pip install 'palate[data]'."
        ) from None
    from palate.sketchbook.scenes import CONTENTS

    test = SPLITS.index("test")
    return [c for c, split in zip(CONTENTS, split_of_contents(), strict=True) if split == test]
