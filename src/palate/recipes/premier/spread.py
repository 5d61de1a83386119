"""How people are kept apart: everybody's directions at the empty prompt, some people at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from palate.errors import BadInput
from palate.methods.premier.hearing import Prompts
from palate.methods.premier.loss import Distance, dispersion
from palate.methods.premier.model import Directions, Modulator


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How far, how many of them, and at how many places."""

    # λ of each branch; 0 leaves it out. Published: 0.1 with "l2", a plain distance, which pulls as
    # hard as Δ has numbers. Here all that taste can change of the flow is some hundredths of it,
    # and people need not be pulled apart harder than that.
    shared: float = 0.01
    distinct: float = 0.01
    distance: Distance = "rms"
    temperature: float = 1.0
    people: int = 64  # in a step; who is not in the batch is drawn from all
    positions: int = 16  # text tokens that count, evenly spaced: at the empty prompt most are alike

    def __post_init__(self) -> None:
        if self.people < 2 or self.positions < 1 or self.temperature <= 0:
            raise BadInput(
                f"Dispersion over {self.people} people at {self.positions} places, temperature "
                f"{self.temperature}: at least 2, 1 and more than 0 are needed. A weight of 0 "
                "leaves it out."
            )

    def some(self, who: Tensor, everybody: int, generator: torch.Generator) -> Tensor:
        """Some people, each once: those of the batch, then anybody else."""
        anybody = torch.randperm(everybody, generator=generator).to(who.device)
        here = torch.unique(who)
        others = anybody[~torch.isin(anybody, here)]
        return torch.cat([here, others])[: max(2, self.people)]

    def places(self, length: int) -> list[int]:
        """Which text tokens count."""
        count = min(self.positions, length)
        return [i * length // count for i in range(count)]

    def directions(self, modulator: Modulator, people: Tensor, prompts: Prompts) -> Directions:
        """Where these tokens lead at the empty prompt, for some of its places."""
        nothing = prompts.nothing(people)
        there = nothing[:, self.places(nothing.shape[1])]
        return modulator(people, there.expand(len(people), -1, -1), there)

    def missed(self, directions: Directions) -> dict[str, Tensor]:
        """What each branch adds to the loss."""
        each: dict[str, float] = {"shared": self.shared, "distinct": self.distinct}
        return {
            f"dispersion, {name}": each[name] * dispersion(part, self.distance, self.temperature)
            for name, part in directions.parts().items()
            if each[name]
        }
