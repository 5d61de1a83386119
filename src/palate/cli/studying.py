"""`palate eval study`: what people prefer, from their votes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli.generating import check_folder
from palate.cli.speech import AsJson, say
from palate.errors import unknown

TIES = ("davidson", "half")


def study(
    votes: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A .csv or .json with rater, item, left, right, choice (left, right or tie); the "
            "item is what both pictures were made for.",
        ),
    ],
    names: Annotated[
        list[str] | None, typer.Option("--way", help="A way that must be there; all if left out.")
    ] = None,
    ties: Annotated[str, typer.Option(help="davidson: ties have a chance; half: half wins.")] = (
        "davidson"
    ),
    out: Annotated[
        Path | None, typer.Option("--out", help="JSON file, if the result is to be kept.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what people prefer who chose between pictures: strengths, shares, agreement, power.

    Intervals draw raters anew, and for shares of votes the items too, where raters saw the same.
    """
    if ties not in TIES:
        raise unknown("way to count ties", ties, TIES)
    if out is not None:
        check_folder(out.parent)
    from palate.evals import people
    from palate.evals.votes import read_votes
    from palate.store import write_json

    found = people.study(
        read_votes(votes), names or (), ties="half" if ties == "half" else "davidson"
    )
    drawn = {"draws": people.DRAWS, "seed": people.SEED}
    facts = {"votes": str(votes), "ties": ties, **drawn, **found.facts()}
    if out is not None:
        write_json(out, facts)
    say(found.table(), facts, as_json)
