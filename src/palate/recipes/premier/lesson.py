"""What a batch of liked pictures teaches: tokens of its people, and what turns the base model.

A person, a picture they like and its prompt: the base model, which stays as it is, is to predict
that picture's flow with its text turned towards the person; beside it the flow that it has by
itself where the person's favourites are told in words, since what a person likes is too small a
part of any one picture's flow to be learned soon. People whom the batch does not hold go through
the modulator alone, at the empty prompt, so that everybody is kept apart from many others in every
step; each process draws its own, so gradients need nothing from the other processes but their mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.backbones.builtin import bring
from palate.backbones.text import Embeddings
from palate.methods.premier.hearing import Prompts
from palate.methods.premier.method import Premier
from palate.methods.premier.model import Directions
from palate.methods.premier.newcomers import combined
from palate.recipes.gallery import Gallery, Which
from palate.recipes.generating import Noised, missed, noised, weights_of
from palate.recipes.premier.meeting import Gathering, Meetings
from palate.recipes.premier.spread import Spread
from palate.recipes.reads import Reads
from palate.recipes.unaided import Asked, Flow, noise_at
from palate.recipes.wanting import asked_for, favoured, told_flow, with_favourites
from palate.sketchbook.people import World, affinities
from palate.sketchbook.words import prompt_of

Values = Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Liked:
    """Item i: which picture, who likes it, its latents."""

    who: NDArray[np.int64]
    which: NDArray[np.int64]
    latents: NDArray[np.float16]  # of all pictures, (pictures, 8, 16, 16)

    @classmethod
    def of(cls, liked: Which, latents: NDArray[np.float16]) -> Liked:
        """Of everybody's choices."""
        who = np.repeat(np.arange(len(liked)), [len(which) for which in liked])
        return cls(who=who, which=np.concatenate(liked), latents=latents)

    def __len__(self) -> int:
        return len(self.who)

    def __getitem__(self, index: int) -> tuple[int, int, NDArray[np.float16]]:
        which = int(self.which[index])
        return which, int(self.who[index]), np.array(self.latents[which])


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What counts beside the flow, and at which times it is learned: settings of the recipe."""

    # Of the times, towards noise; released: 1. Of a picture that can be seen its person tells
    # nothing more: below t = 0.5 there is little to learn.
    shift: float = 1.5
    taught: float = 5.0  # weight of the flow that the prompt with a person's favourites has
    spread: Spread = field(default_factory=Spread)
    meetings: Meetings = field(default_factory=Meetings)  # who is placed as somebody new would be


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """How much a batch gets wrong: a loss."""

    method: Premier
    gallery: Gallery
    gathering: Gathering
    reads: Reads
    counts: Counts
    told: Sequence[str]  # the prompt of each picture
    rows: Mapping[str, int]  # where each stands among the prompts
    prompts: Prompts
    likes: Values  # the favourites of all who were trained with
    weights: Tensor  # how much each latent channel counts

    @classmethod
    def of(
        cls, method: Premier, gallery: Gallery, gathering: Gathering, reads: Reads, counts: Counts
    ) -> Lesson:
        """Prompts are encoded once, before."""
        told = [prompt_of(scene.content) for scene in gallery.scenes]
        rows = {prompt: row for row, prompt in enumerate(dict.fromkeys(told))}
        backbone = method.backbone
        return cls(
            method=method, gallery=gallery, gathering=gathering, reads=reads, counts=counts,
            told=told, rows=rows,
            prompts=Prompts.of(backbone, list(rows), method.modulator.sizes),
            likes=favoured(affinities(gallery.numbers(), World())),
            weights=weights_of(backbone.pipe.vae),
        )  # fmt: skip

    def __call__(self, batch: tuple[Tensor, ...], generator: torch.Generator) -> dict[str, Tensor]:
        """Of places in the gallery, who likes what is there, and its latents."""
        places: list[int] = batch[0].tolist()
        who, latents = batch[1], batch[2].float()
        backbone, modulator = self.method.backbone, self.method.modulator
        bring(backbone, latents.device)
        step = noised(latents, generator, self.counts.shift)
        told = [self.told[place] for place in places]
        said = [self.rows[prompt] for prompt in told]
        people, likes = self._people(who, generator)
        turned = modulator(people, *self.prompts.heard(said, latents))
        text = self.prompts.text.rows(said).to(latents.device)
        with backbone.modulating(turned.delta(modulator.sizes)):
            guess = backbone.predict(step.latents, step.t, text)
        parts = {"flow": missed(guess, step.target, self.weights).mean()}
        parts |= self._taught(step, guess, with_favourites(told, likes))

        def paints(some: slice) -> tuple[Flow, Asked]:
            rows = list(range(len(who))[some])
            return self._paints(turned.rows(rows, guess), text.rows(rows)), asked_for(likes[some])

        scenes = [self.gallery.scenes[place] for place in places]
        found = self.reads.of_drawings(step.latents, step.t, guess, scenes)
        found |= self.reads.of_its_own(paints, latents, scenes, generator)
        weights = self.reads.weights
        parts |= {name: weights[name] * read for name, read in found.items()}
        users, spread = self.method.users, self.counts.spread
        some = users(spread.some(who, len(users.table), generator))
        parts |= spread.missed(spread.directions(modulator, some, self.prompts))
        apart = {name: value.detach() for name, value in parts.items()}
        return {"loss": torch.stack(list(parts.values())).sum(), **apart}

    def _people(
        self, who: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, list[Sequence[int]]]:
        """The tokens of a batch's people, and what each of them is known to like."""
        users, meetings = self.method.users, self.counts.meetings
        people, likes = users(who), [self.likes[n] for n in who.tolist()]
        some = meetings.rows(len(who))
        if some.start == some.stop:
            return people, likes
        turn = int(torch.randint(len(meetings.histories), (), generator=generator))
        met = self.gathering.meet(who[some].tolist(), meetings.histories[turn], generator)
        tokens = combined(users.table, met.coefficients)
        return torch.cat([people[: some.start], tokens]), [*likes[: some.start], *met.favoured]

    def _taught(self, step: Noised, guess: Tensor, asked: Sequence[str]) -> dict[str, Tensor]:
        """How far off it is of the flow with favourites told."""
        if not self.counts.taught:
            return {}
        shows = told_flow(self.method.backbone, step.latents, step.t, asked)
        return {"taught": self.counts.taught * missed(guess, shows, self.weights).mean()}

    def _paints(self, turned: Directions, said: Embeddings) -> Flow:
        """As it is sampled: guided, and at first by the base model alone."""
        backbone, sizes = self.method.backbone, self.method.modulator.sizes
        guidance = backbone.defaults.guidance
        heard = 1000 * noise_at(torch.tensor(1 - self.method.onset)).item()

        def flow(latents: Tensor, t: Tensor) -> Tensor:
            strength = tuple((t <= heard).float().tolist())
            with backbone.modulating(turned.delta(sizes, strength)):
                return backbone.predict(latents, t, said, guidance)

        return flow
