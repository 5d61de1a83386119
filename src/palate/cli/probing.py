"""`palate probe`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli.speech import AsJson, say


def probe(
    reader: Annotated[str, typer.Option(help="The reader: a name or a folder.")] = (
        "sketchbook-reader"
    ),
    people: Annotated[int, typer.Option(help="People to be told apart.")] = 30,
    history: Annotated[int, typer.Option(help="Pairs in a history.")] = 8,
    pool: Annotated[str, typer.Option(help="States of the last token, or mean or max.")] = "last",
    out: Annotated[Path, typer.Option(help="Folder to write into.")] = Path("out/probe"),
    as_json: AsJson = False,
) -> None:
    """Find the layers of a reader that know who a person is, and what they like."""
    from palate.backbones import catalog
    from palate.errors import unknown
    from palate.recipes import probing

    if pool not in ("last", "mean", "max"):
        raise unknown("pooling", pool, ["last", "mean", "max"])
    pairs = max(24, 2 * (history + 1))
    asked = probing.Probing(people=people, history=history, pairs=pairs, pool=pool)
    found_reader = catalog.reader(reader)
    found = [probing.probe(found_reader, asked, task) for task in ("who", "like")]
    files = probing.keep(found, asked, found_reader, out)
    facts = {"tasks": [one.facts() for one in found], "files": [str(file) for file in files]}
    say(f"{probing.table(found)}\n\nPlots and figures are in {out}.", facts, as_json)
