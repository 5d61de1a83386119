"""What text-to-image models are told of the drawn world, and which prompts they never hear.

Prompts are split as a population's are (see data.agents), so that a picture for a test person is
one whose content no model was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from palate.data.agents import SPLITS, split_of_contents
from palate.seeds import name_key, uniform
from palate.sketchbook.drawing import SIZE, draw
from palate.sketchbook.scenes import CONTENTS, PLAIN_LOOK, Scene, any_scene
from palate.sketchbook.vocabulary import DIMENSIONS
from palate.sketchbook.words import caption


def scene_in(split: str, seed: int, ease: float = 0.0) -> Scene:
    """A scene drawn at random, its content among one split's prompts.

    With ease some values are plain ones, another share in each picture: of ease 1 all but the
    palette, of ease 0 none that are not drawn so.
    """
    choices = np.flatnonzero(split_of_contents() == SPLITS.index(split))
    content = CONTENTS[choices[int(uniform(seed, name_key("prompt")) * len(choices))]]
    scene = replace(any_scene(seed), content=content)
    return eased(scene, uniform(seed, name_key("ease"), np.arange(13)), ease) if ease else scene


def eased(scene: Scene, luck: NDArray[np.float64], ease: float) -> Scene:
    """A scene some of whose values are plain: `luck` says what share, and which."""
    share = float(luck[0]) ** ((1 - ease) / ease)  # on average `ease`
    values = zip(DIMENSIONS, scene.look, PLAIN_LOOK, luck[1:], strict=True)
    look = (
        plain if dimension != "palette" and u < share else value
        for dimension, value, plain, u in values
    )
    return replace(scene, look=tuple(look))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Item i: the seed of a scene with a train prompt, and its picture."""

    first: int
    count: int
    size: int = SIZE
    ease: float = 0.0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[int, NDArray[np.uint8]]:
        seed = self.first + index
        return seed, draw(scene_in("train", seed, self.ease), self.size)


@dataclass(frozen=True, kw_only=True)
class Telling:
    """How much of a scene a caption gives away."""

    mood: float = 0.1  # share of captions that name the mood
    nothing: float = 0.0  # share that are empty: what guidance steers away from
    capital: float = 0.1  # share that begin as a sentence does, for T5 minds capitals

    def named(self, luck: NDArray[np.float64]) -> list[str]:
        """From none to all dimensions, any number as likely; `luck` holds 16 numbers."""
        return [d for d, u in zip(DIMENSIONS, luck, strict=False) if u < luck[12]]

    def of(self, scene: Scene, luck: NDArray[np.float64]) -> str:
        """One caption."""
        if luck[13] < self.nothing:
            return ""
        text = caption(scene, self.named(luck), mood=bool(luck[14] < self.mood))
        return text[0].upper() + text[1:] if luck[15] < self.capital else text

    def all_of(self, scenes: Sequence[Scene], generator: torch.Generator) -> list[str]:
        """Captions of some scenes, told anew each time."""
        luck = _luck(len(scenes), generator)
        return [self.of(scene, row) for scene, row in zip(scenes, luck, strict=True)]

    def told(
        self, scenes: Sequence[Scene], generator: torch.Generator
    ) -> tuple[list[str], NDArray[np.bool_]]:
        """Captions, none of them empty, and which dimensions each names, (N, 12)."""
        luck = _luck(len(scenes), generator)
        luck[:, 13] = 1.0
        captions = [self.of(scene, row) for scene, row in zip(scenes, luck, strict=True)]
        return captions, which(luck)


def which(luck: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which dimensions captions of this luck name, (N, 12)."""
    return luck[:, : len(DIMENSIONS)] < luck[:, 12:13]


def _luck(count: int, generator: torch.Generator) -> NDArray[np.float64]:
    return torch.rand((count, 16), generator=generator, dtype=torch.float64).numpy()
