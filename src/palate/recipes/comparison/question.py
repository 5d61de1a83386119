"""What a folder of a run was asked: it keeps to that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from palate import store
from palate.errors import BadFile, BadInput, Mismatch, MissingPart
from palate.recipes.comparing import Comparing
from palate.recipes.comparison.ways import Way

FILE = "question.json"
Facts = dict[str, Any]


def begin(out: Path, ways: Sequence[Way], asked: Comparing) -> None:
    """Say what is asked in the folder, and refuse one in which something else was."""
    if find_spec("matplotlib") is None:
        raise MissingPart(
            "matplotlib is not installed. Install it with: pip install 'palate[eval]'."
        )
    if len({way.name for way in ways}) < len(ways) or len(ways) < 2:
        raise BadInput(f"{len(ways)} ways cannot be compared; give two or more, each its own name.")
    mine, file = question(asked), out / FILE
    if not file.exists():
        return store.write_json(file, mine)
    there = results(file)
    for name, value in mine.items():
        if there.get(name) != value:
            raise Mismatch(
                f"{out} holds another question: {name} is {there.get(name)} there and {value} "
                "here. Give another folder as --out, or delete this one."
            )
    return None


def results(file: Path) -> Facts:
    """What a run wrote down."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise BadFile(f"{file} cannot be read ({error}). Run the comparison again.") from None
    if not isinstance(found, dict):
        raise BadFile(f"{file} holds no results. Run the comparison again.")
    return found


def question(asked: Comparing) -> Facts:
    """What every way is asked; strengths are the ways' own."""
    told = {n: v for n, v in asdict(asked).items() if n not in ("strength", "avoid")}
    wishes, requests = asked.asked()
    seeds = [
        (wish.person, request.prompt, request.seed)
        for wish, request in zip(wishes, requests, strict=True)
    ]
    return {**told, "world": sha256(repr(seeds).encode()).hexdigest()[:16]}
