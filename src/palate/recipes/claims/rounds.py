"""Instant's claim about rounds: a person says what they miss, and gets another picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from palate.evals import stats
from palate.evals.taste import Scores, Wish, fitting
from palate.methods.instant.method import Instant
from palate.methods.instant.session import Session, begun
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import Lab
from palate.recipes.claims.references import AT_ONCE, Asking, more
from palate.sketchbook.people import World, affinities
from palate.sketchbook.vocabulary import OFFSETS, SIZES, VALUES
from palate.types import Picture


@dataclass(frozen=True, kw_only=True)
class Rounds(Asking):
    """Do three rounds of "more of this" please more than the first picture?

    The person is simulated: they look at the picture, as the judge sees it, and ask for the value
    they miss most, one a round and none twice. That a picture changes is not enough: beside it runs
    the same talk with the wishes of the next person, who looks at the same pictures.
    """

    rounds: int = 3

    def run(self, lab: Lab) -> Findings:
        """Everybody's talk, round by round, and the same with another's wishes."""
        wishes, requests = self.asked()
        method = self.instant(lab)
        talks = [
            begun(r.prompt, t, k := method.understood(t), method.plan(r.prompt, k), seed=r.seed)
            for r, t in zip(requests, self.tastes(), strict=True)
        ]
        people = [wish.person for wish in wishes]
        others = [*people[self.prompts :], *people[: self.prompts]]
        own = self._talked(lab, method, talks, wishes, people)
        another = self._talked(lab, method, talks, wishes, others)
        return Findings(found=tuple(self._compared(own, another, wishes)))

    def _talked(
        self,
        lab: Lab,
        method: Instant,
        talks: Sequence[Session],
        wishes: Sequence[Wish],
        speakers: Sequence[int],
    ) -> list[Scores]:
        """What the pictures are worth to whom they are for, after each round of the speakers'."""
        told: list[set[str]] = [set() for _ in talks]
        found: list[Scores] = []
        for turn in range(self.rounds + 1):
            pictures = self._drawn(method, talks)
            sight = lab.judge().look_at(np.stack([p.pixels for p in pictures]))
            found.append(fitting(sight, wishes))
            if turn < self.rounds:
                said = [
                    missed(speaker, look, t)
                    for speaker, look, t in zip(speakers, sight.looks, told, strict=True)
                ]
                talks = [
                    talk.answered(f"more {value}", method.understanding)
                    for talk, value in zip(talks, said, strict=True)
                ]
        return found

    def _drawn(self, method: Instant, talks: Sequence[Session]) -> list[Picture]:
        pictures: list[Picture] = []
        for start in range(0, len(talks), AT_ONCE):
            some = talks[start : start + AT_ONCE]
            requests = [talk.request(steps=self.steps) for talk in some]
            profiles = [t.profile(method.mark, method.backbone.mark) for t in some]
            with method.steer(profiles, requests, plans=[talk.plan for talk in some]) as lent:
                pictures += lent.sample(requests)
        return pictures

    def _compared(
        self, own: Sequence[Scores], another: Sequence[Scores], wishes: Sequence[Wish]
    ) -> list[Found]:
        people, after = [wish.person for wish in wishes], f"in {self.rounds} rounds"
        gain = more(own[-1].taste, own[0].taste, wishes)
        theirs = more(own[-1].taste, another[-1].taste, wishes)
        found = [
            Found(says=f"taste gained {after}", figure=gain, above=0.0),
            Found(says=f"taste {after}, less with another's wishes", figure=theirs, above=0.0),
            Found(
                says=f"content gained {after}",
                figure=more(own[-1].content, own[0].content, wishes),
            ),
        ]
        for turn, scores in enumerate(own):
            found += [
                Found(says=f"taste, round {turn}", figure=stats.mean(scores.taste, people)),
                Found(says=f"content, round {turn}", figure=stats.share(scores.content, people)),
            ]
        last = stats.mean(another[-1].taste, people)
        return [*found, Found(says=f"taste, round {self.rounds} of another's wishes", figure=last)]


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
