"""What a training is asked to do, as a value. Light to import: recipes are lists of these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from palate.errors import BadInput, unknown

OPTIMIZERS = ("adamw", "muon", "prodigy", "sgd")
SCHEDULES = ("constant", "cosine", "linear")

# What may change when a run goes on, as the number of processes may: it costs memory and time, and
# changes what is computed by no more than rounding.
FREE = frozenset(
    {"accumulate", "gradient_checkpointing", "shard", "compile", "channels_last", "workers"}
    | {"log_every", "checkpoint_steps", "checkpoint_seconds", "keep"}
)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How to train. The same values give the same weights on one process or many (to rounding)."""

    steps: int
    batch: int  # items in a step, all processes together
    lr: float | Mapping[str, float]  # at its highest; or one for each module by name
    accumulate: int = 1  # parts a process cuts its share into: less memory, the same gradient
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    options: Mapping[str, Any] = field(default_factory=dict)  # the optimizer's own, as betas
    schedule: str = "cosine"  # falls to 0 at `steps`, as "linear" does
    warmup: int = 0  # steps of rising lr
    clip: float | None = 1.0  # gradients longer than this are shortened to it
    ema: float | None = None  # how much of the average stays at each step, as 0.999
    bf16: bool = False  # autocast; weights and optimizer stay fp32
    channels_last: bool = False
    compile: bool = False
    gradient_checkpointing: bool = False  # recompute in the backward pass what would fill memory
    shard: bool = False  # FSDP2 in place of DDP, on several processes
    seed: int = 0
    workers: int = 0  # processes that make items
    log_every: int = 10  # steps
    checkpoint_steps: int | None = 500
    checkpoint_seconds: float | None = None
    keep: int = 2  # checkpoints; while one is written there is one more

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise unknown("optimizer", self.optimizer, OPTIMIZERS)
        if self.schedule not in SCHEDULES:
            raise unknown("schedule", self.schedule, SCHEDULES)
        for name in ("steps", "batch", "accumulate", "log_every", "keep"):
            _at_least(self, name, 1)
        for name in ("warmup", "workers", "seed"):
            _at_least(self, name, 0)
        _check_numbers(self)

    def lr_of(self, module: str) -> float:
        """The highest learning rate of one module."""
        return self.lr[module] if isinstance(self.lr, Mapping) else self.lr

    def lasting(self) -> dict[str, Any]:
        """What must not change when a run goes on, as JSON gives it back."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in FREE}
        return json.loads(json.dumps(values, default=dict))  # dict: for a read-only mapping


def _at_least(fit: Fit, name: str, least: int) -> None:
    value = getattr(fit, name)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise BadInput(f"{name} is {value!r}; it must be a whole number, {least} or more.")


def _check_numbers(fit: Fit) -> None:
    rates = tuple(fit.lr.values()) if isinstance(fit.lr, Mapping) else (fit.lr,)
    if not rates or not all(0 < rate < float("inf") for rate in rates):
        raise BadInput(f"lr is {fit.lr}; it must be above 0. AdamW often wants 1e-4, Prodigy 1.")
    if fit.optimizer == "prodigy" and len(set(rates)) > 1:
        raise BadInput(f"lr is {fit.lr}; Prodigy finds its own step and takes one lr, usually 1.")
    if fit.warmup >= fit.steps:
        raise BadInput(f"warmup is {fit.warmup} of {fit.steps} steps; it must end before they do.")
    if fit.ema is not None and not 0 < fit.ema < 1:
        raise BadInput(f"ema is {fit.ema}; it must lie between 0 and 1, 0.999 being usual.")
    for name in ("clip", "checkpoint_steps", "checkpoint_seconds"):
        value = getattr(fit, name)
        if value is not None and not value > 0:
            raise BadInput(f"{name} is {value}; it must be above 0, or None for never.")
    if fit.batch % fit.accumulate:
        raise BadInput(
            f"A batch of {fit.batch} cannot be cut into {fit.accumulate} equal parts: choose "
            "accumulate so that it divides batch."
        )
