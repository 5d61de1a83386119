"""Measures that others made, with weights a person has: they look at pictures as every eye does.

    NAME=FOLDER, or NAME=FILE where one file is all

    pickscore, hpsv2, hpsv2.1, imagereward    how well a picture answers its prompt
    viper                                     how surely its person likes it
    csd, dino                                 how like the liked pictures it is: in style, at all
    lpips                                     how far it is from the prompt as its person likes it
    inception                                 FID and KID of all pictures

Each sees each picture once, and keeps in the run's folder what it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from palate.backbones import catalog
from palate.backbones.dino import Dino
from palate.backbones.encoders import StyleEncoder
from palate.backbones.imagereward import ImageReward
from palate.backbones.inception import Inception
from palate.errors import BadInput, unknown
from palate.evals.measures import Eye
from palate.evals.scorers import CLIPS, Lpips, Viper, clip_scorer, lpips, viper
from palate.evals.seeing import Memory, Seeing, key_of
from palate.evals.similarity import likenesses
from palate.evals.taste import Wish
from palate.recipes.comparison.audience import Audience, Pixels
from palate.sketchbook.words import prompt_of

if TYPE_CHECKING:
    from jaxtyping import Float

INCEPTION = "inception"  # sees whole sets; all others have numbers for each picture
Each = dict[str, NDArray[np.float64]]  # metric -> a number for each picture


def _file(given: Path, name: str) -> Path:
    """The file itself was given, or the folder it lies in."""
    return given if given.is_file() else given / name


def _to() -> dict[str, str]:
    return {"device": catalog.usual_device()}


OPENERS: Mapping[str, Callable[[Path], Any]] = MappingProxyType(
    {
        **{name: partial(clip_scorer, name) for name in CLIPS},
        "imagereward": lambda place: ImageReward.from_folder(place, **_to()),
        "viper": viper,
        "csd": lambda place: StyleEncoder.from_file(_file(place, "csd.safetensors"), **_to()),
        "dino": lambda place: Dino.from_folder(place, **_to()),
        "lpips": lambda place: lpips(place, **_to()),
        INCEPTION: lambda place: Inception.from_file(
            _file(place, "inception.safetensors"), **_to()
        ),
    }
)


def invited(words: Sequence[str]) -> dict[str, Any]:
    """Everybody's weights, loaded; whoever is missing a file says so."""
    given: dict[str, Path] = {}
    for word in words:
        name, _, place = word.partition("=")
        if name not in OPENERS:
            raise unknown("measure", name, list(OPENERS))
        if not place or name in given:
            raise BadInput(
                f"{word!r} {'is given twice' if name in given else 'does not say where'}. Write "
                f"each measure once, with the folder of its weights: {name}=FOLDER."
            )
        given[name] = Path(place).expanduser()
    return {name: OPENERS[name](place) for name, place in given.items()}


class Guest(Protocol):
    """One that has numbers for each picture."""

    eye: Eye
    told: Mapping[str, str]  # metric -> how it is made

    def look(self, pictures: Sequence[Pixels], wishes: Sequence[Wish]) -> Each:
        """The numbers."""
        ...

    def save(self) -> None:
        """Keep what was seen."""
        ...


class Scoring:
    """Scores of a picture and something beside it: its prompt, or what its person likes."""

    def __init__(
        self,
        scorer: Any,
        told: Mapping[str, str],
        beside: Callable[[Wish], bytes],
        score: Callable[[Sequence[Pixels], Sequence[Wish]], Float[torch.Tensor, "N M"]],
        out: Path,
    ) -> None:
        self.eye = Eye(encoder=scorer.mark, preprocessing=scorer.preprocessing)
        self.told, self._beside, self._score = told, beside, score
        self._memory = Memory(self.eye, seen_file(out, self.eye, next(iter(told))))
        self.save = self._memory.save

    def look(self, pictures: Sequence[Pixels], wishes: Sequence[Wish]) -> Each:
        """One number a metric and picture; what was scored before is remembered."""
        keys = [
            sha256(key_of(pixels) + self._beside(wish)).digest()
            for pixels, wish in zip(pictures, wishes, strict=True)
        ]
        points = self._memory.of(
            keys, lambda rows: self._score([pictures[r] for r in rows], [wishes[r] for r in rows])
        )
        return dict(zip(self.told, points.double().numpy().T, strict=True))


