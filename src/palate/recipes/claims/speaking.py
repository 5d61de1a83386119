"""PrefGen's claim about its parts: what is lost when one of them is somebody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.backbones.encoders import JudgeEncoder
from palate.evals import stats
from palate.evals.textures import style_cosine
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import CLIP, JUDGE, PREFDISC, Lab, weights_of
from palate.recipes.comparing import Comparing, made, profiles_of
from palate.recipes.crowd import Crowd, portraits
from palate.recipes.prefgen import MOST
from palate.sketchbook.drawing import draw
from palate.types import Picture, Profile

PARTS = ("sem", "core", "img")
STYLE, TEXT = "style", "CLIP-text"
COSTS = {TEXT: "sem", STYLE: "img"}  # what the paper finds to cost most, exchanged


@dataclass(frozen=True, kw_only=True)
class Swapping:
    """Which part of a person, exchanged for another's, costs CLIP-text most, and which style?

    CLIP-text is the cosine with what the person likes in words, style the mean cosine of Gram
    matrices with pictures they like.
    """

    people: int = 24
    prompts: int = 1
    history: int = 8
    steps: int | None = None
    references: int = 4
    method: str = "prefgen"
    backbone: str = "sketchbook-sdxl"

    @property
    def needs(self) -> tuple[str, ...]:
        """The trained method and its judges."""
        own = weights_of(self.method, self.backbone)
        return self.backbone, own, PREFDISC, CLIP, JUDGE

    def run(self, lab: Lab) -> Findings:
        """Everybody as themselves, then with each part of the next person."""
        asked = Comparing(
            people=self.people, prompts=self.prompts, history=self.history, steps=self.steps
        )
        wishes, requests = asked.asked()
        method = lab.method(self.method, self.backbone)
        own = profiles_of(method, asked)
        next_ones = own[self.prompts :] + own[: self.prompts]
        ways = {"own": own, **{part: swapped(own, next_ones, part) for part in PARTS}}
        seen = {name: self._seen(lab, made(requests, method, ps)) for name, ps in ways.items()}
        return Findings(found=tuple(_compared(seen, [wish.person for wish in wishes])))

    def _seen(self, lab: Lab, pictures: Sequence[Picture]) -> dict[str, NDArray[np.float64]]:
        crowd = Crowd(split="test", people=self.people, pairs=self.history)
        pixels = [picture.pixels for picture in pictures]
        words = lab.clip().read(portraits(crowd.numbers(), MOST)).repeat_interleave(self.prompts, 0)
        eyes, near = JudgeEncoder(lab.judge()), []
        liked = [[draw(a) for a, _ in pairs[: self.references]] for pairs in crowd.scenes()]
        for number, one in enumerate(pixels):
            references = liked[number // self.prompts]
            off = style_cosine(eyes.maps([one] * len(references)), eyes.maps(references))
            near.append(1 - float(off.mean()))
        text = (lab.clip().see(pixels) * words).sum(1).double().cpu().numpy()
        return {TEXT: text, STYLE: np.array(near)}


def swapped(own: Sequence[Profile], others: Sequence[Profile], part: str) -> list[Profile]:
    """Everybody with one part of somebody else; dislikes stay their own."""
    return [
        replace(mine, tensors={**mine.tensors, part: theirs.tensors[part]})
        for mine, theirs in zip(own, others, strict=True)
    ]


def _compared(seen: Mapping[str, Mapping[str, Any]], people: Sequence[int]) -> list[Found]:
    found, rest = [], []
    for what, most in COSTS.items():
        lost = {part: seen["own"][what] - seen[part][what] for part in PARTS}
        for part in (p for p in PARTS if p != most):
            gap = stats.mean(lost[most] - lost[part], people)
            says = f"{what} lost with another's {most} less with another's {part}"
            found.append(Found(says=says, figure=gap, above=0.0))
        rest += [
            Found(says=f"{what} lost with another's {part}", figure=stats.mean(values, people))
            for part, values in lost.items()
        ]
    return [*found, *rest]
