"""What a judge, a CLIP, a reader and guests make of pictures; each sees each picture once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from palate.backbones.clips import Clip
from palate.backbones.judges import Judge
from palate.backbones.reader import Reader
from palate.evals.measures import Seen
from palate.evals.moods import moods_of
from palate.evals.retrieval import among
from palate.evals.seeing import Seeing
from palate.evals.similarity import heard, likenesses
from palate.evals.taste import Wish, fitting
from palate.methods.prefgen.asking import Wording
from palate.recipes.comparison.audience import Audience, Pixels
from palate.recipes.comparison.clock import Clock
from palate.recipes.comparison.discerning import Discerner
from palate.recipes.comparison.guests import INCEPTION, Each, seated, seeing
from palate.recipes.comparison.truth import Truth
from palate.sketchbook.words import prompt_of

if TYPE_CHECKING:
    from jaxtyping import Float

SEEING = "encoders"
FIRST = (1, 16)  # of the people nearest to a picture


@dataclass(frozen=True, kw_only=True, eq=False)
class Eyes:
    """Who looks at the pictures."""

    judge: Judge
    clip: Clip
    reader: Reader | None = None  # one that PREFDISC taught; left out, nobody is asked
    wording: Wording = field(default_factory=Wording)
    others: Mapping[str, Any] = field(default_factory=dict)  # guests, as `guests.invited` has them


@dataclass(frozen=True, kw_only=True, eq=False)
class Looked:
    """One way's pictures as they were seen."""

    each: Each
    seen: Seen  # by the CLIP
    moods: tuple[str, ...]
    inception: Seen | None = None  # by Inception, where it is a guest


class Listening:
    """A CLIP's other half that reads each text once."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self._read = clip, dict[str, Tensor]()
        self.cut = clip.cut

    def read(self, texts: Sequence[str]) -> Float[Tensor, "N D"]:
        """Where each text lies."""
        if new := [text for text in dict.fromkeys(texts) if text not in self._read]:
            self._read |= dict(zip(new, self._clip.read(new).cpu(), strict=True))
        return torch.stack([self._read[text] for text in texts])


class Judging:
    """Eyes that know the people: what they showed is looked at first."""

    def __init__(self, eyes: Eyes, audience: Audience, out: Path, clock: Clock) -> None:
        self.eyes, self.audience, self.clock = eyes, audience, clock
        self.truth = Truth(eyes.judge, audience, out)
        self.words = Listening(eyes.clip)
        file = out / f"seen-{eyes.clip.mark.fingerprint[:10]}.safetensors"
        self.seeing, self.people = Seeing(eyes.clip, file), list(audience.people)
        liked = [audience.liked(person) for person in self.people]
        kept, spare = (
            [picture for person in self.people for picture in of(person)]
            for of in (audience.kept, audience.spare)
        )
        with clock.on(SEEING):
            self.liked = self.seeing.see([picture for some in liked for picture in some])
            self.kept, self.spare = self.seeing.see(kept), self.seeing.see(spare)
        self.by = [person for person in self.people for _ in range(audience.asked.history)]
        self.middles = Seen(points=_means(self.liked, len(self.people)), eye=self.liked.eye)
        reader = eyes.reader
        self._discerner = Discerner(reader, eyes.wording, audience, out) if reader else None
        with clock.on(SEEING):
            self.guests = seated(eyes.others, audience, out)
            self._inception = _remembering(eyes.others.get(INCEPTION), out)
            self.kept_by_inception = self._by_inception(kept)
            self.spare_by_inception = self._by_inception(spare)

    def look(self, pictures: Sequence[Pixels], wishes: Sequence[Wish]) -> Looked:
        """Every number there is for each picture, and where the CLIP puts it."""
        people = [wish.person for wish in wishes]
        with self.clock.on(SEEING):
            sight, style = self.truth.look(pictures, people)
            seen = self.seeing.see(pictures)
            heard_ = heard(seen, [prompt_of(wish.content) for wish in wishes], self.words)
            sure = self._discerner.look(pictures, wishes) if self._discerner else {}
            told = {k: v for guest in self.guests for k, v in guest.look(pictures, wishes).items()}
            inception = self._by_inception(pictures)
        self._save()
        fits = fitting(sight, wishes)
        moods = tuple(moods_of(sight))
        liked = [self.audience.mood(person) for person in people]
        each: Each = {
            "taste": fits.taste,
            "content": fits.content.astype(float),
            "mood": np.array([a == b for a, b in zip(moods, liked, strict=True)], float),
            "style": style,
            "clip-i": likenesses(seen, people, self.liked, self.by),
            "clip-t": heard_,
            **sure,
            **told,
            **{f"top-{k}": among(k, seen, people, self.middles, self.people) for k in FIRST},
        }
        return Looked(each=each, seen=seen, moods=moods, inception=inception)

    def _by_inception(self, pictures: Sequence[Pixels]) -> Seen | None:
        """Where Inception puts pictures, if it is a guest."""
        return None if self._inception is None else self._inception.see(pictures)

    def _save(self) -> None:
        for one in (self.truth, self.seeing, self._discerner, self._inception, *self.guests):
            if one is not None:
                one.save()


def _remembering(inception: Any, out: Path) -> Seeing | None:
    return None if inception is None else seeing(inception, out, INCEPTION)


def _means(seen: Seen, groups: int) -> Float[Tensor, "G D"]:
    """The mean of each group, as many in each and one after another."""
    return seen.points.unflatten(0, (groups, -1)).mean(1)
