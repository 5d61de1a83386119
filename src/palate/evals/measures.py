"""Numbers that say how they came about.

    pictures ──an encoder──▶ Seen ──a metric──▶ Measure

A distance between pictures is a fact about an encoder, its preprocessing and how many pictures
there were, as much as about the pictures: a Measure carries all of it, and two that differ in it
are not held against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.errors import BadInput, Mismatch
from palate.evals.stats import Figure
from palate.types import Mark

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, kw_only=True)
class Eye:
    """Who looked at the pictures, and what was done to them before."""

    encoder: Mark
    preprocessing: str

    def __str__(self) -> str:
        return f"{self.encoder} after {self.preprocessing}"


NOBODY = Eye(encoder=Mark(name="points"), preprocessing="none")  # points that nobody saw


@runtime_checkable
class Encoder(Protocol):
    """Turns pictures into points. The same mark and preprocessing give the same points."""

    @property
    def mark(self) -> Mark:
        """Which it is, exactly."""
        ...

    @property
    def preprocessing(self) -> str:
        """What is done to a picture first, in words."""
        ...

    def see(self, pictures: Sequence[NDArray[np.uint8]]) -> Float[Tensor, "N D"]:
        """Where each picture lies."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """Where pictures lie, in whose eyes; and which pictures they are, by their content."""

    points: Float[Tensor, "N D"]
    eye: Eye = NOBODY
    keys: tuple[bytes, ...] = ()  # one a picture, or none at all

    def __post_init__(self) -> None:
        assert len(self.keys) in (0, len(self.points)), (len(self.keys), len(self.points))
        finite(self.points, f"the pictures seen by {self.eye.encoder}")

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, rows: Sequence[int] | NDArray[np.int64]) -> Seen:
        """Some of them, by their numbers."""
        keys = tuple(self.keys[row] for row in rows) if self.keys else ()
        chosen = torch.as_tensor(np.asarray(rows, np.int64))
        return Seen(points=self.points[chosen], eye=self.eye, keys=keys)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number and all it takes to know what it means."""

    name: str
    figure: Figure  # how many values it rests on is in here
    eye: Eye
    seed: int
    protocol: str
    notes: tuple[str, ...] = ()  # what happened on the way; two that differ in it still compare

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            **self.figure.facts(),
            "encoder": {"name": self.eye.encoder.name, "fingerprint": self.eye.encoder.fingerprint},
            "preprocessing": self.eye.preprocessing,
            "seed": self.seed,
            "protocol": self.protocol,
            "notes": list(self.notes),
        }


def bare(value: float, n: int) -> Figure:
    """A number of a whole set, of which nobody knows how sure it is."""
    return Figure(value=value, low=-inf, high=inf, n=n, units=n)


def finite(points: Float[Tensor, "N D"], whose: str) -> None:
    """Refuse points with NaN or infinity in them: one spoils every number."""
    assert points.ndim == 2, points.shape
    if torch.isfinite(points.sum()):  # looks at each once; an overflow is looked into below
        return
    bad = ~torch.isfinite(points).all(1)
    if bad.any():
        raise BadInput(
            f"{int(bad.sum())} of {len(points)} points of {whose} hold numbers that are not "
            f"finite, the first in row {int(bad.int().argmax())}. Make them anew in full "
            "precision, or leave these pictures out."
        )


def one_eye(*seen: Seen) -> Eye:
    """The eye all of them were seen by."""
    for other in seen[1:]:
        if other.eye != seen[0].eye:
            raise Mismatch(
                f"Some pictures were seen by {seen[0].eye}, others by {other.eye}; a distance "
                "needs one encoder for all. See them again with the same."
            )
    return seen[0].eye


def check_comparable(measures: Mapping[str, Measure]) -> None:
    """Refuse to hold numbers against each other that were not made in the same way."""
    (first, one), *others = measures.items()
    for name, other in others:
        for what in ("name", "n", "eye", "seed", "protocol"):
            mine, yours = (getattr(m.figure if what == "n" else m, what) for m in (one, other))
            if mine != yours:
                raise Mismatch(
                    f"{first} and {name} cannot be compared: {what} is {mine} for one and {yours} "
                    "for the other. Measure both in the same way."
                )
