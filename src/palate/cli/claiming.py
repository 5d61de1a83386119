"""`palate claims`: what the papers say, put to the test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli.generating import check_folder
from palate.cli.speech import AsJson, progress, say
from palate.processes import how_many

if TYPE_CHECKING:
    from palate.recipes.claims.asking import Answer

CACHE = Path("out/claims/cache")  # what trainings look at; serves all budgets and folders


def claims(
    only: Annotated[list[str] | None, typer.Option(help="These alone, by name.")] = None,
    budget: Annotated[str, typer.Option(help="small: minutes; full: hours.")] = "small",
    out: Annotated[
        Path | None, typer.Option(help="Folder of the answers; out/claims/BUDGET if left out.")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FOLDER of weights that lie elsewhere, or out/train."),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; default one a core.")] = None,
    names: Annotated[bool, typer.Option("--list", help="List them, and test none.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put what the papers say to the test, in the drawn world; the same command goes on."""
    from palate.recipes.claims import page
    from palate.recipes.claims.asking import answers_in, ask
    from palate.recipes.claims.claim import checked_budget, counted
    from palate.recipes.claims.lab import Lab, parsed
    from palate.recipes.claims.table import chosen, listed
    from palate.recipes.claims.workers import Workers

    size, asked = checked_budget(budget), chosen(only or ())
    if names:
        say("\n".join(listed(asked)), {one.name: one.says for one in asked}, as_json)
        return
    folder = out or Path("out/claims") / size
    check_folder(folder)
    lab, tick = Lab(parsed(weights or ()), CACHE), progress("claims")
    by = Workers(how_many(workers))
    answers = ask(asked, size, lab, folder, lambda number, _: tick(number, len(asked)), by)
    there = answers_in(folder)
    files = page.write(there, folder, lab.marks(page.needing(there)))
    counts = counted([answer.verdict for answer in answers])
    facts: dict[str, Any] = {one.claim: _facts(one) for one in answers}
    lines = [_line(one) for one in answers]
    told = f"{len(answers)} claims: {counts}. The page is {files[1]}."
    say("\n".join([*lines, told]), {"claims": facts, "pages": list(map(str, files))}, as_json)


def _line(answer: Answer) -> str:
    why = "".join(f"\n    {note}" for note in answer.notes[:1] if not answer.found)
    return f"{answer.claim:28}{answer.verdict:20}{answer.seconds:8.0f} s{why}"


def _facts(answer: Answer) -> dict[str, Any]:
    return {
        "verdict": answer.verdict,
        "seconds": answer.seconds,
        "found": [one.facts() for one in answer.found],
        "notes": list(answer.notes),
    }
