"""How a taste is put to the reader: pictures one after another, each with what the person said.

    User:<image>a cat left of a cup. Liked?<end_of_utterance>
    Assistant: yes<end_of_utterance>

and so on, a turn for each picture. A text that ends with "Assistant:" asks for the next word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

END = "<end_of_utterance>\n"
_MARKS = re.compile(r"<([^<>\s]*)>")


@dataclass(frozen=True)
class Shown:
    """A picture of a history: which one it is, its prompt if known, and whether it was liked."""

    picture: int
    liked: bool
    prompt: str | None = None


def plainly(prompt: str) -> str:
    """A prompt on one line, in which no mark of the reader's own stands, such as <image>."""
    return " ".join(_MARKS.sub(r"\1", prompt).split())


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The question and its two answers; "yes" and "no" or, as in the authors' code, "+" and "-"."""

    ask: str = "Liked?"
    yes: str = "yes"
    no: str = "no"
    prompts: bool = True  # whether prompts are told where they are known
    # After a history; the state at its last token is the person, and what follows says so.
    closing: str = f"User: What does this person like?{END}Assistant:"

    def question(self, prompt: str | None) -> str:
        """A turn up to the answer."""
        said = plainly(prompt or "")
        told = f"{said}. " if said and self.prompts else ""
        return f"User:<image>{told}{self.ask}{END}Assistant:"

    def answer(self, liked: bool) -> str:
        """The answer, and the turn's end."""
        return f" {self.yes if liked else self.no}{END}"

    def history(self, shown: Sequence[Shown]) -> str:
        """All turns, answered."""
        turns = (self.question(one.prompt) + self.answer(one.liked) for one in shown)
        return "".join(turns)

    def portrait(self, shown: Sequence[Shown], likes: str) -> str:
        """A history and, in words, what the person likes."""
        return f"{self.history(shown)}{self.closing} {likes}{END}"

    def query(self, shown: Sequence[Shown], prompt: str | None) -> str:
        """A history and one more picture, whose answer is open."""
        return self.history(shown) + self.question(prompt)
