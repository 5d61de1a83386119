"""A low-rank change of the base model (LoRA) for each person: Premier's rival in bytes and time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import torch
from torch import Tensor

from palate.backbones import FLUX
from palate.backbones.tuning import size, tuning
from palate.errors import BadInput
from palate.learn.settings import Fit
from palate.methods import partners
from palate.methods.premier.fitting import learn, told
from palate.store.tensors import content_fingerprint
from palate.types import Mark, Picture, Profile, Request, Taste

KEPT = torch.bfloat16


PUBLISHED = Fit(  # the paper's steps; it does not say how they are taken
    steps=5000, batch=2, lr=1e-3, weight_decay=0.0, schedule="constant", log_every=100,
    checkpoint_steps=None,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How large the change is and how it is learned."""

    rank: int = 1  # the paper's
    fit: Fit = PUBLISHED
    shift: float = 1.0  # of the times, as Premier's newcomers


class Tuned:
    """Somebody is a model of their own, made of what they like; dislikes take no part."""

    def __init__(self, backbone: FLUX, how: Tuning | None = None) -> None:
        self.backbone, self.how = backbone, how or Tuning()
        self.mark = Mark(name="lora", fingerprint=content_fingerprint("lora", asdict(self.how), {}))

    @property
    def bytes(self) -> int:
        """What a person takes."""
        return size(self.backbone.pipe.transformer, self.how.rank) * KEPT.itemsize

    def read(self, taste: Taste) -> Profile:
        """By gradients on the flow of what they like."""
        backbone, how = self.backbone, self.how
        with tuning(backbone.pipe.transformer, how.rank) as change:
            learn(
                {"change": change}, taste.liked, backbone.encode(told(taste.liked)), how.fit,
                backbone, lambda rows: nullcontext(backbone), shift=how.shift,
            )  # fmt: skip
            tensors = {name: w.detach().to(KEPT).cpu().clone() for name, w in change.items()}
        return Profile(
            method=self.mark,
            backbone=backbone.mark,
            tensors=tensors,
            liked=len(taste.liked),
            disliked=len(taste.disliked),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    @contextmanager
    def steer(self, profiles: Sequence[Profile], requests: Sequence[Request]) -> Iterator[Any]:
        """Lend the base model, changed for one person after the other."""
        partners.check(profiles, self.mark, self.backbone.mark)
        if any(request.avoid for request in requests):
            raise BadInput("A LoRA learns from likes alone and cannot avoid; set avoid to 0.")
        yield _OneByOne(self, profiles, requests)


class _OneByOne:
    """A base model that is another one for everybody, so people take as many passes as they are."""

    def __init__(
        self, method: Tuned, profiles: Sequence[Profile], requests: Sequence[Request]
    ) -> None:
        self.backbone, self.mark = method.backbone, method.backbone.mark
        self._rank, self._profiles, self._requests = method.how.rank, profiles, requests

    def encode(self, prompts: Sequence[str]) -> Any:
        """As the base model: no text encoder is changed."""
        return self.backbone.encode(prompts)

    def sample(self, requests: Sequence[Request], on_step: Any = None) -> list[Picture]:
        """One picture for each request."""
        partners.check_asked(requests, self._requests)
        made: dict[int, Picture] = {}
        for (_, strength), rows in self._groups().items():
            some = [requests[row] for row in rows]
            with self._as(self._profiles[rows[0]].tensors, strength):
                made.update(zip(rows, self.backbone.sample(some, on_step=on_step), strict=True))
        return [made[row] for row in range(len(requests))]

    def _groups(self) -> dict[tuple[int, float], list[int]]:
        """Rows of the same person at the same strength."""
        found: dict[tuple[int, float], list[int]] = {}
        for row, (profile, request) in enumerate(zip(self._profiles, self._requests, strict=True)):
            found.setdefault((id(profile), request.strength), []).append(row)
        return found

    def _as(self, tensors: Any, strength: float) -> Any:
        """The model changed by so much; by nothing, it is not even touched."""
        if not strength:
            return nullcontext()
        scaled: dict[str, Tensor] = {
            name: strength * tensor if "lora_B" in name else tensor
            for name, tensor in tensors.items()
        }
        return tuning(self.backbone.pipe.transformer, self._rank, scaled)