class Likening:
    """Likeness to the liked pictures that were shown, in an encoder's eyes."""

    def __init__(self, name: str, encoder: Any, audience: Audience, out: Path) -> None:
        how = "mean of 100 cos over all pairs of a picture and a reference"
        self.told: Mapping[str, str] = {name: how}
        self._seeing = seeing(encoder, out, name)
        self.eye, self.save = self._seeing.eye, self._seeing.save
        liked = {person: audience.liked(person) for person in audience.people}
        self._liked = self._seeing.see([picture for some in liked.values() for picture in some])
        self._by = [person for person, some in liked.items() for _ in some]

    def look(self, pictures: Sequence[Pixels], wishes: Sequence[Wish]) -> Each:
        """One number a picture."""
        people = [wish.person for wish in wishes]
        (name,) = self.told
        return {name: likenesses(self._seeing.see(pictures), people, self._liked, self._by)}


def seated(invited: Mapping[str, Any], audience: Audience, out: Path) -> list[Guest]:
    """Those with numbers for each picture, ready to look."""
    return [_seat(name, one, audience, out) for name, one in invited.items() if name != INCEPTION]


def _seat(name: str, one: Any, audience: Audience, out: Path) -> Guest:
    if isinstance(one, StyleEncoder | Dino):
        return Likening(name, one, audience, out)
    if isinstance(one, Viper):
        return _viper(name, one, audience, out)
    if isinstance(one, Lpips):
        return _lpips(name, one, audience, out)
    how = "the score of picture and prompt, as published; compares within a prompt"
    return Scoring(
        one,
        {name: how},
        lambda wish: prompt_of(wish.content).encode(),
        lambda pictures, wishes: one.score([prompt_of(w.content) for w in wishes], pictures)[
            :, None
        ],
        out,
    )


def _viper(name: str, one: Viper, audience: Audience, out: Path) -> Guest:
    def history(wish: Wish) -> bytes:
        return audience.mark(wish.person)

    def score(pictures: Sequence[Pixels], wishes: Sequence[Wish]) -> torch.Tensor:
        found = torch.empty(len(pictures), 1)
        for person in dict.fromkeys(wish.person for wish in wishes):
            rows = [row for row, wish in enumerate(wishes) if wish.person == person]
            sides = audience.liked(person), audience.disliked(person)
            found[rows, 0] = one.score(*sides, [pictures[row] for row in rows])
        return found

    return Scoring(one, {name: "yes over no after the shown pairs, one order"}, history, score, out)


def _lpips(name: str, one: Lpips, audience: Audience, out: Path) -> Guest:
    beside = "to the same prompt drawn in the look of a liked picture that nobody was shown"
    told = {name: f"LPIPS by VGG-16 {beside}", "vgg-style": f"Gram matrices per place, {beside}"}
    return Scoring(
        one,
        told,
        lambda wish: key_of(audience.wanted(wish)),
        lambda pictures, wishes: one.score(pictures, [audience.wanted(w) for w in wishes]),
        out,
    )


def seeing(encoder: Any, out: Path, name: str) -> Seeing:
    """An encoder that remembers in the run's folder."""
    eye = Eye(encoder=encoder.mark, preprocessing=encoder.preprocessing)
    return Seeing(encoder, seen_file(out, eye, name))


def seen_file(out: Path, eye: Eye, name: str) -> Path:
    """Where that is kept: other weights, another file."""
    return out / f"seen-{name}-{eye.encoder.fingerprint[:10]}.safetensors"
