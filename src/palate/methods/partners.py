"""Who goes with whom: profiles with methods and base models, weights with what they need."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from palate.errors import Mismatch
from palate.types import Mark, Profile


def check(profiles: Iterable[Profile], method: Mark, backbone: Mark) -> None:
    """Raise at the first profile that another method, version or base model made."""
    for profile in profiles:
        for what, mine, theirs in (
            ("method", method, profile.method),
            ("base model", backbone, profile.backbone),
        ):
            if mine != theirs:
                raise Mismatch(
                    f"The profile was made for the {what} {theirs}, and this is {mine}. Read the "
                    "taste again, or use what it was made for."
                )


def near(folder: Path, name: str) -> str | Path:
    """A model beside a method's folder, as trainings and this package leave it; else by name."""
    folder = folder.absolute()
    for place in (folder.parent / name, folder.parents[1] / name / "model"):
        if (place / "config.json").is_file():
            return place
    return name
