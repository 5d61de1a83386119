"""A plan and keywords as a base model takes them: embeddings of texts, and voices in regions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from palate.backbones import FLUX, SDXL, Embeddings, Voice
from palate.methods.instant.keywords import Keyword
from palate.methods.instant.plan import WHOLE, Plan
from palate.methods.instant.settled import told
from palate.methods.instant.strengths import Strengths
from palate.ops.projection import Mode, guided, off_each, residual
from palate.ops.regions import partition
from palate.types import Request

GRID = 128  # places a side of a mask; as fine as the latents of a picture of 1024 pixels


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How the base model is made to follow. What is None is chosen for each picture."""

    mode: Mode = "token"
    keep_norm: bool = False
    preference: float | None = None
    base_ratio: float | None = None
    asked: float = 0.2  # share of the prompt as it was asked in what is said with keywords
    onset: float = 0.1  # share of the steps before which the prompt is heard as it was asked
    window: tuple[float, float] = (0.0, 0.4)  # of the steps, in which regions are heard
    feather: float = 0.03
    theme: bool = True  # False: style alone


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One picture: what is asked for, how it is planned, and in which words it is to please."""

    request: Request
    plan: Plan
    likes: str
    avoids: str
    strengths: Strengths

    def texts(self) -> Iterable[str]:
        """Everything that has to be encoded."""
        yield self.request.prompt
        yield from self.plan.texts()
        yield from filter(None, (self.likes, self.avoids))

    @property
    def heard(self) -> float:
        """How much of the plan: all of it at strength 1, none at 0."""
        return min(self.request.strength, 1.0)


def fitting(backbone: SDXL | FLUX, words: Sequence[Keyword]) -> str:
    """The strongest keywords in one text, as many as the encoder takes, as a caption says them."""
    said: list[Keyword] = []
    for word in words:
        if backbone.left_out(", ".join(k.text for k in [*said, word])):
            break
        said.append(word)
    return ", ".join(word.text for word in told(said))


class Guided:
    """What some pictures ask of the text encoder, encoded once, and the guidance made of it."""

    def __init__(self, backbone: SDXL | FLUX, wanted: Sequence[Wanted], how: Guidance) -> None:
        self.wanted, self.how = wanted, how
        texts = list(dict.fromkeys(text for one in wanted for text in one.texts()))
        found = backbone.encode(texts)
        self._tokens = dict(zip(texts, found.tokens, strict=True))
        self._pooled = dict(zip(texts, found.pooled, strict=True))

    def embeddings(self, plain: Embeddings) -> Embeddings:
        """The prompts' own embeddings, guided; the negative half is not touched."""
        tokens = torch.stack([self._whole(one, self._tokens) for one in self.wanted])
        pooled = torch.stack([self._summary(one) for one in self.wanted])
        return replace(plain, tokens=tokens, pooled=pooled)

    def voices(self) -> list[Voice]:
        """The prompt at first; then one for each place in the row of regions, background last."""
        rows = [self._regions(one) for one in self.wanted]
        most = max(map(len, rows), default=0)
        silent = next(iter(self._tokens.values()))
        nobody = (torch.zeros_like(silent), torch.zeros(GRID, GRID), 0.0)
        columns = zip(*(row + [nobody] * (most - len(row)) for row in rows), strict=True)
        regions = [self._region(*zip(*column, strict=True)) for column in columns]
        return [*([self._first(rows)] if self.how.onset else []), *regions]

    def _first(self, rows: Sequence[Sequence[tuple[Tensor, Tensor, float]]]) -> Voice:
        """What was asked for, in the steps that decide what stands where, but for the regions."""
        share = [row[0][2] if row and self.how.window[0] < self.how.onset else 0.0 for row in rows]
        loud = [(1 - s) * bool(o.heard) for s, o in zip(share, self.wanted, strict=True)]
        return Voice(
            tokens=torch.stack([self._tokens[one.request.prompt] for one in self.wanted]),
            strength=tuple(loud),
            instead=True,
            window=(0.0, self.how.onset),
        )

    def _region(
        self, tokens: Sequence[Tensor], masks: Sequence[Tensor], strengths: Sequence[float]
    ) -> Voice:
        return Voice(
            tokens=torch.stack(list(tokens)),
            mask=torch.stack(list(masks)),
            strength=tuple(strengths),
            instead=True,
            window=self.how.window,
        )

    def _regions(self, one: Wanted) -> list[tuple[Tensor, Tensor, float]]:
        """Tokens, mask and strength of every region, back to front, and of the background."""
        regions = one.plan.back_to_front
        share = (1 - one.strengths.base_ratio) * one.heard
        if not regions or not share:
            return []
        boxes = [tuple(side / WHOLE for side in region.box) for region in regions]
        masks = partition(boxes, GRID, GRID, feather=self.how.feather)  # type: ignore[arg-type]
        texts = [*(region.prompt for region in regions), one.plan.background_prompt]
        tokens = [self._towards(one, self._tokens[text], self._tokens) for text in texts]
        return [(t, mask, share) for t, mask in zip(tokens, masks, strict=True)]

    def _whole(self, one: Wanted, encoded: Mapping[str, Tensor]) -> Tensor:
        return self._towards(one, self._said(one, encoded), encoded)

    def _said(self, one: Wanted, encoded: Mapping[str, Tensor]) -> Tensor:
        """The prompt, on its way to the enriched one."""
        plain, rich = encoded[one.request.prompt], encoded[one.plan.enriched_prompt]
        return torch.lerp(plain, rich, one.heard * (1 - self.how.asked))

    def _summary(self, one: Wanted) -> Tensor:
        said = self._said(one, self._pooled)
        if self.how.mode != "pooled":
            return said
        for text, strength in self._pulls(one):
            said = guided(said, off_each(self._pooled[text], said), strength)
        return said

    def _towards(self, one: Wanted, e: Tensor, encoded: Mapping[str, Tensor]) -> Tensor:
        """(R1), (R2) for what is liked, and against what is to be avoided."""
        if self.how.mode == "pooled":
            return e
        pull = torch.zeros_like(e)
        for text, strength in self._pulls(one):
            pull = pull + strength * residual(encoded[text], e, self.how.mode)
        return guided(e, pull, 1.0, keep_norm=self.how.keep_norm) if pull.any() else e

    def _pulls(self, one: Wanted) -> list[tuple[str, float]]:
        a, request = one.strengths.preference, one.request
        pulls = [(one.likes, a * request.strength), (one.avoids, -a * request.avoid)]
        return [(text, strength) for text, strength in pulls if text and strength]
