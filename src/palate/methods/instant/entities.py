"""The things a prompt names, and where they stand from one another, by its words alone.

English noun phrases that begin with an article or a number: "two cats to the left of a red cup".
What is not understood so names no entity; the words of such a prompt are still all to be covered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from palate.methods.instant.keywords import tidy

Step = tuple[int, int]  # from one entity to the next: columns to the right, rows down

# "a cat left of a cup": the cup is one column to the right of the cat.
_RELATIONS: dict[str, Step] = {
    r"(?:to |on )?(?:the )?left of": (1, 0),
    r"(?:to |on )?(?:the )?right of": (-1, 0),
    r"above|over|on top of": (0, 1),
    r"below|beneath|underneath|under": (0, -1),
    r"next to|beside|alongside|and": (1, 0),
}
_FIRST = r"an?|the|one|two|three|four|five|six|some|several|many|her|his|my|their"
_THING = re.compile(rf"(?:{_FIRST})\s+(.+)", re.IGNORECASE)
_BETWEEN = re.compile(
    r"\s*(?:(?:,\s*)?\b(?:"
    + "|".join(f"(?P<r{i}>{words})" for i, words in enumerate(_RELATIONS))
    + rf")\s+|,\s*)(?=(?:{_FIRST})\s)",
    re.IGNORECASE,
)
_SCENE = re.compile(  # where the thing ends and the rest of the picture begins
    r"\s+(?:in|at|on|by|near|during|inside|from|through|against|before|behind|under|over|while)\s"
    r"|[,.;:!?]",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[\"“”„(){}\[\]<>]")
_OWN = re.compile(  # what it has and does is said with it, and is not its name
    r"\s+(?:with|of|made|painted|drawn|wearing|holding|who|that|which|is|are|stands?|sits?)\s", re.I
)
_FRAME = re.compile(r"^an?\s+(?:picture|drawing|image|painting|photo\w*|print)\s+of\s+", re.I)
_COMMON = re.compile(
    "a|an|the|and|or|of|in|on|at|to|by|with|from|for|is|are|it|its|this|that|very|left|right|above|"
    "below|over|under|next|beside|near"
)


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a prompt names: entities such as "a girl", what is said of each ("a girl with a hat"),
    the cell each stands in, and the rest, which is said of the whole picture.
    """

    entities: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    cells: tuple[tuple[int, int], ...] = ()  # column and row, from 0
    rest: str = ""

    def first(self, most: int) -> Named:
        """With some of its entities."""
        some = slice(most)
        cells = _from_zero(self.cells[some])
        return replace(self, entities=self.entities[some], phrases=self.phrases[some], cells=cells)


def named(prompt: str) -> Named:
    """Entities as they are written, and a grid in which they can stand."""
    text = _FRAME.sub("", " ".join(_SIGNS.sub(" ", prompt).split()))
    found: list[tuple[str, str]] = []
    cells: list[tuple[int, int]] = []
    cell, step, rest = (0, 0), (1, 0), text
    for chunk, after in _chunks(text):
        thing = _THING.match(chunk.strip())
        if thing is None:
            break  # what follows the things is how they look
        phrase, rest = _parted(_SCENE, chunk.strip())
        if found:
            cell = _free((cell[0] + step[0], cell[1] + step[1]), step, cells)
        found.append((_short(_parted(_OWN, phrase)[0]), tidy(phrase)))
        cells.append(cell)
        step = after
    entities, phrases = zip(*found, strict=True) if found else ((), ())
    return Named(entities=entities, phrases=phrases, cells=_from_zero(cells), rest=_listed(rest))


def words_of(text: str) -> tuple[str, ...]:
    """The words that say something, in any script, each once."""
    found = re.findall(r"[^\W_]+", text.casefold())
    return tuple(dict.fromkeys(word for word in found if not _COMMON.fullmatch(word)))


def unsaid(prompt: str, *texts: str) -> tuple[str, ...]:
    """Words of a prompt that none of the texts holds."""
    said = set(words_of(" ".join(texts)))
    return tuple(word for word in words_of(prompt) if word not in said)


def _chunks(text: str) -> list[tuple[str, Step]]:
    """The pieces between relations, each with the step to the next."""
    pieces, start = [], 0
    for match in _BETWEEN.finditer(text):
        steps = list(_RELATIONS.values())
        number = next((i for i in range(len(steps)) if match[f"r{i}"]), None)
        step = (1, 0) if number is None else steps[number]
        pieces.append((text[start : match.start()], step))
        start = match.end()
    return [*pieces, (text[start:], (1, 0))]


def _parted(at: re.Pattern[str], text: str) -> tuple[str, str]:
    """What stands before the first match, and everything from it on."""
    match = at.search(text)
    return (text[: match.start()], text[match.start() :]) if match else (text, "")


def _short(name: str) -> str:
    return " ".join(tidy(name).split()[:6])


def _listed(text: str) -> str:
    """What is left of a prompt, on one line; commas inside it stay."""
    return ", ".join(filter(None, map(tidy, re.split(r"[,.;:!?]", text))))


def _free(cell: tuple[int, int], step: Step, taken: list[tuple[int, int]]) -> tuple[int, int]:
    while cell in taken:
        cell = (cell[0] + (step[0] or 1), cell[1])
    return cell


def _from_zero(cells: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    columns, rows = (sorted({cell[axis] for cell in cells}) for axis in (0, 1))
    return tuple((columns.index(x), rows.index(y)) for x, y in cells)
