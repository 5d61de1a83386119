"""The command line: `palate --help`.

Every command is quiet in a pipe, speaks JSON with --json, and ends with 0 (done), 1 (failed) or 2
(there is something to mend, and the sentence says what). Heavy imports wait inside the commands.
"""

from __future__ import annotations

import logging
import os
import warnings

import typer

from palate.cli import (
    claiming,
    doctor,
    evaluating,
    generating,
    mixing,
    newcoming,
    probing,
    refining,
    showing,
    sources,
    tastes,
    training,
)
from palate.cli.speech import Group

app = typer.Typer(
    name="palate",
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Learn a person's taste from a few pictures and steer open image models by it.",
)
app.command("generate")(generating.generate)
app.command("read")(tastes.read)
app.command("export")(tastes.export)
app.command("mix")(mixing.mix)
app.command("refine")(refining.refine)
app.command("show")(showing.show)
app.add_typer(sources.app, name="data")
app.add_typer(evaluating.app, name="eval")
evaluating.app.command("newcomers")(newcoming.newcomers)
app.command("claims")(claiming.claims)
app.command("recipes")(training.recipes)
app.command("train")(training.train)
app.command("probe")(probing.probe)
app.command("doctor")(doctor.doctor)


def main() -> None:
    """The `palate` command."""
    # Norms keep fp32 weights under autocast; torch says that its fused one is not for that.
    warnings.filterwarnings("ignore", "Mismatch dtype between input and weight")
    # diffusers warns of what should stay in fp32, even where nothing should.
    casting = logging.getLogger("diffusers.models.modeling_utils")
    casting.addFilter(lambda record: "float32: []" not in record.getMessage())
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # of files of a second; ours stay
    app()
