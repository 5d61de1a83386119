"""A picture planned: what the whole says, what the background says, and what goes where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from palate.errors import BadInput
from palate.methods.instant.entities import Named, named, unsaid

Box = tuple[int, int, int, int]  # left, top, right, bottom, each 0 to 1000

WHOLE = 1000
SMALLEST = 100  # a side; below about 96 of 1024 pixels no layer of SDXL tells a box from its seam
MOST = 6  # regions
SAME = 0.8  # of intersection over union: two boxes are one
LONGEST = 2000  # letters of a text
_AIR = 20


@dataclass(frozen=True, kw_only=True)
class Region:
    """One entity, what is said of it, and the box it stands in; a higher z lies in front."""

    entity: str
    prompt: str
    box: Box
    z: int = 0

    def __post_init__(self) -> None:
        for name in ("entity", "prompt"):
            _check_text(f"The {name} of a region", getattr(self, name))
        left, top, right, bottom = self.box
        if min(self.box) < 0 or max(self.box) > WHOLE:
            raise BadInput(f"The box of {self.entity!r} is {self.box}; it must lie in 0 to 1000.")
        if min(right - left, bottom - top) < SMALLEST:
            raise BadInput(
                f"The box of {self.entity!r} is {self.box}; it goes (left, top, right, bottom), "
                f"and each side is at least {SMALLEST}."
            )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Texts for the whole picture and its background, and at most six regions."""

    rationale: str = ""
    enriched_prompt: str
    background_prompt: str
    regions: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        _check_text("The enriched prompt", self.enriched_prompt)
        _check_text("The background prompt", self.background_prompt)
        if len(self.regions) > MOST:
            raise BadInput(
                f"The plan has {len(self.regions)} regions; at most {MOST} are told apart. Move "
                "the least of them into the background prompt."
            )

    @property
    def back_to_front(self) -> tuple[Region, ...]:
        """As they are painted: by z; of two with the same, the smaller lies in front."""
        return tuple(sorted(self.regions, key=lambda r: (r.z, -_area(r.box))))

    def texts(self) -> tuple[str, ...]:
        """Everything it says."""
        return (self.enriched_prompt, self.background_prompt, *(r.prompt for r in self.regions))


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """A region as a model may say it: any box at all."""

    entity: str
    prompt: str
    box: tuple[float, ...]
    z: int = 0


def made(
    prompt: str,
    enriched: str,
    background: str,
    sketches: Iterable[Sketch],
    rationale: str = "",
) -> Plan:
    """A plan from what a model said: clipped, merged, capped, and with nothing left unsaid."""
    regions = merged([r for r in map(region, sketches) if r is not None])
    kept, rest = regions[:MOST], regions[MOST:]
    enriched = one_line(enriched) or one_line(prompt) or "a picture"
    if unsaid(prompt, enriched):
        enriched = f"{one_line(prompt)}, {enriched}"
    background = one_line(background) or enriched
    plan = Plan(
        rationale=one_line(rationale),
        enriched_prompt=cut(enriched),
        background_prompt=cut(", ".join([background, *(r.prompt for r in rest)])),
        regions=tuple(kept),
    )
    return with_everybody(plan, named(prompt))


def with_everybody(plan: Plan, asked: Named) -> Plan:
    """Where some entities have regions, those without go into the background."""
    if not plan.regions:
        return plan
    said = (*(f"{r.entity} {r.prompt}" for r in plan.regions), plan.background_prompt)
    missing = [entity for entity in asked.entities if unsaid(entity, *said)]
    background = ", ".join([plan.background_prompt, *missing])
    return replace(plan, background_prompt=cut(background))


def region(sketch: Sketch) -> Region | None:
    """A region from any box: clipped, corners in order, no side too small; None if it is none."""
    entity, prompt = cut(one_line(sketch.entity)), cut(one_line(sketch.prompt))
    box = list(sketch.box)
    if not (entity or prompt) or len(box) != 4 or not all(map(isfinite, box)):
        return None
    (left, right), (top, bottom) = _span(box[0], box[2]), _span(box[1], box[3])
    return Region(
        entity=entity or prompt,
        prompt=prompt or entity,
        box=(left, top, right, bottom),
        z=max(-WHOLE, min(WHOLE, sketch.z)),
    )


def merged(regions: Sequence[Region]) -> list[Region]:
    """Regions in the same place become one that says what both say."""
    found: list[Region] = []
    for one in regions:
        twin = next(
            (i for i, other in enumerate(found) if overlap(one.box, other.box) > SAME), None
        )
        if twin is None:
            found.append(one)
        else:
            found[twin] = _joined(found[twin], one)
    return found


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (_area(one) + _area(other) - shared)


def laid_out(asked: Named) -> list[Sketch]:
    """Every entity in the cell of the grid its words put it in, with a little air around."""
    columns, rows = (1 + max(cell[axis] for cell in asked.cells) for axis in (0, 1))
    width, height = WHOLE / columns, WHOLE / rows
    return [
        Sketch(
            entity=entity,
            prompt=phrase,
            box=(
                column * width + _AIR,
                row * height + _AIR,
                (column + 1) * width - _AIR,
                (row + 1) * height - _AIR,
            ),
        )
        for entity, phrase, (column, row) in zip(
            asked.entities, asked.phrases, asked.cells, strict=True
        )
    ]


def one_line(text: str) -> str:
    """Text on one line, without signs nobody sees."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def cut(text: str) -> str:
    """As much of it as a plan holds, with no blank where it was cut."""
    return text[:LONGEST].rstrip()


def _span(start: float, stop: float) -> tuple[int, int]:
    """Two corners in order, inside, and far enough apart."""
    low, high = sorted(round(max(0.0, min(float(WHOLE), side))) for side in (start, stop))
    if high - low < SMALLEST:
        low = max(0, min(WHOLE - SMALLEST, (low + high - SMALLEST) // 2))
        high = low + SMALLEST
    return low, high


def _joined(one: Region, other: Region) -> Region:
    """Both in one box; what is said twice is said once."""
    entity, prompt = (
        mine if theirs.casefold() in mine.casefold() else cut(f"{mine} and {theirs}")
        for mine, theirs in ((one.entity, other.entity), (one.prompt, other.prompt))
    )
    ends = [f(a, b) for f, a, b in zip((min, min, max, max), one.box, other.box, strict=True)]
    box = (ends[0], ends[1], ends[2], ends[3])
    return Region(entity=entity, prompt=prompt, box=box, z=max(one.z, other.z))


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _check_text(what: str, text: str) -> None:
    if text != one_line(text) or not 0 < len(text) <= LONGEST:
        raise BadInput(f"{what} is {text[:40]!r}; it must be one line of 1 to {LONGEST} letters.")
