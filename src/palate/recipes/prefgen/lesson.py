"""What a batch of histories teaches: how a person's embeddings speak in the base model.

A person's history and a liked picture that is not in it: the base model, which stays as it is, is
to predict that picture's flow from its prompt and the person's tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from palate.backbones import FLUX, SDXL, Voice
from palate.backbones.builtin import bring
from palate.backbones.text import Embeddings
from palate.methods.prefgen.loss import Alignment, aligned
from palate.methods.prefgen.method import PrefGen
from palate.methods.prefgen.model import Embedded
from palate.ops.mmd import KernelName
from palate.recipes.crowd import portraits
from palate.recipes.generating import Noised, missed, noised, weights_of
from palate.recipes.histories import Histories
from palate.recipes.reads import Reads
from palate.recipes.standing import hearing, last_layer
from palate.recipes.unaided import Asked, Flow, guided
from palate.recipes.wanting import Wanting, Wishes, asked_for, pooled, told_flow, width_of
from palate.sketchbook.scenes import Scene
from palate.sketchbook.words import prompt_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int

Lent = SDXL | FLUX
MOST = 14  # likes in an attribute text, as many as CLIP can take


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What counts beside the flow, at which times it is learned, and how often little is said:
    settings of the recipe."""

    alignment: Alignment = "mmd"
    kernel: KernelName = "rbf"
    align: float = 0.1  # weight of the alignment beside the flow
    wanted: float = 0.1  # weight of the look a person wants, said beside the flow
    taught: float = 5.0  # weight of the flow that the prompt with favourites told has
    shift: float = 1.5  # of the times that are learned from, towards noise, where looks begin
    drop_person: float = 0.1
    drop_text: float = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """One history and one target of each person in a batch."""

    who: Int[Tensor, " B"]
    people: Embedded
    latents: Float[Tensor, "B C H W"]
    history: Int[Tensor, " B"]
    target: Int[Tensor, " B"]
    prompts: Sequence[str]  # of the targets, or nothing
    keep: Float[Tensor, " B"]  # 0: nobody speaks

    def shown(self, wishes: Wishes, some: slice) -> Sequence[Sequence[int]]:
        """What the histories of some of them show to be liked."""
        return wishes.shown(self.who[some], self.history[some], self.keep[some])


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """How much a batch gets wrong: a loss."""

    method: PrefGen
    reads: Reads
    counts: Counts
    liked: Sequence[Sequence[Scene]]  # of each person, those of the history first
    history: int  # how many these are
    weights: Tensor  # how much each latent channel counts
    texts: Float[Tensor, "people D"]  # what everybody likes, told to CLIP
    wanting: Wanting
    wishes: Wishes

    @classmethod
    def of(cls, method: PrefGen, histories: Histories, reads: Reads, counts: Counts) -> Lesson:
        """Whose histories these are."""
        backbone, _, clip = method.partners
        crowd = histories.crowd
        return cls(
            method=method,
            reads=reads,
            counts=counts,
            liked=[[scene for scene, _ in person] for person in crowd.scenes()],
            history=histories.history,
            weights=weights_of(backbone.pipe.vae),
            texts=clip.read(portraits(crowd.numbers(), MOST)),
            wanting=Wanting(width_of(backbone)),
            wishes=Wishes.of(histories),
        )

    def __call__(self, batch: tuple[Tensor, ...], generator: torch.Generator) -> dict[str, Tensor]:
        """Of people, embeddings of their histories, and latents of what they like beside these."""
        backbone, conditioner = self.method.backbone, self.method.conditioner
        bring(backbone, batch[1].device)
        drawn = self._drawn(batch, generator)
        kept = drawn.people.kept(drawn.keep.to(drawn.latents.device))
        step = noised(drawn.latents, generator, self.counts.shift)
        voice = Voice(tokens=conditioner(kept), adapter=self.method.adapter)
        said = backbone.encode(drawn.prompts)
        with backbone.attending(voice), hearing(last_layer(backbone)) as heard:
            guess = backbone.predict(step.latents, step.t, said)
        parts = {"flow": missed(guess, step.target, self.weights).mean()}
        parts["look"] = self._look(heard[0], drawn, step)
        scenes = self._scenes(drawn)
        parts |= self.reads.of_drawings(step.latents, step.t, guess, scenes)
        parts |= self._taught(step, guess, drawn)

        def paints(some: slice) -> tuple[Flow, Asked]:
            own = Voice(tokens=voice.tokens[some], adapter=voice.adapter)
            flow = self._paints(own, said.rows(range(len(scenes))[some]))
            return flow, asked_for(drawn.shown(self.wishes, some))

        parts |= self.reads.of_its_own(paints, drawn.latents, scenes, generator)
        parts |= self._aligned(drawn)
        return {"loss": self._total(parts), **{name: p.detach() for name, p in parts.items()}}

    def _drawn(self, batch: tuple[Tensor, ...], generator: torch.Generator) -> Drawn:
        who, sem, core, img, latents = batch
        rows, count, who = torch.arange(len(who)), len(who), who.cpu()
        history = torch.randint(sem.shape[1], (count,), generator=generator)
        target = torch.randint(latents.shape[1], (count,), generator=generator)
        silent = torch.rand(count, generator=generator) < self.counts.drop_text
        keep = (torch.rand(count, generator=generator) >= self.counts.drop_person).float()
        seen = {"sem": sem, "core": core, "img": img}
        prompts = [
            "" if quiet else prompt_of(self._liked(person, place).content)
            for person, place, quiet in zip(
                who.tolist(), target.tolist(), silent.tolist(), strict=True
            )
        ]
        return Drawn(
            who=who,
            people=Embedded(**{name: part[rows, history].float() for name, part in seen.items()}),
            latents=latents[rows, target].float(),
            history=history,
            target=target,
            prompts=prompts,
            keep=keep,
        )

    def _liked(self, person: int, place: int) -> Scene:
        return self.liked[person][self.history + place]

    def _scenes(self, drawn: Drawn) -> list[Scene]:
        both = zip(drawn.who.tolist(), drawn.target.tolist(), strict=True)
        return [self._liked(person, place) for person, place in both]

    # ---- what counts beside the flow

    def _look(self, heard: Tensor, drawn: Drawn, step: Noised) -> Tensor:
        """How far the features are from knowing the look."""
        shown = self.wishes.looks[drawn.who, drawn.target].to(heard.device)
        known = self.wishes.known(drawn.who, drawn.keep).to(heard.device)
        return self.wanting.missed(pooled(heard), shown, known, step.t / 1000)

    def _taught(self, step: Noised, guess: Tensor, drawn: Drawn) -> dict[str, Tensor]:
        """How far off it is of the flow with favourites told."""
        if not self.counts.taught:
            return {}
        asked = self.wishes.told(drawn.prompts, drawn.who, drawn.history, drawn.keep)
        shows = told_flow(self.method.backbone, step.latents, step.t, asked)
        return {"taught": missed(guess, shows, self.weights).mean()}

    def _aligned(self, drawn: Drawn) -> dict[str, Tensor]:
        """How far what is meant lies from what is told of these people."""
        if "sem" not in self.method.plan.sizes.components:
            return {}
        says = self.method.conditioner.aligned(drawn.people.sem)
        points, counts = self.texts[drawn.who].to(says.device), self.counts
        return {"alignment": aligned(says, points, counts.alignment, kernel=counts.kernel)}

    def _total(self, parts: Mapping[str, Tensor]) -> Tensor:
        counts = self.counts
        weights = {"look": counts.wanted, "taught": counts.taught, "alignment": counts.align}
        weights |= self.reads.weights
        beside = (weights[name] * part for name, part in parts.items() if name != "flow")
        return sum(beside, parts["flow"])

    def _paints(self, voice: Voice, said: Embeddings) -> Flow:
        """Guided as pictures are; what is without a prompt is without the person, too."""
        backbone = self.method.backbone
        guidance, built_in = backbone.defaults.guidance, isinstance(backbone, FLUX)
        predict = partial(backbone.predict, **({"guidance": guidance} if built_in else {}))

        def flow(latents: Tensor, t: Tensor) -> Tensor:
            with backbone.attending(voice):
                return predict(latents, t, said)

        if built_in:
            return flow
        nothing = backbone.encode([""]).rows([0] * len(said.tokens))
        return guided(flow, partial(predict, text=nothing), guidance)
