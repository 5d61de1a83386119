"""`palate mix`: one profile out of several people's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli.speech import AsJson, say
from palate.errors import BadInput


def mix(
    profiles: Annotated[list[Path], typer.Argument(help="Profiles that `palate read` made.")],
    weights: Annotated[
        str | None,
        typer.Option(help="How much each counts, as 0.3,0.7; equally if left out."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("mix.palate.safetensors"),
    as_json: AsJson = False,
) -> None:
    """Mix several people's tastes into one profile, read by one method for one model.

    Weights are relative; one below zero leads away from that person.
    """
    if len(profiles) < 2:
        raise BadInput("Only one profile was given. Give two or more to mix.")
    shares = _numbers(weights)
    from palate.methods.mixing import mixed
    from palate.store.profiles import load_profile, save_profile

    found = mixed([load_profile(profile) for profile in profiles], shares)
    mark = save_profile(out, found)
    facts = {"profile": str(out), "fingerprint": mark, "people": len(profiles)}
    facts |= {"method": str(found.method), "backbone": str(found.backbone)}
    say(f"{len(profiles)} people were mixed into {out}.", facts, as_json)


def _numbers(text: str | None) -> list[float] | None:
    """The weights from "0.3,0.7"."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise BadInput(
            f"The weights are {text!r}. Write a number for each profile, as 0.3,0.7."
        ) from None
