"""What the loop reports, and the watch for a loss that is no number."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from typing import Any

import torch

from palate.errors import PalateError
from palate.learn.machines import Machines
from palate.learn.settings import Fit

Lend = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """How training went since the last fact: means over its steps and over all processes."""

    step: int  # steps done
    steps: int
    loss: float
    parts: Mapping[str, float]  # what else the loss reported
    gradient: float  # its length before clipping
    lr: Mapping[str, float]  # of each module, at the last step
    items_per_second: float
    averaged: Lend = field(
        repr=False, compare=False
    )  # `with` it, the modules hold averaged weights

    @property
    def finished(self) -> bool:
        """Whether this was the last step."""
        return self.step == self.steps

    def as_json(self) -> dict[str, Any]:
        """All but what it lends."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "averaged"}


class Window:
    """The steps since the last fact. Numbers stay on the device: a look makes a GPU wait."""

    def __init__(self, machines: Machines, config: Fit) -> None:
        self._machines, self._config = machines, config
        self._parts: list[Mapping[str, torch.Tensor]] = []
        self._steps: list[torch.Tensor] = []
        self._last_good = ""
        self.restart()

    def restart(self) -> None:
        """Start the clock: what happens between a fact and the next step is not training."""
        self._since = time.perf_counter()

    def part(self, losses: Mapping[str, torch.Tensor]) -> None:
        """One part of a step."""
        self._parts.append({name: value.detach() for name, value in losses.items()})

    def step(self, gradient: torch.Tensor) -> None:
        """The end of a step."""
        self._names = tuple(self._parts[0])
        rows = [torch.stack([part[name] for name in self._names]) for part in self._parts]
        mean = torch.stack(rows).mean(dim=0)
        self._steps.append(torch.cat([mean, gradient.detach().reshape(1).to(mean)]))
        self._parts.clear()

    def fact(self, step: int, lr: Mapping[str, float], averaged: Lend) -> Fact:
        """The steps up to `step` in one; an error if a loss among them is no number."""
        table = self._machines.mean(torch.stack(self._steps)).double().cpu()
        self._steps.clear()
        self._check(table, first=step - len(table) + 1)
        *losses, gradient = table.mean(dim=0).tolist()
        parts = dict(zip(self._names, losses, strict=True))
        return Fact(
            step=step,
            steps=self._config.steps,
            loss=parts.pop("loss"),
            parts=parts,
            gradient=gradient,
            lr=lr,
            items_per_second=len(table) * self._config.batch / self._seconds(),
            averaged=averaged,
        )

    def _seconds(self) -> float:
        return time.perf_counter() - self._since

    def _check(self, table: torch.Tensor, first: int) -> None:
        place = self._names.index("loss")
        for step, row in enumerate(table.tolist(), start=first):
            for what, value in (("loss", row[place]), ("gradient", row[-1])):
                if not math.isfinite(value):
                    raise PalateError(
                        f"The {what} became {value} at step {step}.{self._last_good} Checkpoints "
                        f"from before are whole. Begin in a new folder with {_cures(self._config)}."
                    )
            self._last_good = f" The last loss that was a number: {row[place]:.6g} at step {step}."


def _cures(config: Fit) -> str:
    cures = [f"an lr below {config.lr}", "a longer warmup"]
    cures.append("clip=1.0" if config.clip is None else f"a clip below {config.clip}")
    cures += ["bf16=False"] if config.bf16 else []
    return ", or ".join([", ".join(cures[:-1]), cures[-1]])
