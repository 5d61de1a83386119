"""Rounds with one person about one picture: what was shown, understood, planned and said.

One JSON file. A person may edit it; what they write is checked as strictly as what a model says.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from palate.errors import BadFile, BadInput, NewerFile
from palate.images.opening import name_of, read_bytes
from palate.methods.instant.entities import unsaid
from palate.methods.instant.keywords import Keywords
from palate.methods.instant.plan import LONGEST, Plan
from palate.methods.instant.rewording import reworded
from palate.methods.instant.understanding import Understanding
from palate.store import write_bytes
from palate.types import Mark, Profile, Request, Taste

KIND, VERSION = "palate instant session", 1
_LARGEST = 4 * 2**20  # bytes of a file


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A picture that was shown, by its content; the file may be elsewhere by now."""

    side: Literal["liked", "disliked"]
    sha256: str
    file: str = ""


@dataclass(frozen=True, kw_only=True)
class Round:
    """What was said, what changed, and what stood before."""

    said: str
    changes: tuple[str, ...]
    keywords: Keywords
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class Session:
    """Where the talk stands; every round makes another one."""

    kind: str = KIND
    version: int = VERSION
    prompt: str
    seed: int = 0
    strength: float = 1.0
    references: tuple[Reference, ...] = ()
    keywords: Keywords
    plan: Plan
    history: tuple[Round, ...] = ()

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    def __post_init__(self) -> None:
        self.request()  # says what is wrong with seed and strength
        missing = unsaid(self.prompt, self.plan.enriched_prompt)
        if missing and len(self.prompt) < LONGEST:  # a longer one was cut
            raise BadInput(
                f"The plan does not say {missing[0]!r}, which the prompt asks for. Say it in the "
                "plan's enriched_prompt, or begin another session."
            )

    def request(self, **options: Any) -> Request:
        """The picture to ask for; the seed stays the same from round to round."""
        return Request(
            prompt=self.prompt,
            negative_prompt=self.unwanted,
            seed=self.seed,
            strength=self.strength,
            **options,
        )

    @property
    def unwanted(self) -> str:
        """What the person came to avoid in the talk; what their pictures say is told apart."""
        first = self.history[0].keywords if self.history else self.keywords
        known = {word.key: word.weight for word in first.avoid}
        said = [word for word in self.keywords.avoid if word.weight > known.get(word.key, 0)]
        return ", ".join(word.text for word in said)

    def profile(self, method: Mark, backbone: Mark) -> Profile:
        """The keywords for a base model."""
        sides = [reference.side for reference in self.references]
        return Profile(
            method=method,
            backbone=backbone,
            words=self.keywords.words(),
            liked=sides.count("liked"),
            disliked=sides.count("disliked"),
        )

    # ---- rounds

    def answered(self, said: str, by: Understanding) -> Session:
        """A round: the person's words, understood by a reader or a server; a whole new plan."""
        if not said.strip():
            raise BadInput("Nothing was said. Say what to change: 'warmer, the boat further left'.")
        found = by.revise(self.prompt, self.keywords, self.plan, said)
        return self._after(said, found.changes, found.keywords, found.plan)

    def edited(self, keywords: Keywords, what: str = "keywords edited by hand") -> Session:
        """A round without any model; regions stay, and texts change where keywords stood."""
        plan = reworded(self.plan, self.prompt, self.keywords, keywords)
        return self._after("", (what,), keywords, plan)

    def undone(self) -> Session:
        """As it was before the last round."""
        if not self.history:
            raise BadInput("There is no round to undo; this session is as it began.")
        last = self.history[-1]
        before = self.history[:-1]
        return replace(self, keywords=last.keywords, plan=last.plan, history=before)

    def _after(self, said: str, changes: Sequence[str], keywords: Keywords, plan: Plan) -> Session:
        before = Round(said=said, changes=tuple(changes), keywords=self.keywords, plan=self.plan)
        history = (*self.history, before)
        return replace(self, keywords=keywords, plan=plan, history=history)

    # ---- as a file

    def save(self, path: Path) -> None:
        """Readable, and the same session gives the same bytes."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        write_bytes(path, f"{text}\n".encode())

    @classmethod
    def load(cls, path: Path) -> Session:
        """As it was saved or edited; a sentence that names the place if it makes no sense."""
        try:
            data = path.read_bytes()[: _LARGEST + 1].removeprefix(BOM_UTF8)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise BadFile(f"{name_of(path, None)} cannot be read: {why}.") from None
        if len(data) > _LARGEST:
            raise BadFile(f"{path} has over {_LARGEST:,} bytes; a session has a few thousand.")
        _check_kind(path, data)
        try:
            return _SESSION.validate_json(data)
        except ValidationError as error:
            raise BadFile(f"{path} makes no sense at {_first(error)}.") from None


_SESSION = TypeAdapter(Session)


def begun(prompt: str, taste: Taste, keywords: Keywords, plan: Plan, *, seed: int = 0) -> Session:
    """The first round: what the pictures said, and the first plan."""
    return Session(
        prompt=prompt, seed=seed, references=_references(taste), keywords=keywords, plan=plan
    )


def _references(taste: Taste) -> tuple[Reference, ...]:
    sides: list[tuple[Literal["liked", "disliked"], Any]] = [
        *(("liked", example) for example in taste.liked),
        *(("disliked", example) for example in taste.disliked),
    ]
    return tuple(
        Reference(
            side=side,
            sha256=sha256(read_bytes(one.image, name_of(one.image, None))).hexdigest(),
            file=str(one.image) if isinstance(one.image, Path) else "",
        )
        for side, one in sides
    )


def _check_kind(path: Path, data: bytes) -> None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise BadFile(f"{path} is no JSON. Undo the last edit, or begin another session.") from None
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise BadFile(f"{path} is no session of Palate's; its kind is not {KIND!r}.")
    version = found.get("version")
    if type(version) is int and version > VERSION:
        raise NewerFile(
            f"{path} was written by a later Palate (version {version}; this one reads {VERSION})."
        )


def _first(error: ValidationError) -> str:
    """The first place that is wrong, and what it must be."""
    wrong = error.errors()[0]
    message = wrong["msg"].removeprefix("Value error, ").rstrip(".")
    way = (str(name) if str(name).isprintable() else ascii(name) for name in wrong["loc"])
    return f"{'.'.join(way) or 'its top'}: {message}"
