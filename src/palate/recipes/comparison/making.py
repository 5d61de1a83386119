"""Pictures for everybody, kept as they are made.

A batch is some requests that ride together, always the same. Its seconds are written first, then
its pictures, each whole or not at all: a batch is there when all of that is, and any other is made
again, which gives the same pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from palate import store
from palate.errors import BadPicture
from palate.evals.taste import Wish
from palate.generate import generate, plain
from palate.images import open_picture, picture_png
from palate.recipes.comparing import Comparing
from palate.recipes.comparison.audience import Audience, Pixels
from palate.recipes.comparison.clock import Clock, Lap
from palate.recipes.comparison.ways import Way
from palate.types import Picture, Profile, Request

AT_ONCE = 8
SECONDS = "seconds.json"
MAKING = "generation"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a batch took, and for how many."""

    making: float  # seconds
    reading: float
    pictures: int
    people: int  # that had to be read first


def asked_of(asked: Comparing, way: Way) -> tuple[list[Wish], list[Request]]:
    """Everything everybody asks for, as loud as the way says."""
    return replace(asked, strength=way.strength, avoid=way.avoid).asked()


def file_of(wish: Wish, request: Request) -> str:
    """A picture's name: whom it is for, and its seed."""
    return f"{wish.person:06d}-{request.seed}.png"


class Making:
    """One way's pictures, from its folder where they are there."""

    def __init__(self, way: Way, audience: Audience, out: Path, clock: Clock) -> None:
        self.way, self.audience, self.clock = way, audience, clock
        self.folder = out / "pictures" / way.key(audience.asked.steps)
        self.wishes, self.requests = asked_of(audience.asked, way)
        self.batches = _batches(self.folder / SECONDS)
        self._profiles: dict[int, Profile] = {}

    def pictures(self, show: Callable[[int], object] = lambda done: None) -> list[Pixels]:
        """All of them; how many are there is told after each batch."""
        found: list[Pixels] = []
        for start in range(0, len(self.requests), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            found += self._kept(some) or self._made(some)
            show(len(found))
        self._profiles.clear()
        return found

    def files(self, some: slice = slice(None)) -> list[Path]:
        """Where pictures lie, in their order."""
        pairs = zip(self.wishes[some], self.requests[some], strict=True)
        return [self.folder / file_of(*pair) for pair in pairs]

    def _kept(self, some: slice) -> list[Pixels] | None:
        """A batch that was made before; with a file that somebody damaged it does not count."""
        if str(some.start) in self.batches:
            with suppress(BadPicture):
                return [open_picture(file) for file in self.files(some)]
        return None

    def _made(self, some: slice) -> list[Pixels]:
        wishes, requests = self.wishes[some], self.requests[some]
        reading, people = self._read([wish.person for wish in wishes])
        with self.clock.on(MAKING) as lap:
            pictures = self._sampled(wishes, requests)
        self.batches[str(some.start)] = Batch(
            making=lap.seconds, reading=reading.seconds, pictures=len(pictures), people=people
        )
        kept = {number: asdict(batch) for number, batch in self.batches.items()}
        store.write_json(self.folder / SECONDS, kept)
        for file, picture in zip(self.files(some), pictures, strict=True):
            store.write_bytes(file, picture_png(picture))
        return [picture.pixels for picture in pictures]

    def _read(self, people: Sequence[int]) -> tuple[Lap, int]:
        """Profiles of those who have none yet; how long it took, and of how many."""
        method, new = self.way.method, [p for p in dict.fromkeys(people) if p not in self._profiles]
        if method is None:
            return Lap(), 0
        tastes = {person: self.audience.taste(person) for person in new}
        with self.clock.on(MAKING) as lap:
            self._profiles |= {person: method.read(taste) for person, taste in tastes.items()}
        return lap, len(new)

    def _sampled(self, wishes: Sequence[Wish], requests: Sequence[Request]) -> list[Picture]:
        if self.way.method is None:
            return plain(requests, backbone=self.way.backbone)
        profiles = [self._profiles[wish.person] for wish in wishes]
        return generate(profiles, requests, method=self.way.method)


def _batches(file: Path) -> dict[str, Batch]:
    """What was kept of batches; what cannot be read was not kept."""
    try:
        kept = json.loads(file.read_bytes())
        return {number: Batch(**batch) for number, batch in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
