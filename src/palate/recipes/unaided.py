"""What a generator paints unaided: from noise some steps of its own, with no drawing to finish.

A drawing half gone gives its look away early, so from drawings alone a generator learns to finish
looks rather than to begin them. Here it begins: noise, a few steps without gradients, a last flow
with them, and a proof says whether the picture that one leads to has the values its prompt names.
It also says who is there and how. Where things stand is in no prompt to the place, so a share of
rows begins in a drawing nearly gone and is read for that, too.

Steps go as sketchbook-flux's when it makes pictures (sketchbook-sdxl keeps part of its noise), with
the share of noise s and the picture x0 that a flow foretells

    x' = (1 - s') x0 + s' n, n new in each step                                             (1)
    s  = a u / (1 + (a - 1) u), a = SHIFT, u evenly from 1 to 0                             (2)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.backbones.builtin import SHIFT
from palate.recipes.proof import Proof, foretold
from palate.sketchbook.scenes import Scene, codes_of

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

Flow = Callable[[Tensor, Tensor], Tensor]  # of latents at times t, 0 to 1000

GONE = (0.85, 0.97)  # share of noise in which a drawing still says where things stand


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """The look that is asked for: a value of each dimension, and which dimensions count."""

    values: Int[Tensor, "B 12"]
    named: Bool[Tensor, "B 12"]

    @classmethod
    def of(cls, scenes: Sequence[Scene], named: NDArray[np.bool_]) -> Asked:
        """The scenes' own looks, as far as they were named."""
        values = torch.from_numpy(codes_of(scenes))
        return cls(values=values, named=torch.from_numpy(named))


@dataclass(frozen=True, kw_only=True)
class Unaided:
    """How much that counts, how many pictures of a batch begin anew, and how far they go."""

    weight: float = 0.0  # of what a proof misreads there, beside the flow
    rows: int = 24
    hops: int = 4  # steps without gradients
    ends: tuple[float, float] = (0.1, 0.7)  # share of noise that is left then
    hinted: float = 0.35  # share of rows that begin in a drawing nearly gone
    arranged: float = 1.0  # of who is there and how, beside the look
    drawn: float = 0.0  # weight of what a critic does not take for a drawing

    @property
    def weights(self) -> dict[str, float]:
        """How much each part counts; what a critic has to learn counts whole."""
        return {"unaided": self.weight, "taken": self.drawn, "told": 1.0}

    def total(self, parts: Mapping[str, Tensor]) -> Tensor | float:
        """All that is there of them, in one."""
        return sum(share * parts[name] for name, share in self.weights.items() if name in parts)

    def some(self, batch: int) -> slice:
        """Which rows of a batch: the last ones."""
        return slice(max(0, batch - self.rows), batch)

    def hints(self, rows: int) -> int:
        """How many of so many rows, the first ones, begin in a drawing nearly gone."""
        return round(self.hinted * rows)

    def paint(
        self, flow: Flow, clean: Float[Tensor, "B C H W"], generator: torch.Generator
    ) -> Float[Tensor, "B C H W"]:
        """What a flow comes to from noise; its last step has gradients. `clean` are drawings."""
        rows, hints = len(clean), self.hints(len(clean))
        begin, end = torch.ones(rows), _between(self.ends, rows, generator)
        begin[:hints] = _between(GONE, hints, generator)
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        begin, end = begin.to(clean.device), end.to(clean.device)
        there = _wide(1 - begin) * clean + _wide(begin) * noise
        there = led(flow, there, begin, end, self.hops, generator)
        return foretold(there, 1000 * end, flow(there, 1000 * end).float())

    def misread(
        self, proof: Proof, found: Float[Tensor, "B C H W"], scenes: Sequence[Scene], asked: Asked
    ) -> Float[Tensor, ""]:
        """How surprised a proof is by what was painted of these scenes."""
        hints = self.hints(len(scenes))
        proof = proof.to(found.device)
        knows = proof(found)
        missed = proof.heads.look_missed(knows, asked.values, asked.named)
        if self.arranged:
            missed = missed + self.arranged * proof.arranged.missed(knows, scenes)
        if not hints:
            return missed
        return missed + proof.heads.missed(knows[:hints], scenes[:hints])["standing"]


def guided(flow: Flow, without: Flow, guidance: float) -> Flow:
    """In two passes, as pictures are made; the one without a prompt learns nothing."""

    def both(latents: Tensor, t: Tensor) -> Tensor:
        heard = flow(latents, t)
        with torch.no_grad():
            nothing = without(latents, t)
        return nothing + guidance * (heard - nothing)

    return both


def led(
    flow: Flow,
    latents: Float[Tensor, "B C H W"],
    begin: Float[Tensor, " B"],
    end: Float[Tensor, " B"],
    hops: int,
    generator: torch.Generator,
) -> Float[Tensor, "B C H W"]:
    """(1): so many steps along a flow, from one share of noise to another, without gradients."""
    first, last = evenly(begin), evenly(end)
    ways = [first + (last - first) * k / hops for k in range(hops + 1)]
    shares = [noise_at(way) for way in ways]
    with torch.no_grad():
        for now, then in pairwise(shares):
            found = foretold(latents, 1000 * now, flow(latents, 1000 * now).float())
            noise = torch.randn(found.shape, generator=generator).to(found.device)
            latents = _wide(1 - then) * found + _wide(then) * noise
    return latents


def noise_at(way: Tensor) -> Tensor:
    """(2): the share of noise with so much of the steps to go."""
    return SHIFT * way / (1 + (SHIFT - 1) * way)


def evenly(noise: Tensor) -> Tensor:
    """The inverse of `noise_at`."""
    return noise / (SHIFT - (SHIFT - 1) * noise)


def _between(ends: tuple[float, float], rows: int, generator: torch.Generator) -> Tensor:
    return ends[0] + (ends[1] - ends[0]) * torch.rand(rows, generator=generator)


def _wide(row: Tensor) -> Tensor:
    return row[:, None, None, None]
