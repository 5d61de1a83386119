"""`palate show`: how a picture was made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from palate.cli.speech import AsJson, safe, say


def show(
    picture: Annotated[Path, typer.Argument(help="A PNG that Palate made.")],
    as_json: AsJson = False,
) -> None:
    """Say how a picture of ours was made."""
    from palate.images import read_provenance

    record = read_provenance(picture)
    names = [*(n for n in _ORDER if n in record), *(n for n in record if n not in _ORDER)]
    told = {name: _told(record[name]) for name in names}
    say("\n".join(f"{safe(name):18}{text}" for name, text in told.items() if text), record, as_json)


_ORDER = ("prompt", "negative_prompt", "seed", "width", "height", "steps", "guidance", "strength")
_ORDER += ("avoid", "backbone", "method", "profile", "software", "ai_generated")


def _told(value: Any) -> str:
    """A value of a record in words; nothing for what is not there."""
    if value is None:
        return ""
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        mark = str(value.get("fingerprint", ""))[:8]
        return safe(f"{value['name']} ({mark})" if mark else value["name"])
    return safe(str(value))
