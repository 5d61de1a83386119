"""Instant's claims about how keywords guide: projection, regions, strengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from palate.backbones.sampling import texts_of
from palate.evals import stats
from palate.evals.taste import Scores, Wish, scored
from palate.methods.instant.guiding import Guidance
from palate.methods.instant.keywords import Keywords
from palate.ops.projection import Mode, guided, residual
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import Lab
from palate.recipes.claims.references import AT_ONCE, Asking, more
from palate.recipes.comparing import made
from palate.types import Picture, Request

LITTLE = 0.05  # of the percentile of taste: what counts as no less


@dataclass(frozen=True, kw_only=True)
class Projecting(Asking):
    """Does taking away what a prompt says itself keep content, at no less taste?

    Keywords alone, added to the prompt's embedding with and without it: no regions, no enrichment.
    """

    strengths: tuple[float, ...] = (0.5, 1.0)
    mode: Mode = "token"
    shown: int = 2

    def run(self, lab: Lab) -> Findings:
        """Both at every strength."""
        wishes, requests = self.asked()
        likes = self._likes(lab, requests)
        found: dict[str, dict[str, Scores]] = {}
        modes: dict[str, Mode] = {"projected": self.mode, "added": "added"}
        for name, mode in modes.items():
            found[name] = {}
            for a in self.strengths:
                pictures = self._made(lab, partial(spoken, a=a, mode=mode), requests, likes)
                found[name][f"{name} at {a:g}"] = scored(pictures, wishes, lab.judge())
        return Findings(found=tuple(compared(found, wishes)))

    def _likes(self, lab: Lab, requests: Sequence[Request]) -> list[str]:
        method = self.instant(lab)
        told = [Keywords.of(profile.words) for profile in self.profiles(lab, method)]
        return [method.wanted(k, r).likes for k, r in zip(told, requests, strict=True)]

    def _made(
        self, lab: Lab, way: Any, requests: Sequence[Request], likes: Sequence[str]
    ) -> list[Picture]:
        pictures: list[Picture] = []
        for start in range(0, len(requests), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            pictures += way(lab.backbone(self.backbone), requests[some], likes[some])
        return pictures


def compared(found: Mapping[str, Mapping[str, Scores]], wishes: Sequence[Wish]) -> Iterator[Found]:
    """The first of two less the other, each a mean of all its settings; then every setting."""
    (mine, _), (other, _) = found.items()

    def mean(name: str, what: str) -> NDArray[np.float64]:
        return np.mean([getattr(scores, what) for scores in found[name].values()], axis=0)

    for what, above in (("content", 0.0), ("taste", -LITTLE)):
        gap = more(mean(mine, what), mean(other, what), wishes)
        yield Found(says=f"{what}, {mine} less {other}", figure=gap, above=above)
    people = [wish.person for wish in wishes]
    for settings in found.values():
        for name, scores in settings.items():
            for what in ("taste", "content"):
                figure = stats.mean(np.asarray(getattr(scores, what), float), people)
                yield Found(says=f"{what}, {name}", figure=figure)


def spoken(
    backbone: Any, requests: Sequence[Request], likes: Sequence[str], *, a: float, mode: Mode
) -> list[Picture]:
    """Prompts with likes a times added to their embedding, (R2)."""
    text = texts_of(backbone, [backbone.complete(request) for request in requests])
    said = backbone.encode(list(likes)).tokens
    pull = residual(said, text.tokens, mode)
    heard = torch.tensor([float(bool(like)) for like in likes]).to(pull)[:, None, None]
    return backbone.sample(requests, replace(text, tokens=guided(text.tokens, heard * pull, a)))


@dataclass(frozen=True, kw_only=True)
class Placing(Asking):
    """Do regions bring two things into their places more often?"""

    prompts: int = 2
    share: float = 0.7  # of a region's own text: 1 less the base ratio

    def run(self, lab: Lab) -> Findings:
        """With and without; only prompts of two things."""
        wishes, requests = self.asked()
        two = [i for i, wish in enumerate(wishes) if wish.content.other is not None]
        wishes, requests = [wishes[i] for i in two], [requests[i] for i in two]
        profiles, right = self.profiles(lab, self.instant(lab)), {}
        mine = [profiles[i] for i in two]
        for name, ratio in (("with regions", 1 - self.share), ("without", 1.0)):
            way = self.instant(lab, Guidance(base_ratio=ratio))
            right[name] = scored(made(requests, way, mine), wishes, lab.judge()).content
        people = [wish.person for wish in wishes]
        gap = more(right["with regions"], right["without"], wishes)
        shares = [
            Found(says=f"both there and in place, {name}", figure=stats.share(hits, people))
            for name, hits in right.items()
        ]
        return Findings(
            found=(Found(says="both there and in place, gained", figure=gap, above=0.0), *shares)
        )


@dataclass(frozen=True, kw_only=True)
class Adapting(Asking):
    """Do strengths chosen for each picture keep more content than their means for all of them?"""

    prompts: int = 2

    def run(self, lab: Lab) -> Findings:
        """Chosen and fixed, the same on average."""
        wishes, requests = self.asked()
        chosen = self.instant(lab)
        profiles = self.profiles(lab, chosen)
        strengths = [
            chosen.wanted(Keywords.of(profile.words), request).strengths
            for profile, request in zip(profiles, requests, strict=True)
        ]
        preferences = np.array([s.preference for s in strengths])
        ratios = np.array([s.base_ratio for s in strengths])
        fixed = Guidance(preference=float(preferences.mean()), base_ratio=float(ratios.mean()))
        ways = {"chosen": chosen, "fixed": self.instant(lab, fixed)}
        seen = {
            name: {name: scored(made(requests, way, profiles), wishes, lab.judge())}
            for name, way in ways.items()
        }
        note = (
            f"Fixed: preference {fixed.preference:.3f}, base ratio {fixed.base_ratio:.2f}. Chosen: "
            f"{preferences.min():.3f} to {preferences.max():.3f}, {ratios.min():.2f} to "
            f"{ratios.max():.2f}."
        )
        return Findings(found=tuple(compared(seen, wishes)), notes=(note,))
