"""sketchbook-premier: people as tokens that turn sketchbook-flux, learned with what turns it.

A person, a picture they like and its prompt: the base model, which stays as it is, is to predict
that picture's flow with its text turned towards the person; beside it the flow that it has by
itself where the person's favourites are told in words, since what a person likes is too small a
part of any one picture's flow to be learned soon. Everybody's tokens and the modulator learn
together. People whom the batch does not hold go through the modulator alone, at the empty prompt,
so that everybody is kept apart from many others in every step; each process draws its own, so
gradients need nothing from the other processes but their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.backbones import FLUX
from palate.backbones.builtin import bring
from palate.backbones.text import Embeddings
from palate.errors import BadInput
from palate.learn.settings import Fit
from palate.methods.premier.eyes import AXES, Eyes, Sees
from palate.methods.premier.hearing import Prompts
from palate.methods.premier.loss import Distance, dispersion
from palate.methods.premier.method import Premier, learned
from palate.methods.premier.model import Directions, Modulator, Sizes, Start
from palate.methods.premier.newcomers import combined
from palate.methods.premier.users import Known, Users
from palate.recipes.gallery import Gallery, Which, known
from palate.recipes.generating import missed, noised, weights_of
from palate.recipes.meeting import Gathering, Meetings
from palate.recipes.reads import Reads
from palate.recipes.recipe import Parts
from palate.recipes.turning import Turning, measured
from palate.recipes.unaided import Asked, Flow, Unaided, noise_at
from palate.recipes.wanting import asked_for, favoured, told_flow, with_favourites
from palate.sketchbook.people import World, affinities
from palate.sketchbook.words import prompt_of

Values = Sequence[Sequence[int]]
FEWEST = 500  # pictures that are shown: of fewer, what somebody likes would be what there is


@dataclass(frozen=True, kw_only=True)
class Partners:
    """Folders of what it goes with. None makes toys, for tests."""

    backbone: Path | str = Path("out/train/sketchbook-flux/model")
    reader: Path | str = Path("out/train/sketchbook-reader/model")  # its eyes see what is liked
    clip: Path | str | None = None  # a CLIP to do so in its place
    proof: Path | str = Path("out/train/sketchbook-proof/model")  # reads what is painted

    def load(self) -> tuple[FLUX, Sees]:
        """What draws and what sees, at rest."""
        from palate.backbones import catalog

        backbone = catalog.backbone(self.backbone)
        if not isinstance(backbone, FLUX):
            raise BadInput(f"{self.backbone} is not FLUX-class, and Premier turns only such.")
        if self.clip is not None:
            return backbone, catalog.clip(self.clip)
        return backbone, catalog.reader(self.reader)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How people are kept apart, at the empty prompt."""

    # λ of each branch; 0 leaves it out. Published: 0.1 with "l2", a plain distance, which pulls as
    # hard as Δ has numbers. Here all that taste can change of the flow is some hundredths of it,
    # and people need not be pulled apart harder than that.
    shared: float = 0.01
    distinct: float = 0.01
    distance: Distance = "rms"
    temperature: float = 1.0
    people: int = 64  # in a step; who is not in the batch is drawn from all
    positions: int = 16  # text tokens that count, evenly spaced: at the empty prompt most are alike

    def __post_init__(self) -> None:
        if self.people < 2 or self.positions < 1 or self.temperature <= 0:
            raise BadInput(
                f"Dispersion over {self.people} people at {self.positions} places, temperature "
                f"{self.temperature}: at least 2, 1 and more than 0 are needed. A weight of 0 "
                "leaves it out."
            )

    def missed(self, directions: Directions) -> dict[str, Tensor]:
        """What each branch adds to the loss."""
        each: dict[str, float] = {"shared": self.shared, "distinct": self.distinct}
        return {
            f"dispersion, {name}": each[name] * dispersion(part, self.distance, self.temperature)
            for name, part in directions.parts().items()
            if each[name]
        }


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
class PremierRecipe:
    """What is trained, on whom, and how."""

    summary: str = "makes sketchbook-flux draw what a person likes, who is placed among others"
    fit: Fit
    partners: Partners | None = field(default_factory=Partners)  # None: toys
    # Widths of text and modulation are the base model's. Here one of its nine blocks is double.
    sizes: Sizes = field(
        default_factory=lambda: Sizes(
            tokens=4, user=64, width=64, heads=4, time=0, padding="one", blocks="all"
        )
    )
    start: Start = "silent"  # or "small", as released
    # Where people begin: their pictures' place, or "anew", as published; or an earlier training's
    # folder, to go on from its people and modulator, whatever its base model.
    begin: str = "pictures"
    people: int = 2000
    shown: int | None = None  # pictures, the same ones for everybody; ten for each of the people
    likes: tuple[int, int] = (40, 80)  # pictures of a person: from, to
    axes: int = AXES  # of what is seen, on which pictures lie farthest apart
    dislikes: int = 40  # of each person; they say where people stand, nothing is learned from them
    spread: Spread = field(default_factory=Spread)
    # Of the times, towards noise; released: 1. Of a picture that can be seen its person tells
    # nothing more: below t = 0.5 there is little to learn.
    shift: float = 1.5
    # Share of the steps in which the base model decides alone what stands where. Published: 0.
    onset: float = 0.4
    taught: float = 5.0  # weight of the flow that the prompt with a person's favourites has
    painted: float = 0.0  # weight of what a proof misreads in the picture the flow leads to
    unaided: Unaided = field(default_factory=Unaided)  # the same of pictures from noise
    meetings: Meetings = field(default_factory=Meetings)  # who is placed as somebody new would be
    cache: Path | str | None = None  # a folder: pictures are looked at once, some 4 kB each
    tested: int = 60  # people
    history: int = 8  # pairs a test person shows

    def __post_init__(self) -> None:
        self.gallery()  # refuses what cannot be
        if self.axes < 1 or self.history < 1:
            raise BadInput(f"{self.axes} axes, histories of {self.history}: give at least 1.")
        if self.meetings.share and self.meetings.most > min(self.likes[0], self.dislikes):
            raise BadInput(
                f"People who like {self.likes[0]} pictures and dislike {self.dislikes} cannot be "
                f"met after {self.meetings.most} of either. Shorten meetings.histories."
            )

    def gallery(self) -> Gallery:
        """Who is asked what they like."""
        shown = self.shown or max(FEWEST, 10 * self.people)
        return Gallery(people=self.people, shown=shown, likes=self.likes, dislikes=self.dislikes)

    def parts(self) -> Parts:
        """Modulator and users; liked pictures; how far off their flow is, how near people are."""
        backbone, sees = self._partners()
        sizes, gallery = self.sizes.fitted(backbone), self.gallery()
        items, eyes, gathering = self._looked_at(gallery, backbone, sees)
        modulator, users = self._begun(sizes, gathering.known)
        method = Premier(backbone, eyes, modulator, users, gathering.known, onset=self.onset)
        modulator.requires_grad_(True)
        users.requires_grad_(True)
        told = [prompt_of(scene.content) for scene in gallery.scenes]
        rows = {prompt: row for row, prompt in enumerate(dict.fromkeys(told))}
        prompts, weights = Prompts.of(backbone, list(rows), sizes), weights_of(backbone.pipe.vae)
        liked = favoured(affinities(gallery.numbers(), World()))
        reads = Reads.of_partners(self.partners, backbone.pipe.vae, self.painted, self.unaided)

        def loss(batch: tuple[Tensor, ...], generator: torch.Generator) -> dict[str, Tensor]:
            places, who, latents = batch
            bring(backbone, latents.device)
            step = noised(latents.float(), generator, self.shift)
            said = [rows[told[place]] for place in places.tolist()]
            people, likes = self._people(users, who, liked, gathering, generator)
            turned = modulator(people, *prompts.heard(said, latents.float()))
            with backbone.modulating(turned.delta(sizes)):
                text = prompts.text.rows(said).to(latents.device)
                guess = backbone.predict(step.latents, step.t, text)
            parts = {"flow": missed(guess, step.target, weights).mean()}
            if self.taught:
                asked = with_favourites([told[place] for place in places.tolist()], likes)
                shows = told_flow(backbone, step.latents, step.t, asked)
                parts["taught"] = self.taught * missed(guess, shows, weights).mean()
            scenes = [gallery.scenes[place] for place in places.tolist()]

            def paints(some: slice) -> tuple[Flow, Asked]:
                rows = list(range(len(who))[some])
                own = turned.rows(rows, guess)
                return self._paints(backbone, own, text.rows(rows)), asked_for(likes[some])

            found = reads.of_drawings(step.latents, step.t, guess, scenes)
            found |= reads.of_its_own(paints, latents.float(), scenes, generator)
            counts = {"painted": self.painted, **self.unaided.weights}
            parts |= {name: counts[name] * read for name, read in found.items()}
            some = users(self._apart(who, generator))
            parts |= self.spread.missed(self._at_nothing(modulator, some, prompts))
            found = {name: value.detach() for name, value in parts.items()}
            return {"loss": torch.stack(list(parts.values())).sum(), **found}

        modules = {"modulator": modulator, "users": users, **reads.modules}
        return Turning(modules=modules, items=items, loss=loss, method=method, weights=weights)

    def _people(
        self,
        users: Users,
        who: Tensor,
        liked: Values,
        gathering: Gathering,
        generator: torch.Generator,
    ) -> tuple[Tensor, list[Sequence[int]]]:
        """The tokens of a batch's people, and what each of them is known to like."""
        people, likes = users(who), [liked[n] for n in who.tolist()]
        some = self.meetings.rows(len(who))
        if some.start == some.stop:
            return people, likes
        turn = int(torch.randint(len(self.meetings.histories), (), generator=generator))
        met = gathering.meet(who[some].tolist(), self.meetings.histories[turn], generator)
        tokens = combined(users.table, met.coefficients)
        return torch.cat([people[: some.start], tokens]), [*likes[: some.start], *met.favoured]

    def _paints(self, backbone: FLUX, turned: Directions, said: Embeddings) -> Flow:
        """As it is sampled: guided, and at first by the base model alone."""
        guidance = backbone.defaults.guidance
        heard = 1000 * noise_at(torch.tensor(1 - self.onset)).item()

        def flow(latents: Tensor, t: Tensor) -> Tensor:
            strength = tuple((t <= heard).float().tolist())
            with backbone.modulating(turned.delta(self.sizes, strength)):
                return backbone.predict(latents, t, said, guidance)

        return flow

    def _looked_at(
        self, gallery: Gallery, backbone: FLUX, sees: Sees
    ) -> tuple[Liked, Eyes, Gathering]:
        cache, chosen = None if self.cache is None else Path(self.cache), gallery.chosen()
        latents = gallery.latents(backbone.pipe.vae, cache)
        points = gallery.points(sees, cache)
        eyes = Eyes.of(sees, points, self.axes)
        along = eyes.along(points)
        values, stand = gallery.values(), known(along, chosen)
        gathering = Gathering(known=stand, points=along, values=values, chosen=chosen)
        return Liked.of(chosen[0], latents), eyes, gathering

    def _begun(self, sizes: Sizes, stand: Known) -> tuple[Modulator, Users]:
        if self.begin == "anew":
            return Modulator(sizes, start=self.start), Users.drawn(self.people, sizes)
        if self.begin == "pictures":
            return Modulator(sizes, start=self.start), Users.placed(stand, sizes)
        modulator, users = learned(Path(self.begin))
        if modulator.sizes != sizes or len(users.table) != self.people:
            raise BadInput(
                f"The Premier in {self.begin} has other sizes, or {len(users.table)} people in "
                f"place of {self.people}. Train as it was trained, or anew."
            )
        return modulator, users

    def _at_nothing(self, modulator: Modulator, some: Tensor, prompts: Prompts) -> Directions:
        """Some people's directions at the empty prompt, for some of its places."""
        nothing = prompts.nothing(some)
        there = nothing[:, self._positions(nothing.shape[1])]
        return modulator(some, there.expand(len(some), -1, -1), there)

    def _partners(self) -> tuple[FLUX, Sees]:
        if self.partners is not None:
            return self.partners.load()
        from palate.backbones.builtin import new_flux
        from palate.recipes import flux, reader

        toy = flux.DEBUG
        vae, text = toy.sources.new_vae(), toy.sources.new_clip_text()
        backbone = new_flux(toy.transformer, vae, text, toy.reads, defaults=toy.defaults)
        return backbone, reader.toy()

    # ---- who is kept apart

    def _apart(self, who: Tensor, generator: torch.Generator) -> Tensor:
        """Some people, each once: those of the batch, then anybody else."""
        anybody = torch.randperm(self.people, generator=generator).to(who.device)
        here = torch.unique(who)
        others = anybody[~torch.isin(anybody, here)]
        return torch.cat([here, others])[: max(2, self.spread.people)]

    def _positions(self, length: int) -> list[int]:
        count = min(self.spread.positions, length)
        return [i * length // count for i in range(count)]

    # ---- afterwards

    def keep(self, parts: Parts, folder: Path) -> None:
        """Modulator and people, and what they go with by name and fingerprint."""
        assert isinstance(parts, Turning)
        parts.method.save_pretrained(folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How far off the flow is of what new people like, and those who were trained with."""
        assert isinstance(parts, Turning)
        return measured(parts, self.tested, self.history)


_PRODIGY = {"use_bias_correction": True, "safeguard_warmup": True}
PREMIER = PremierRecipe(  # on one CPU core some 3 minutes to look at 20,000 pictures, 30 to learn
    fit=Fit(
        steps=4000, batch=32, lr=2e-3, weight_decay=1e-4, warmup=50, ema=0.998, bf16=True,
        log_every=20, checkpoint_steps=200, optimizer="muon",
    ),
)  # fmt: skip
DEBUG = PremierRecipe(
    fit=Fit(
        steps=4, batch=8, lr=1.0, optimizer="prodigy", options={**_PRODIGY, "d0": 0.1},
        log_every=1, checkpoint_steps=2,
    ),
    partners=None,
    sizes=Sizes(tokens=2, user=16, width=16, heads=2, layers=1, time=0, padding="one"),
    start="small",
    people=4,
    shown=24,
    likes=(2, 3),
    dislikes=2,
    spread=Spread(shared=0.1, distinct=0.1, distance="l2", people=4, positions=4),
    tested=3,
    history=2,
)  # fmt: skip
