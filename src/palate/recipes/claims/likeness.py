"""Instant's first claim: one reference picture, and whose pictures are most like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.backbones.encoders import JudgeEncoder
from palate.evals import stats
from palate.evals.moods import moods_of
from palate.evals.taste import Wish, fitting
from palate.evals.textures import style_cosine
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import CLIP, Lab
from palate.recipes.claims.references import Asking, more
from palate.recipes.comparing import PLAIN, made
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import Scene
from palate.types import Picture, Request

STYLE = "cosine of Gram matrices with the reference"


@dataclass(frozen=True, kw_only=True)
class Likeness(Asking):
    """Are style and mood of the reference met better than by keywords alone and by ViPer?

    And are they this reference's? The same pictures are held against the next person's, too: what
    is as much like that one is like any.
    """

    rivals: tuple[str, ...] = ("words", "viper")

    @property
    def needs(self) -> tuple[str, ...]:
        """CLIP-text, too."""
        return *super().needs, CLIP

    def run(self, lab: Lab) -> Findings:
        """Everybody's pictures in all ways."""
        wishes, requests = self.asked()
        ways: dict[str, Any] = {
            PLAIN: None,
            **{n: lab.method(n, self.backbone) for n in self.rivals},
        }
        ways["instant"] = self.instant(lab)
        seen = {}
        for name, way in ways.items():
            profiles = self.profiles(lab, way) if way else None
            pictures = made(requests, way or lab.backbone(self.backbone), profiles)
            seen[name] = self._seen(lab, pictures, requests)
        return Findings(found=tuple(self._compared(seen, wishes)))

    def _seen(
        self, lab: Lab, pictures: Sequence[Picture], requests: Sequence[Request]
    ) -> dict[str, NDArray[np.float64]]:
        pixels = np.stack([picture.pixels for picture in pictures])
        sight = lab.judge().look_at(pixels)
        own = [one.liked[0] for one in self.persons()]
        others = [*own[self.prompts :], *own[: self.prompts]]
        said = lab.clip().see(list(pixels)) * lab.clip().read([r.prompt for r in requests])
        return {
            "style": like(lab, pixels, own),
            "another's style": like(lab, pixels, others),
            "mood": np.array(
                [m == r.mood for m, r in zip(moods_of(sight), own, strict=True)], float
            ),
            "CLIP-text": said.sum(1).double().cpu().numpy(),
            "content": fitting(sight, self.asked()[0]).content.astype(float),
        }

    def _compared(self, seen: Mapping[str, Any], wishes: Sequence[Wish]) -> list[Found]:
        words = {"style": STYLE, "mood": "mood right"}
        mine, people, found = seen["instant"], [wish.person for wish in wishes], []
        for what, how in words.items():
            found += [
                Found(
                    says=f"{how}, instant less {rival}",
                    figure=more(mine[what], seen[rival][what], wishes),
                    above=0.0,
                )
                for rival in self.rivals
            ]
        found += [
            Found(
                says=f"CLIP-text given up, {rival} less instant",
                figure=more(seen[rival]["CLIP-text"], mine["CLIP-text"], wishes),
                above=0.0,
            )
            for rival in self.rivals
        ]
        theirs = more(mine["style"], mine["another's style"], wishes)
        found.append(Found(says=f"{STYLE}, less with another's", figure=theirs, above=0.0))
        for name, way in seen.items():
            found += [
                Found(says=f"{how}, {name}", figure=stats.mean(way[what], people))
                for what, how in {**words, "CLIP-text": "CLIP-text", "content": "content"}.items()
            ]
        return found


def like(lab: Lab, pictures: NDArray[np.uint8], references: Sequence[Scene]) -> NDArray[np.float64]:
    """Each picture's cosine of Gram matrices with its reference, in the judge's eyes."""
    eyes = JudgeEncoder(lab.judge())
    both = zip(pictures, references, strict=True)
    cosines = [1 - float(style_cosine(eyes.maps([a]), eyes.maps([draw(b)]))) for a, b in both]
    return np.array(cosines)
