"""Premier's claims about somebody new: coefficients, tokens of their own, at once, or a LoRA."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from palate.evals.stats import Figure
from palate.evals.taste import against, alone, scored
from palate.methods.premier.method import Premier
from palate.methods.premier.tuned import PUBLISHED as TUNED
from palate.methods.premier.tuned import Tuned, Tuning
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import FLUX, JUDGE, READER, Lab, weights_of
from palate.recipes.comparing import made, profiles_of
from palate.recipes.newcoming import AT_ONCE, DIRECTLY, LINEAR, Newcomers, Newcoming, measure

LITTLE = 0.05  # of the percentile of taste: what counts as no less
TURNS = 8  # pictures from which on the paper finds no advantage for coefficients


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Who is new, and in which ways they are read; what these experiments share."""

    asked: Newcoming
    backbone: str = FLUX

    @property
    def needs(self) -> tuple[str, ...]:
        """Premier whole, and the judge."""
        return self.backbone, weights_of("premier", self.backbone), READER, JUDGE

    def premier(self, lab: Lab) -> Premier:
        """The trained method."""
        return cast(Premier, lab.method("premier", self.backbone))

    def measured(self, lab: Lab) -> Newcomers:
        """Everybody in every way after every history; what others measured is not done again."""
        return measure(
            self.premier(lab), lab.judge(), self.asked,
            kept=lambda asked, make: lab.kept((self.backbone, asked), make),
        )  # fmt: skip

    def rest(self, found: Newcomers) -> list[Found]:
        """What each way is worth."""
        return [
            Found(says=f"taste after {n}, {way}", figure=found.taste(way, n))
            for way, n in found.found
        ]

    def short(self) -> str:
        """How much less was done than in the paper."""
        return f"Fitted for {self.asked.fitted:,} steps; the paper's newcomers are for 5,000."


@dataclass(frozen=True, kw_only=True)
class Lengths(Placed):
    """Are coefficients better than own tokens with few pictures, and no better with many?"""

    def run(self, lab: Lab) -> Findings:
        """Both after every length of history."""
        measured, found = self.measured(lab), []
        for n in self.asked.histories:
            few = n < TURNS
            ways = (LINEAR, DIRECTLY) if few else (DIRECTLY, LINEAR)
            says = "taste after {}: {} less {}".format(n, *ways)
            gap = measured.gap(*ways, n).taste
            found.append(Found(says=says, figure=gap, above=0.0 if few else -LITTLE))
        return Findings(found=(*found, *self.rest(measured)), notes=(self.short(),))


@dataclass(frozen=True, kw_only=True)
class Sooner(Placed):
    """Are people placed by their pictures at once as well served as by a training?"""

    def run(self, lab: Lab) -> Findings:
        """Both, timed."""
        measured, (n, *_) = self.measured(lab), self.asked.histories
        gap = measured.gap(AT_ONCE, LINEAR, n).taste
        found = Found(says="taste, at once less fitted", figure=gap, above=-LITTLE)
        soon, late = (measured.found[way, n].seconds for way in (AT_ONCE, LINEAR))
        took = f"{soon:.2f} s a person at once, {late:.2f} s fitted."
        return Findings(found=(found, *self.rest(measured)), notes=(took, self.short()))


@dataclass(frozen=True, kw_only=True)
class Stored(Placed):
    """Does Premier serve people nearly as well as a LoRA, at a tenth of its bytes or less?"""

    fewer: float = 10.0
    rank: int = 1

    def run(self, lab: Lab) -> Findings:
        """Premier fitted as published, and a LoRA for as many steps."""
        measured, (n, *_) = self.measured(lab), self.asked.histories
        asked, tuned = self.asked.asked(n), self._tuned(lab)
        wishes, requests = asked.asked()
        theirs = profiles_of(tuned, asked)
        scores = scored(made(requests, tuned, theirs), wishes, lab.judge())
        mine = measured.found[LINEAR, n].scores
        person = self._bytes(lab)
        times = tuned.bytes / person
        sure = Figure(value=times, low=times, high=times, n=asked.people, units=asked.people)
        found = (
            Found(
                says="taste, Premier less LoRA",
                figure=against(mine, scores, wishes).taste,
                above=-LITTLE,
            ),
            Found(says="times fewer bytes", figure=sure, above=self.fewer, percent=False),
            *self.rest(measured),
            Found(says="taste, LoRA", figure=alone(scores, wishes)[0]),
        )
        told = f"{person:,} bytes a person, {tuned.bytes:,} with a LoRA of rank {self.rank}."
        return Findings(found=found, notes=(told, self.short()))

    def _bytes(self, lab: Lab) -> int:
        premier = self.premier(lab)
        profile = premier.profile_of(premier.users.table[0])
        return sum(tensor.nbytes for tensor in profile.tensors.values())

    def _tuned(self, lab: Lab) -> Tuned:
        how = Tuning(rank=self.rank, fit=replace(TUNED, steps=self.asked.fitted))
        return Tuned(lab.backbone(self.backbone), how)
