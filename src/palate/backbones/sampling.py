"""The denoising loop, alike for every backbone: one forward pass for many pictures."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from palate.backbones.asked import Defaults, batches, pictures
from palate.backbones.lending import halves, riding
from palate.backbones.text import Embeddings, check_rows
from palate.errors import PalateError
from palate.seeds import generator
from palate.types import Mark, Picture, Request

OnStep = Callable[[int, int], object]  # steps done, steps in all; to stop, raise


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """Pictures that go through the model together."""

    numbers: list[int]  # which of the requests they are
    requests: list[Request]
    text: Embeddings
    guided: bool  # classifier-free guidance: a second row for each picture, the negative ones first
    noise: Tensor
    schedule: Schedule

    def guidance(self, like: Tensor) -> Tensor:
        """Each picture's own, ready to be multiplied with something a row a picture."""
        values = torch.tensor([r.guidance for r in self.requests], device=like.device)
        return values.reshape(-1, *[1] * (like.ndim - 1))


class Model(Protocol):
    """What the loop asks of a backbone."""

    mark: Mark
    defaults: Defaults

    def complete(self, request: Request) -> Request:
        """Defaults filled in and everything checked."""
        ...

    def encode(self, prompts: Sequence[str], negative: Sequence[str] | None = None) -> Embeddings:
        """Prompts to embeddings."""
        ...

    def guided(self, request: Request) -> bool:
        """Whether the request takes classifier-free guidance."""
        ...

    def job(self, numbers: list[int], requests: list[Request], text: Embeddings) -> Job:
        """Requests that are alike, made ready."""
        ...

    def forward(self, job: Job, latents: Tensor, t: Tensor) -> Tensor:
        """One forward pass; latents twice with guidance."""
        ...

    def decode(self, latents: Tensor, request: Request) -> Tensor:
        """Latents to images in -1 to 1."""
        ...


@torch.no_grad()
def sample(
    model: Model, requests: Sequence[Request], text: Embeddings | None, on_step: OnStep | None
) -> list[Picture]:
    """One picture for each request, in their order."""
    jobs = _jobs(model, [model.complete(request) for request in requests], text)
    made: dict[int, Picture] = {}
    with _fitting(jobs):
        for job, latents in _denoise(model, jobs, on_step):
            drawn = pictures(model.decode(latents, job.requests[0]), job.requests, model.mark)
            made.update(zip(job.numbers, drawn, strict=True))
    return [made[number] for number in range(len(requests))]


@contextmanager
def _fitting(jobs: Sequence[Job]) -> Iterator[None]:
    """A sentence where the machine's memory ends."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is a RuntimeError
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        most = max(jobs, key=lambda job: len(job.requests) * (job.requests[0].width or 0))
        one = most.requests[0]
        raise PalateError(
            f"{len(most.requests)} pictures of {one.width}x{one.height} at once do not fit into "
            "memory. Ask for smaller ones, or for fewer at once (the model's defaults.at_once)."
        ) from error


def _jobs(model: Model, requests: list[Request], text: Embeddings | None) -> list[Job]:
    if not requests:
        return []
    text = texts_of(model, requests) if text is None else text
    check_rows(text, len(requests), guided=any(map(model.guided, requests)))
    together = batches(
        requests,
        lambda r: (r.width, r.height, r.steps, model.guided(r)),
        model.defaults.at_once,
    )
    return [model.job(some, [requests[n] for n in some], text.rows(some)) for some in together]


def texts_of(model: Model, requests: Sequence[Request]) -> Embeddings:
    """What whole requests say; what they do not want, too, if any of them is guided."""
    guided = any(map(model.guided, requests))
    negative = [request.negative_prompt for request in requests] if guided else None
    return model.encode([request.prompt for request in requests], negative)


def _denoise(
    model: Model, jobs: Sequence[Job], on_step: OnStep | None
) -> Iterator[tuple[Job, Tensor]]:
    """Each job with its final latents. Every pass says which pictures ride in it."""
    tick = _counting(on_step, sum(len(job.schedule.timesteps) for job in jobs))
    for job in jobs:
        latents, steps = job.schedule.begin(job.noise), job.schedule.timesteps
        for i, t in enumerate(steps):
            seen = job.schedule.scale(torch.cat([latents] * (1 + job.guided)), t)
            with riding(halves(job.numbers, guided=job.guided, progress=i / len(steps))):
                noise = model.forward(job, seen, t)
            noise = guide(noise, job.guidance(noise)) if job.guided else noise
            latents = job.schedule.step(noise, t, latents)
            tick()
        yield job, latents


def guide(noise: Tensor, guidance: Tensor) -> Tensor:
    """Classifier-free guidance: e_- + g (e_+ - e_-), each picture with its own g."""
    negative, positive = noise.chunk(2)
    return (negative + guidance * (positive - negative)).to(noise.dtype)


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """A scheduler of one's own, set to its steps: the pipeline's keeps state while it runs."""

    scheduler: Any
    extra: dict[str, Any]  # keyword arguments for its step

    @classmethod
    def of(
        cls, scheduler: Any, seeds: Sequence[int], shape: tuple[int, ...], **how: Any
    ) -> Schedule:
        """A copy set by `how`; if it is stochastic, each picture draws from its own seed."""
        mine = deepcopy(scheduler)
        mine.set_timesteps(**how)
        if hasattr(mine, "set_begin_index"):
            mine.set_begin_index(0)
        draws = "generator" in inspect.signature(mine.step).parameters
        streams = {"generator": [_past_first_noise(s, shape) for s in seeds]} if draws else {}
        return cls(scheduler=mine, extra=streams)

    @property
    def timesteps(self) -> Tensor:
        """One for each forward pass."""
        return self.scheduler.timesteps

    def begin(self, noise: Tensor) -> Tensor:
        """Noise as strong as the first step expects. Flow matching has no such factor."""
        return noise * getattr(self.scheduler, "init_noise_sigma", 1.0)

    def scale(self, latents: Tensor, t: Tensor) -> Tensor:
        """Latents as the model expects to see them at t."""
        scaled = getattr(self.scheduler, "scale_model_input", None)
        return scaled(latents, t) if scaled else latents

    def step(self, noise: Tensor, t: Tensor, latents: Tensor) -> Tensor:
        """One step of the solver."""
        after = self.scheduler.step(noise, t, latents, **self.extra, return_dict=False)[0]
        return after.to(latents.dtype)


def _past_first_noise(seed: int, shape: tuple[int, ...]) -> torch.Generator:
    """A picture's generator where the stock pipeline has it once the starting noise is drawn."""
    stream = generator(seed)
    torch.randn(shape, generator=stream)
    return stream


def _counting(on_step: OnStep | None, total: int) -> Callable[[], None]:
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if on_step:
            on_step(done, total)

    return step
