"""What both seams rest on: who rides in a forward pass, and how a model is handed back.

A forward pass may hold several pictures, and twice as many rows with classifier-free guidance. Our
own sampler says who rides where; in a pipeline that somebody calls directly, the seam works it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from palate.errors import BadInput, Mismatch

Strength = float | tuple[float, ...]  # one for all pictures, or one for each
Window = tuple[float, float]  # from and up to which share of the steps


@dataclass(frozen=True, kw_only=True)
class Riders:
    """Row by row, what a forward pass holds."""

    pictures: tuple[int, ...]  # which picture
    speaking: tuple[bool, ...]  # False where the negative prompt is heard
    progress: float | None = None  # share of the steps already done; None: no picture is made

    def within(self, window: Window) -> bool:
        """Whether who has this window is heard now; outside of sampling everybody is."""
        return self.progress is None or window[0] <= self.progress < window[1]


_riding: ContextVar[Riders | None] = ContextVar("riding", default=None)


def announced() -> Riders | None:
    """What the sampler said about the forward pass it is making, if one of ours is at work."""
    return _riding.get()


@contextmanager
def riding(riders: Riders) -> Iterator[None]:
    """Say who rides in the forward pass made inside."""
    token = _riding.set(riders)
    try:
        yield
    finally:
        _riding.reset(token)


def halves(pictures: Sequence[int], *, guided: bool, progress: float | None = None) -> Riders:
    """The usual order: with guidance the negative rows come first, then the prompts'."""
    speaking = (False,) * len(pictures) * guided + (True,) * len(pictures)
    return Riders(pictures=tuple(pictures) * (1 + guided), speaking=speaking, progress=progress)


def progress(scheduler: Any, timestep: Any) -> float | None:
    """Share of a scheduler's steps that is done when it comes to a timestep; None: not one of its.

    For passes that nobody announced.
    """
    steps = scheduler.timesteps
    at = (steps == torch.as_tensor(timestep).to(steps).reshape(-1)[0]).nonzero()
    return int(at[0]) / len(steps) if len(at) else None


def spread(rows: int, people: int) -> list[int]:
    """Pictures of a pass nobody announced: several in a row for each of the people."""
    if rows % people:
        raise Mismatch(
            f"What was lent holds {people} pictures' worth and {rows} are being made. Give it "
            "tokens for one picture, or for as many as are made at once."
        )
    return [row * people // rows for row in range(rows)]


def people_in(tokens: int, strength: Strength) -> int:
    """How many pictures it was made for; 1 serves any number."""
    return tokens if isinstance(strength, float | int) else max(tokens, len(strength))


def turns(riders: Riders, strength: Strength, tokens: int) -> list[tuple[int, int, float]]:
    """(row, whose tokens, how strongly) for every row in which the strength is not 0."""
    people, most = people_in(tokens, strength), max(riders.pictures) + 1
    if people > 1 and most > people:
        raise Mismatch(
            f"What was lent holds {people} pictures' worth and there are at least {most} requests. "
            "Give requests and profiles in pairs."
        )
    return [
        (row, picture if tokens > 1 else 0, s)
        for row, picture in enumerate(riders.pictures)
        if (s := strength if isinstance(strength, float | int) else strength[picture])
    ]


def index(numbers: Sequence[int], device: torch.device) -> slice | Tensor:
    """Numbers to index by; a slice where they follow one another, which copies nothing."""
    first, count = numbers[0], len(numbers)
    if tuple(numbers) == tuple(range(first, first + count)):
        return slice(first, first + count)
    return torch.tensor(numbers, device=device)


def check_strength(strength: Strength, tokens: int) -> None:
    """One number, or one for each picture the tokens are for."""
    values = (strength,) if isinstance(strength, float | int) else strength
    if not all(isfinite(value) for value in values):
        raise BadInput(f"The strength is {strength}; it must be a number, 0 for the base model.")
    if 1 < tokens != len(values) > 1:
        raise Mismatch(
            f"There are {len(values)} strengths and tokens for {tokens} pictures. Give one "
            "strength, or one for each picture."
        )


def silent(strength: Strength) -> bool:
    """Whether nobody says anything at all, so that the model need not even be touched."""
    return not (strength if isinstance(strength, float | int) else any(strength))


@contextmanager
def shadowing(attribute: str, values: Sequence[tuple[nn.Module, Any]]) -> Iterator[None]:
    """Lay values over an attribute of modules; afterwards each is what it was, the same object.

    Written beside the module's own parameters and submodules, which stay in their place: an
    IP-Adapter's processor is a submodule, and `set_processor` would drop its weights.
    """
    before = [
        (module, attribute in vars(module), vars(module).get(attribute)) for module, _ in values
    ]
    try:
        for module, value in values:
            vars(module)[attribute] = value
        yield
    finally:
        for module, was_set, value in before:
            if was_set:
                vars(module)[attribute] = value
            else:
                vars(module).pop(attribute, None)


@contextmanager
def watching(module: nn.Module, note: Any) -> Iterator[None]:
    """Call note(args, kwargs) before each forward pass of the module."""
    handle = module.register_forward_pre_hook(lambda _, a, k: note(a, k), with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
