"""The nouns everything else speaks.

    likes, dislikes ──▶ Taste ──Method.read──▶ Profile
    Profile, Request ──Method.steer──▶ a lent Backbone ──sample──▶ Picture

`read` happens once per person, `steer` once per picture or batch. All are frozen values; a change
is `dataclasses.replace`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from palate.errors import BadInput, BadTaste


@dataclass(frozen=True, kw_only=True)
class Example:
    """One picture somebody reacted to: a file or its encoded bytes, and what they knew or said."""

    image: Path | bytes
    prompt: str | None = None
    comment: str | None = None


@dataclass(frozen=True, kw_only=True)
class Taste:
    """What one person showed us. Raw evidence: any profile can be made anew from it."""

    liked: tuple[Example, ...]
    disliked: tuple[Example, ...] = ()

    def __post_init__(self) -> None:
        if not self.liked:
            dislikes = f"only {len(self.disliked)} disliked" if self.disliked else "no"
            raise BadTaste(
                f"This taste holds {dislikes} pictures. A taste needs at least one liked picture: "
                "add a few that the person likes."
            )


@dataclass(frozen=True, kw_only=True)
class Word:
    """One thing a profile understood, in words a person can read and edit."""

    text: str
    weight: float = 1.0  # below zero: to be avoided
    category: str = ""
    evidence: str = ""  # what in the pictures says so


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Which part it was, exactly: a name and the fingerprint of its weights or settings."""

    name: str
    fingerprint: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.fingerprint[:8]})" if self.fingerprint else self.name


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What one method made of one taste for one backbone."""

    method: Mark
    backbone: Mark
    reader: Mark | None = None
    tensors: Mapping[str, Any] = field(default_factory=dict)  # name -> torch.Tensor
    words: tuple[Word, ...] = ()
    liked: int = 0  # how many pictures it was read from
    disliked: int = 0
    made_at: str = ""  # ISO 8601, UTC


@dataclass(frozen=True, kw_only=True)
class Request:
    """One picture somebody asks for. None means the backbone's own default."""

    prompt: str
    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int = 0
    strength: float = 1.0  # 0 = the plain base model, 1 = the method as published
    avoid: float = 0.0  # how hard to push away from what is disliked; the papers do not (0)

    def __post_init__(self) -> None:
        for name in ("strength", "avoid"):
            value = getattr(self, name)
            if not isfinite(value) or value < 0:
                raise BadInput(f"{name} is {value}; it must be 0 (off) or more, 1 being usual.")
        if self.guidance is not None and not isfinite(self.guidance):
            raise BadInput(f"guidance is {self.guidance}; it must be a finite number.")
        for name in ("width", "height", "steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadInput(f"{name} is {value}; it must be at least 1.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise BadInput(f"The seed is {self.seed!r}; it must be a whole number.")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Pixels (height, width, 3) in sRGB bytes, and everything needed to make them again."""

    pixels: NDArray[np.uint8]
    request: Request
    backbone: Mark
    method: Mark | None = None
    profile: Mark | None = None


@runtime_checkable
class Backbone(Protocol):
    """A base model. Methods borrow it; it comes back bit for bit as it was."""

    mark: Mark

    def encode(self, prompts: Sequence[str]) -> Any:
        """Prompts to the text embeddings the model attends to."""
        ...

    def sample(
        self, requests: Sequence[Request], *, on_step: Callable[[int, int], None] | None = None
    ) -> list[Picture]:
        """One picture for each request; none depends on the others."""
        ...


@runtime_checkable
class Method(Protocol):
    """One way to make a backbone follow a taste."""

    mark: Mark

    def read(self, taste: Taste) -> Profile:
        """Once per person."""
        ...

    def steer(
        self, profiles: Sequence[Profile], requests: Sequence[Request]
    ) -> AbstractContextManager[Backbone]:
        """Once per batch: lend the backbone, steered. Profiles and requests go in pairs."""
        ...
