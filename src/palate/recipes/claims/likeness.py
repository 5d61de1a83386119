"""Instant's first claim: one reference picture, and whose pictures are most like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from palate.backbones.encoders import JudgeEncoder
from palate.evals import stats
from palate.evals.moods import moods_seen
from palate.evals.taste import Wish
from palate.evals.textures import style_cosine
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import CLIP, Lab
from palate.recipes.claims.references import Asking, more
from palate.recipes.comparing import PLAIN, made
from palate.sketchbook.drawing import draw
from palate.types import Picture, Request


@dataclass(frozen=True, kw_only=True)
class Likeness(Asking):
    """Are style and mood of the reference met better than by keywords alone and by ViPer?"""

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
        pixels = [picture.pixels for picture in pictures]
        references = [one.liked[0] for one in self.persons()]
        eyes, moods = JudgeEncoder(lab.judge()), moods_seen(lab.judge(), np.stack(pixels))
        both = zip(pixels, references, strict=True)
        style = [1 - float(style_cosine(eyes.maps([a]), eyes.maps([draw(b)]))) for a, b in both]
        said = lab.clip().see(pixels) * lab.clip().read([r.prompt for r in requests])
        return {
            "style": np.array(style),
            "mood": np.array([m == r.mood for m, r in zip(moods, references, strict=True)], float),
            "CLIP-text": said.sum(1).double().cpu().numpy(),
        }

    def _compared(self, seen: Mapping[str, Any], wishes: Sequence[Wish]) -> list[Found]:
        words = {"style": "cosine of Gram matrices with the reference", "mood": "mood right"}
        people, found = [wish.person for wish in wishes], []
        for what, how in words.items():
            mine = seen["instant"][what]
            found += [
                Found(
                    says=f"{how}, instant less {rival}",
                    figure=more(mine, seen[rival][what], wishes),
                    above=0.0,
                )
                for rival in self.rivals
            ]
        for name, way in seen.items():
            found += [
                Found(says=f"{how}, {name}", figure=stats.mean(way[what], people))
                for what, how in {**words, "CLIP-text": "CLIP-text"}.items()
            ]
        return found
