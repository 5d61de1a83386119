"""`palate show`: how a picture was made, or what a profile holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli.speech import AsJson, safe, say
from palate.cli.tastes import Dislikes, Likes, Weights
from palate.errors import BadInput, Mismatch

if TYPE_CHECKING:
    from palate.types import Profile


def show(
    file: Annotated[Path, typer.Argument(help="A PNG or a profile that Palate made.")],
    likes: Likes = None,
    dislikes: Dislikes = None,
    weights: Weights = None,
    as_json: AsJson = False,
) -> None:
    """Say how a picture of ours was made, or what a profile holds.

    With the pictures a profile was read from (--likes) it says which of them told most.
    """
    if file.suffix == ".safetensors":
        return _profile(file, likes, dislikes, weights, as_json)
    if likes or dislikes:
        raise BadInput("--likes and --dislikes go with a profile, not with a picture.")
    from palate.images import read_provenance

    record = read_provenance(file)
    names = [*(n for n in _ORDER if n in record), *(n for n in record if n not in _ORDER)]
    told = {name: _told(record[name]) for name in names}
    say(_lines(told), record, as_json)


def _profile(
    file: Path, likes: Path | None, dislikes: Path | None, weights: Path | None, as_json: bool
) -> None:
    from palate.store.profiles import read_profile_header

    held = read_profile_header(file)
    sides = {sign: [w for w in held.words if w.weight * sign > 0] for sign in (1, -1)}
    facts: dict[str, Any] = {
        "method": vars(held.method),
        "backbone": vars(held.backbone),
        "reader": held.reader and vars(held.reader),
        "read from": f"{held.liked} liked and {held.disliked} disliked pictures",
        "made at": held.made_at,
        "likes": {word.text: word.weight for word in sides[1]},
        "dislikes": {word.text: word.weight for word in sides[-1]},
        "evidence": {word.text: word.evidence for word in held.words if word.evidence},
    }
    told = {name: _told(value) for name, value in facts.items()}
    if likes:
        facts["told most"] = _telling(held, likes, dislikes, weights)
        told["told most"] = ", ".join(f"{n} ({s:.3f})" for n, s in facts["told most"].items())
    say(_lines(told), facts, as_json)


def _telling(
    held: Profile, likes: Path, dislikes: Path | None, weights: Path | None
) -> dict[str, float]:
    """The five liked pictures that moved the profile most."""
    from palate.backbones.catalog import backbone
    from palate.data.folder import taste_from_piles
    from palate.methods.table import method

    found = method(held.method.name, backbone(held.backbone.name), weights)
    weigh = getattr(found, "telling", None)
    if weigh is None:
        raise Mismatch(f"{held.method.name} does not say which pictures told it most.")
    taste = taste_from_piles(likes, dislikes)
    names = [Path(str(example.image)).name for example in taste.liked]
    ranked = sorted(zip(weigh(taste), names, strict=True), key=lambda pair: -pair[0])
    return {name: round(moved, 6) for moved, name in ranked[:5]}


_ORDER = ("prompt", "negative_prompt", "seed", "width", "height", "steps", "guidance", "strength")
_ORDER += ("avoid", "backbone", "method", "profile", "software", "ai_generated")


def _lines(told: Mapping[str, str]) -> str:
    return "\n".join(f"{safe(name):18}{text}" for name, text in told.items() if text)


def _told(value: Any) -> str:
    """A value of a record in words; nothing for what is not there."""
    if value is None:
        return ""
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        mark = str(value.get("fingerprint", ""))[:8]
        return safe(f"{value['name']} ({mark})" if mark else value["name"])
    if isinstance(value, Mapping) and all(isinstance(v, float) for v in value.values()):
        return safe(", ".join(f"{text} ({weight:+g})" for text, weight in value.items()))
    if isinstance(value, Mapping):
        return "".join(f"\n  {safe(name):16}{safe(said)}" for name, said in value.items())
    return safe(str(value))
