"""What changes while training: weights, optimizer, average. Taken out and put back as one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from palate.errors import Mismatch
from palate.learn.checkpoint import AVERAGE, OPTIMIZER, WEIGHTS, Checkpoint
from palate.learn.ema import Ema
from palate.learn.facts import Fact
from palate.learn.learner import Learner
from palate.learn.state import flatten, gathered, put, restore_optimizer, unflatten, whole


@dataclass(frozen=True, kw_only=True)
class Training:
    """The three things a checkpoint is made of. The order of items and lr follow from the step."""

    learner: Learner
    optimizer: torch.optim.Optimizer
    average: Ema | None

    def advance(self, step: int) -> None:
        """Take the step the gradients ask for, forget them, and average."""
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average:
            self.average.update(step)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Lend the modules the averaged weights (if any), in eval mode; then as they were."""
        modes = {module: module.training for module in self.learner.modules()}
        self.learner.eval()
        try:
            with self.average.swap() if self.average else nullcontext(), gathered(self.learner):
                yield
        finally:
            for module, mode in modes.items():
                module.training = mode

    def capture(self, fact: Fact) -> Checkpoint:
        """All of it; every process must ask, as each may hold a part."""
        structure, moments = flatten(self.optimizer.state_dict(), "optimizer")
        groups = {WEIGHTS: self.learner.weights(), OPTIMIZER: moments}
        if self.average:
            groups[AVERAGE] = self.average.average
        tensors = {g: {n: whole(t) for n, t in group.items()} for g, group in groups.items()}
        state: dict[str, Any] = {"optimizer": structure, "fact": fact.as_json()}
        return Checkpoint(step=fact.step, tensors=tensors, state=state)

    def restore(self, checkpoint: Checkpoint) -> Fact:
        """Put everything back, and say how it went until then."""
        _put_all(self.learner.weights(), checkpoint.tensors[WEIGHTS])
        if self.average:
            _put_all(self.average.average, checkpoint.tensors[AVERAGE])
        moments = checkpoint.tensors[OPTIMIZER]
        restore_optimizer(self.optimizer, unflatten(checkpoint.state["optimizer"], moments))
        return Fact(**checkpoint.state["fact"], averaged=self.averaged)


def _put_all(targets: dict[str, torch.Tensor], values: dict[str, torch.Tensor]) -> None:
    if targets.keys() != values.keys():
        odd = sorted(targets.keys() ^ values.keys())
        raise Mismatch(f"The checkpoint and the modules differ in {', '.join(odd[:3])}.")
    for name, target in targets.items():
        put(target, values[name])
