"""Values a stranger wrote: each is what it should be, or an error names its place and fault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from palate.data.prefbench.people import Attributes, Pair
from palate.errors import BadTable

_MAX_ID = 2**63  # an endless number could not even be put into an error


def a_kind(value: Any) -> str:
    """The kind of a value, never the value: it may be huge."""
    return {dict: "an object", list: "a list", str: "text"}.get(type(value), type(value).__name__)


@dataclass(frozen=True)
class At:
    """Where in a file we are: every complaint begins with it."""

    place: str

    def wrong(self, what: str) -> BadTable:
        """The error to raise."""
        return BadTable(f"{self.place}: {what}.")

    def text(self, value: Any, called: str) -> str:
        """Text that can be written again: no lone surrogates."""
        if not isinstance(value, str):
            raise self.wrong(f"{called} is {a_kind(value)}, wanted text")
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise self.wrong(f"{called} is not valid Unicode")
        return value

    def file(self, value: Any, called: str) -> str:
        """A file name that cannot lead out of the folder of pictures."""
        path = PurePosixPath(self.text(value, called))
        if path.is_absolute() or ".." in path.parts or not path.name or "\0" in value:
            raise self.wrong(
                f"{called} is {value[:80]!a}, wanted a file name inside the picture folder"
            )
        return value

    def many(self, value: Any, called: str) -> list[Any]:
        """A list, or what pickle makes of one."""
        if not isinstance(value, list | tuple):
            raise self.wrong(f"{called} is {a_kind(value)}, wanted a list")
        return list(value)

    def user(self, value: Any) -> str | int:
        """The id of a person: text on the dataset card, numbers elsewhere."""
        if type(value) is int and abs(value) < _MAX_ID:
            return value
        return self.text(value, "the user's id")

    def pair(self, negative: Any, positive: Any, prompt: Any) -> Pair:
        """Two pictures of one prompt."""
        return Pair(
            negative=self.file(negative, "a disliked picture"),
            positive=self.file(positive, "a liked picture"),
            prompt=self.text(prompt, "a prompt"),
        )

    def attributes(self, value: Any) -> Attributes:
        """One string, or a list of them."""
        if isinstance(value, str):
            return self.text(value, "the attributes")
        return tuple(self.text(v, "an attribute") for v in self.many(value, "the attributes"))
