"""Whether a profile belongs to a method and a base model; said before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable

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
