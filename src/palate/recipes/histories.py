"""Everybody's histories, read before training: embeddings of them, and pictures not in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from palate.backbones import FLUX, SDXL
from palate.backbones.clips import Clip
from palate.backbones.reader import Reader
from palate.methods.prefgen.asking import Wording
from palate.methods.prefgen.read import Chosen, History, Layers, Seen, embedded
from palate.recipes.cached import once
from palate.recipes.crowd import Crowd, looked_at
from palate.recipes.likings import likings
from palate.seeds import name_key, uniform
from palate.sketchbook.scenes import Scene
from palate.sketchbook.words import prompt_of
from palate.store.tensors import content_fingerprint

Half = NDArray[np.float16]


@dataclass(frozen=True, kw_only=True, eq=False)
class Items:
    """Item i: a person; embeddings of some histories, latents of liked pictures not in them."""

    sem: Half  # (people, histories, width)
    core: Half
    img: Half
    latents: Half  # (people, pictures, 8, 16, 16)

    def __len__(self) -> int:
        return len(self.sem)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return (index, self.sem[index], self.core[index], self.img[index], self.latents[index])


@dataclass(frozen=True, kw_only=True)
class Histories:
    """Whose are read, how many of each person, and how."""

    people: int
    history: int  # pairs at most
    each: int  # histories of a person, of different lengths
    targets: int  # liked pictures of a person beside the history
    layers: Layers
    image: Chosen
    wording: Wording
    split: str = "train"

    @property
    def crowd(self) -> Crowd:
        """Who they are, with all their pairs."""
        return Crowd(split=self.split, people=self.people, pairs=self.history + self.targets)

    def items(
        self, backbone: SDXL | FLUX, reader: Reader, clip: Clip, cache: Path | None = None
    ) -> Items:
        """Everybody read and drawn; with a folder, once."""
        if cache is None:
            return Items(**self._made(backbone, reader, clip, None))
        assert self.split == "train", "the name of the file does not say whose split it is"
        about = {
            **{"people": self.people, "history": self.history, "histories": self.each},
            **{"targets": self.targets, "layers": vars(self.layers), "image": self.image},
            **{"wording": vars(self.wording), "reader": vars(reader.mark), "clip": vars(clip.mark)},
        }
        mark = content_fingerprint("prefgen-items", about, backbone.pipe.vae.state_dict())[:12]
        path = cache / f"prefgen-{mark}.npz"
        return Items(**once(path, lambda: self._made(backbone, reader, clip, cache)))

    def _made(
        self, backbone: SDXL | FLUX, reader: Reader, clip: Clip, cache: Path | None
    ) -> dict[str, Half]:
        crowd = self.crowd
        shown = likings(crowd, self.history, clip, backbone.pipe.vae, cache)
        seen = looked_at(crowd, reader, cache).seen
        how: dict[str, Any] = {"wording": self.wording, "image": self.image}
        found: dict[str, list[Any]] = {"sem": [], "core": [], "img": []}
        for i, (number, person) in enumerate(zip(crowd.numbers(), crowd.scenes(), strict=True)):
            sides = _sides(person[: self.history], seen[i], shown["points"][i])
            histories = list(self._of(int(number), *sides))
            read = embedded(histories, reader, self.layers, **how)
            for name, rows in found.items():
                rows.append(getattr(read, name).numpy())
        states = {name: np.stack(rows).astype(np.float16) for name, rows in found.items()}
        return {**states, "latents": shown["latents"]}

    def _of(
        self, person: int, liked: Sequence[Seen], disliked: Sequence[Seen]
    ) -> Iterator[History]:
        """Histories of different lengths, the longest of them whole."""
        for some in self.places(person):
            yield History(liked=[liked[i] for i in some], disliked=[disliked[i] for i in some])

    def places(self, person: int) -> Iterator[NDArray[np.int64]]:
        """Which pairs are in each of a person's histories."""
        yield np.arange(self.history)
        for turn in range(1, self.each):
            luck = uniform(name_key("history"), person, turn, np.arange(1 + self.history))
            yield np.argsort(luck[1:])[: 1 + int(luck[0] * self.history)]


def _sides(
    pairs: Sequence[tuple[Scene, Scene]], seen: Half, points: Half
) -> tuple[list[Seen], list[Seen]]:
    """A person's likes and dislikes as they were looked at; only likes have points."""
    prompts = [prompt_of(liked.content) for liked, _ in pairs]
    tokens, none = torch.from_numpy(np.array(seen)).float(), torch.empty(0)
    each = torch.from_numpy(points).float()
    liked, disliked = (
        [
            Seen(tokens=t, point=p, prompt=told)
            for t, p, told in zip(side, at, prompts, strict=False)
        ]
        for side, at in zip(tokens, (each, [none] * len(pairs)), strict=True)
    )
    return liked, disliked
