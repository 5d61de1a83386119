"""sketchbook-premier: people as tokens that turn sketchbook-flux, learned with what turns it.

A person, a picture they like and its prompt: the base model, which stays as it is, is to predict
that picture's flow with its text turned towards the person. Everybody's tokens and the modulator
learn together. People whom the batch does not hold go through the modulator alone, at the empty
prompt, so that everybody is kept apart from many others in every step; each process draws its own,
so gradients need nothing from the other processes but their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate import store
from palate.backbones import FLUX
from palate.backbones.builtin import bring, latents_of
from palate.backbones.clips import Clip
from palate.errors import BadInput
from palate.learn.settings import Fit
from palate.methods.premier.loss import Distance, apart, dispersion
from palate.methods.premier.method import Premier
from palate.methods.premier.model import Directions, Modulator, Sizes, Start
from palate.methods.premier.newcomers import coefficients, combined
from palate.methods.premier.users import LEAST, Known, Users
from palate.recipes.crowd import Crowd
from palate.recipes.generating import Noised, missed, noised, weights_of
from palate.recipes.recipe import Parts
from palate.seeds import name_key, uniform
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import Scene
from palate.sketchbook.words import prompt_of
from palate.store.tensors import content_fingerprint

Shown = list[list[tuple[Scene, Scene]]]  # of each person, pairs of a liked and a disliked scene


@dataclass(frozen=True, kw_only=True)
class Partners:
    """Folders of what it goes with. None makes toys, for tests."""

    backbone: Path | str = Path("out/train/sketchbook-flux/model")
    clip: Path | str = Path("out/train/sketchbook-clip/model")

    def load(self) -> tuple[FLUX, Clip]:
        """Both, at rest."""
        from palate.backbones import catalog

        backbone = catalog.backbone(self.backbone)
        if not isinstance(backbone, FLUX):
            raise BadInput(f"{self.backbone} is not FLUX-class, and Premier turns only such.")
        return backbone, catalog.clip(self.clip)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How people are kept apart, at the empty prompt."""

    shared: float = 0.1  # λ of each branch, as published; 0 leaves it out
    distinct: float = 0.1
    # The paper's "l2" pulls as hard as Δ has numbers: at λ = 0.1 and this width it would outweigh
    # all that a person can change of the flow.
    distance: Distance = "rms"
    temperature: float = 1.0
    people: int = 64  # in a step; who is not in the batch is drawn from all
    positions: int = 16  # text tokens that count, evenly spaced: at the empty prompt most are alike

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
    """Item i: its number, whose it is, its latents."""

    who: NDArray[np.int64]
    latents: NDArray[np.float16]  # (pictures, 8, 16, 16)

    def __len__(self) -> int:
        return len(self.who)

    def __getitem__(self, index: int) -> tuple[int, int, NDArray[np.float16]]:
        return index, int(self.who[index]), self.latents[index]


