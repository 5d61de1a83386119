"""Instant's claim about rounds: a person says what they miss, and gets another picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.evals import stats
from palate.evals.taste import Wish, scored
from palate.methods.instant.method import Instant
from palate.methods.instant.session import Session, begun
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import Lab
from palate.recipes.claims.references import AT_ONCE, Asking, more
from palate.sketchbook.people import World, affinities
from palate.sketchbook.vocabulary import OFFSETS, SIZES, VALUES
from palate.types import Picture, Request


@dataclass(frozen=True, kw_only=True)
class Rounds(Asking):
    """Do three rounds of "more of this" please more than the first picture?

    The person is simulated: they look at the picture, as the judge sees it, and ask for the value
    they miss most, one a round and none twice.
    """

    rounds: int = 3

    def run(self, lab: Lab) -> Findings:
        """Everybody's talk, round by round."""
        wishes, requests = self.asked()
        method = self.instant(lab)
        talks = [
            begun(r.prompt, t, k := method.understood(t), method.plan(r.prompt, k), seed=r.seed)
            for r, t in zip(requests, self.tastes(), strict=True)
        ]
        told: list[set[str]] = [set() for _ in talks]
        tastes, contents = [], []
        for turn in range(self.rounds + 1):
            pictures = self._drawn(method, talks, requests)
            scores = scored(pictures, wishes, lab.judge())
            tastes.append(scores.taste)
            contents.append(scores.content)
            if turn < self.rounds:
                looks = lab.judge().look_at(np.stack([p.pixels for p in pictures])).looks
                said = [
                    missed(w.person, seen, t)
                    for w, seen, t in zip(wishes, looks, told, strict=True)
                ]
                talks = [
                    talk.answered(f"more {value}", method.understanding)
                    for talk, value in zip(talks, said, strict=True)
                ]
        return Findings(found=tuple(self._compared(tastes, contents, wishes)))

    def _drawn(
        self, method: Instant, talks: Sequence[Session], requests: Sequence[Request]
    ) -> list[Picture]:
        pictures: list[Picture] = []
        for start in range(0, len(talks), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            profiles = [t.profile(method.mark, method.backbone.mark) for t in talks[some]]
            plans = [talk.plan for talk in talks[some]]
            with method.steer(profiles, requests[some], plans=plans) as lent:
                pictures += lent.sample(requests[some])
        return pictures

    def _compared(
        self, tastes: Sequence[Any], contents: Sequence[Any], wishes: Sequence[Wish]
    ) -> list[Found]:
        people = [wish.person for wish in wishes]
        gain = more(tastes[-1], tastes[0], wishes)
        found = [Found(says=f"taste gained in {self.rounds} rounds", figure=gain, above=0.0)]
        for turn, (taste, content) in enumerate(zip(tastes, contents, strict=True)):
            found.append(Found(says=f"taste, round {turn}", figure=stats.mean(taste, people)))
            right = stats.share(content, people)
            found.append(Found(says=f"content, round {turn}", figure=right))
        return found


def missed(number: int, look: NDArray[np.uint8], told: set[str]) -> str:
    """The value whose lack costs the person most, of those they did not ask for yet."""
    affinity = affinities([number], World())[0]
    gains = {}
    for start, size, seen in zip(OFFSETS, SIZES, look, strict=True):
        best = start + int(affinity[start : start + size].argmax())
        gains[VALUES[best][1]] = float(affinity[best] - affinity[start + int(seen)])
    value = max((v for v in gains if v not in told), key=lambda v: gains[v])
    told.add(value)
    return value