@dataclass(frozen=True, kw_only=True)
class PremierRecipe:
    """What is trained, on whom, and how."""

    summary: str = "makes sketchbook-flux draw what a person likes, who is placed among others"
    fit: Fit
    partners: Partners | None = field(default_factory=Partners)  # None: toys
    sizes: Sizes = field(
        default_factory=lambda: Sizes(tokens=4, user=64, width=64, heads=4, time=0)
    )  # widths of text and modulation are the base model's; 360,000 numbers
    start: Start = "silent"  # or "small", as released
    begin: Literal["pictures", "anew"] = "pictures"  # where people begin; published: anew
    people: int = 400
    likes: tuple[int, int] = (40, 80)  # pictures of a person: from, to
    dislikes: int = 16  # of each person; they say where people stand, nothing is learned from them
    spread: Spread = field(default_factory=Spread)
    shift: float = 1.0  # of the times, towards noise; as released
    cache: Path | str | None = None  # a folder: pictures are looked at once, some 4 kB each
    tested: int = 60  # people
    history: int = 8  # pairs a test person shows

    def __post_init__(self) -> None:
        least, most = self.likes
        if not LEAST <= least <= most or self.dislikes < LEAST or self.people < 2:
            raise BadInput(
                f"{self.people} people with {least} to {most} liked and {self.dislikes} disliked "
                f"pictures were asked for; two people, with {LEAST} pictures on either side, are "
                "the least that can be told apart."
            )

    def parts(self) -> Parts:
        """Modulator and users; liked pictures; how far off their flow is, how near people are."""
        backbone, clip = self._partners()
        sizes, shown = self.sizes.fitted(backbone), self._shown()
        items, known = self._looked_at(shown, backbone, clip)
        placed = self.begin == "pictures"
        users = Users.placed(known, sizes) if placed else Users.drawn(self.people, sizes)
        modulator = Modulator(sizes, start=self.start)
        method = Premier(backbone, clip, modulator, users, known)
        modulator.requires_grad_(True)
        users.requires_grad_(True)
        told = [prompt_of(liked.content) for person in shown for liked, _ in person]
        weights, nothing = weights_of(backbone.pipe.vae), backbone.encode([""]).tokens

        def loss(batch: tuple[Tensor, ...], generator: torch.Generator) -> dict[str, Tensor]:
            places, who, latents = batch
            bring(backbone, latents.device)
            step = noised(latents.float(), generator, self.shift)
            said, empty = backbone.encode([told[i] for i in places]), nothing.to(latents.device)
            turned = modulator(users(who), said.tokens, empty)
            with backbone.modulating(turned.delta(sizes.blocks)):
                guess = backbone.predict(step.latents, step.t, said)
            flow = missed(guess, step.target, weights).mean()
            some = self._apart(who, generator)
            there = empty[:, self._positions(empty.shape[1])]
            people = modulator(users(some), there.expand(len(some), -1, -1), there)
            off = self.spread.missed(people)
            whole = torch.stack([flow, *off.values()]).sum()
            found = {name: value.detach() for name, value in off.items()}
            return {"loss": whole, "flow": flow.detach(), **found}

        modules = {"modulator": modulator, "users": users}
        return Turning(modules=modules, items=items, loss=loss, method=method, weights=weights)

    def _partners(self) -> tuple[FLUX, Clip]:
        if self.partners is not None:
            return self.partners.load()
        from palate.backbones.builtin import new_clip, new_flux
        from palate.recipes import clip, flux

        toy, eyes = flux.DEBUG, clip.DEBUG
        vae, text = toy.sources.new_vae(), toy.sources.new_clip_text()
        backbone = new_flux(toy.transformer, vae, text, toy.reads, defaults=toy.defaults)
        small = new_clip(eyes.reads, eyes.sees, patch=eyes.patch, shared=eyes.shared)
        return backbone, Clip.of(small)

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

    # ---- what they show

    def _shown(self) -> Shown:
        """Everybody's pairs, as many as they like pictures."""
        crowd = Crowd(split="train", people=self.people, pairs=self.likes[1])
        least, most = self.likes
        luck = uniform(name_key("likes"), crowd.numbers())
        counts = least + (luck * (1 + most - least)).astype(int)
        return [pairs[:count] for pairs, count in zip(crowd.scenes(), counts, strict=True)]

    def _looked_at(self, shown: Shown, backbone: FLUX, clip: Clip) -> tuple[Liked, Known]:
        """Everybody's pictures; with a folder, once."""
        if self.cache is None:
            found = self._made(shown, backbone, clip)
        else:
            about = {"people": self.people, "likes": self.likes, "dislikes": self.dislikes}
            about |= {"clip": vars(clip.mark)}
            mark = content_fingerprint("premier-items", about, backbone.pipe.vae.state_dict())
            path = Path(self.cache) / f"premier-{mark[:12]}.npz"
            if not path.is_file():
                made = self._made(shown, backbone, clip)
                with store.writing(path) as part, part.open("wb") as file:
                    np.savez(file, allow_pickle=False, **made)
            with np.load(path) as kept:
                found = dict(kept)
        known = Known(**{n: torch.from_numpy(found[n]) for n in ("likes", "dislikes", "noise")})
        return Liked(who=found["who"], latents=found["latents"]), known

    def _made(self, shown: Shown, backbone: FLUX, clip: Clip) -> dict[str, NDArray[Any]]:
        who, latents, liked, disliked = [], [], [], []
        for number, pairs in enumerate(shown):
            drawn = [draw(scene) for scene, _ in pairs]
            who += [number] * len(pairs)
            latents.append(_latents(backbone, drawn))
            liked.append(clip.see(drawn).cpu())
            disliked.append(clip.see([draw(s) for _, s in pairs[: self.dislikes]]).cpu())
        known = Known.of(liked, disliked)
        arrays = {name: tensor.numpy() for name, tensor in known.tensors().items()}
        return {"who": np.array(who), "latents": np.concatenate(latents), **arrays}

    # ---- afterwards

    def keep(self, parts: Parts, folder: Path) -> None:
        """Modulator and people, and what they go with by name and fingerprint."""
        assert isinstance(parts, Turning)
        parts.method.save_pretrained(folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How far off the flow is of what new people like, and those who were trained with."""
        assert isinstance(parts, Turning)
        method = parts.method
        crowd = Crowd(split="test", people=self.tested, pairs=self.history + 1)
        shown, people = crowd.scenes(), []
        for pairs in shown:
            sides = [[draw(s) for s in side] for side in zip(*pairs[:-1], strict=True)]
            liked, disliked = (method.clip.see(side).cpu() for side in sides)
            weights = coefficients(method.known, liked, disliked)
            people.append(combined(method.users.table.cpu(), weights))
        new = _errors(parts, torch.stack(people), [pairs[-1][0] for pairs in shown])
        held = Crowd(split="train", people=self.people, pairs=self.likes[1] + 1).scenes()
        some = range(min(self.tested, self.people))
        old = _errors(parts, method.users.table[: len(some)], [held[i][-1][0] for i in some])
        return {
            **{f"flow error, new people, {name}": value for name, value in new.items()},
            **{f"flow error, trained people, {name}": value for name, value in old.items()},
            **_distances(method, len(some)),
            "bytes of a person": float(2 * method.users.table[0].numel()),
        }


@dataclass(frozen=True, kw_only=True)
class Turning(Parts):
    """Parts that know the whole method."""

    method: Premier
    weights: Tensor  # how much each latent channel counts


@torch.no_grad()
def _latents(backbone: FLUX, drawn: Sequence[NDArray[np.uint8]]) -> NDArray[np.float16]:
    with torch.autocast(backbone.pipe.vae.device.type, torch.bfloat16):
        found = latents_of(backbone.pipe.vae, torch.from_numpy(np.stack(drawn)))
    return found.float().cpu().numpy().astype(np.float16)


@torch.no_grad()
def _errors(parts: Turning, people: Tensor, scenes: Sequence[Scene]) -> dict[str, float]:
    """Errors of the flow of what each of them likes: as themselves, as others, as nobody."""
    method, weights = parts.method, parts.weights
    backbone, modulator = method.backbone, method.modulator
    weight = next(modulator.parameters())
    latents = torch.from_numpy(_latents(backbone, [draw(scene) for scene in scenes])).float()
    step = noised(latents.to(weight.device), torch.Generator().manual_seed(0))
    text = backbone.encode([*(prompt_of(scene.content) for scene in scenes), ""])
    said, nothing = text.rows(range(len(scenes))), text.tokens[-1:].to(weight)
    people = people.to(weight)
    whose = {
        "own tokens": people,
        "another's": people.roll(1, 0),
        "the middle of all": method.users.middle().expand_as(people),
    }
    found = {"no tokens": _off(backbone, step, said, weights)}
    for name, tokens in whose.items():
        turned = modulator(tokens, said.tokens.to(weight), nothing)
        with backbone.modulating(turned.delta(modulator.sizes.blocks)):
            found[name] = _off(backbone, step, said, weights)
    return found


def _off(backbone: FLUX, step: Noised, said: Any, weights: Tensor) -> float:
    guess = backbone.predict(step.latents, step.t, said)
    return float(missed(guess, step.target, weights).mean())


@torch.no_grad()
def _distances(method: Premier, people: int) -> dict[str, float]:
    """How far apart trained people's directions are at the empty prompt, a number of them."""
    nothing = method.backbone.encode([""]).tokens.to(method.users.table)
    some = method.users.table[:people]
    turned = method.modulator(some, nothing.expand(len(some), -1, -1), nothing)
    found = {}
    for name, part in turned.parts().items():
        away = apart(part) / part[0].numel() ** 0.5
        found[f"people apart, {name}"] = float(away.sum() / max(1, len(some) * (len(some) - 1)))
    return found


_PRODIGY = {"use_bias_correction": True, "safeguard_warmup": True}
PREMIER = PremierRecipe(  # on one CPU core some 12 minutes to look at 24,000 pictures, 25 to learn
    fit=Fit(
        steps=1500, batch=32, lr=1.0, optimizer="prodigy", options={**_PRODIGY, "d0": 1e-4},
        weight_decay=1e-4, clip=0.5, ema=0.998, bf16=True, log_every=20, checkpoint_steps=100,
    ),
)  # fmt: skip
DEBUG = PremierRecipe(
    fit=Fit(
        steps=4, batch=8, lr=1.0, optimizer="prodigy", options={**_PRODIGY, "d0": 0.1},
        log_every=1, checkpoint_steps=2,
    ),
    partners=None,
    sizes=Sizes(tokens=2, user=16, width=16, heads=2, layers=1, time=0),
    start="small",
    people=4,
    likes=(2, 3),
    dislikes=2,
    spread=Spread(distance="l2", people=4, positions=4),
    tested=3,
    history=2,
)  # fmt: skip
