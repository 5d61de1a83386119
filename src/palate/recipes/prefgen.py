"""sketchbook-prefgen: how a person's embeddings speak in sketchbook-sdxl.

A person's history and a liked picture that is not in it: the base model, which stays as it is, is
to predict that picture's flow from its prompt and the person's tokens. Histories are read once,
before; so a step costs little more than a step of the base model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate import store
from palate.backbones import FLUX, SDXL, Voice, VoiceAdapter
from palate.backbones.builtin import bring
from palate.backbones.clips import Clip
from palate.backbones.reader import Reader
from palate.learn.settings import Fit
from palate.methods.prefgen.asking import Wording
from palate.methods.prefgen.loss import Alignment, aligned
from palate.methods.prefgen.method import Plan, PrefGen
from palate.methods.prefgen.model import Component, Conditioner, Embedded, Fusion, Sizes
from palate.methods.prefgen.read import Chosen, History, Layers, Seen, embedded
from palate.ops.mmd import KernelName
from palate.recipes.crowd import Crowd, looked_at, portraits
from palate.recipes.generating import missed, noised, weights_of
from palate.recipes.likings import likings
from palate.recipes.recipe import Parts
from palate.recipes.standing import hearing
from palate.recipes.wanting import Wanting, Wishes, last_layer, pooled, width_of
from palate.seeds import name_key, uniform
from palate.sketchbook.scenes import Scene
from palate.sketchbook.words import PHRASES, prompt_of
from palate.store.tensors import content_fingerprint

Lent = SDXL | FLUX
MOST = 14  # likes in an attribute text, as many as CLIP can take


@dataclass(frozen=True, kw_only=True)
class Partners:
    """Folders of what it goes with. None makes toys, for tests."""

    backbone: Path | str = Path("out/train/sketchbook-sdxl/model")
    reader: Path | str = Path("out/train/sketchbook-prefdisc/model")
    clip: Path | str = Path("out/train/sketchbook-clip/model")

    def load(self) -> tuple[Lent, Reader, Clip]:
        """All three, at rest."""
        from palate.backbones import catalog

        return catalog.backbone(self.backbone), catalog.reader(self.reader), catalog.clip(self.clip)


@dataclass(frozen=True, kw_only=True, eq=False)
class Items:
    """Item i: a person; embeddings of some histories, latents of liked pictures not in them."""

    sem: NDArray[np.float16]  # (people, histories, width)
    core: NDArray[np.float16]
    img: NDArray[np.float16]
    latents: NDArray[np.float16]  # (people, pictures, 8, 16, 16)

    def __len__(self) -> int:
        return len(self.sem)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return (index, self.sem[index], self.core[index], self.img[index], self.latents[index])


@dataclass(frozen=True, kw_only=True)
class PrefgenRecipe:
    """What is trained, on whom, and how."""

    summary: str = "makes sketchbook-sdxl draw what a person likes, from a few pictures"
    fit: Fit
    partners: Partners | None = field(default_factory=Partners)  # None: toys
    toy: Literal["sdxl", "flux"] = "sdxl"  # which toy, where there are no partners
    people: int = 4000
    history: int = 8  # pairs at most
    histories: int = 3  # of each person, of different lengths
    targets: int = 4  # liked pictures of each person beside the history
    layers: Layers = field(default_factory=lambda: Layers(sem=(13, 14, 15, 16), core=(9, 10, 11)))
    image: Chosen = "medoid"
    wording: Wording = field(default_factory=Wording)
    vocabulary: tuple[str, ...] = tuple(PHRASES.values())
    token: int | None = None  # how wide a person's tokens are; None: as the base model's text
    each: int = 4
    inner: int = 128
    fusion: Fusion = "concat"
    components: tuple[Component, ...] = ("sem", "core", "img")
    alignment: Alignment = "mmd"
    kernel: KernelName = "rbf"
    align: float = 0.1  # weight of the alignment beside the flow
    wanted: float = 0.1  # weight of the look a person wants, said beside the flow
    taught: float = 5.0  # weight of the flow that the prompt with a person's favourites has
    drop_person: float = 0.1
    drop_text: float = 0.05
    cache: Path | str | None = None
    tested: int = 100  # people

    def parts(self) -> Parts:
        """Conditioner and adapter; people; how far off the flow of what they like is."""
        backbone, reader, clip = self._partners()
        sizes = self._sizes(backbone, reader, clip)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            conditioner = Conditioner(sizes)
        adapter = _adapter(backbone, sizes.token)
        plan = Plan(
            sizes=sizes,
            layers=self.layers,
            wording=self.wording,
            image=self.image,
            vocabulary=self.vocabulary,
        )
        crowd = Crowd(split="train", people=self.people, pairs=self.history + self.targets)
        told = [[prompt_of(liked.content) for liked, _ in person] for person in crowd.scenes()]
        weights = weights_of(backbone.pipe.vae)
        texts = clip.read(portraits(crowd.numbers(), MOST))
        wanting, wishes = Wanting(width_of(backbone)), Wishes.of(crowd, self.history)

        def loss(batch: tuple[Tensor, ...], generator: torch.Generator) -> dict[str, Tensor]:
            bring(backbone, batch[1].device)
            people, latents, prompts, target = self._drawn(batch, told, generator)
            keep = (torch.rand(len(latents), generator=generator) >= self.drop_person).float()
            kept = people.kept(keep.to(latents.device))
            step = noised(latents, generator)
            voice = Voice(tokens=conditioner(kept), adapter=adapter)
            said = backbone.encode(prompts)
            with backbone.attending(voice), hearing(last_layer(backbone)) as heard:
                guess = backbone.predict(step.latents, step.t, said)
            flow, who = missed(guess, step.target, weights).mean(), batch[0].cpu()
            shown, known = (
                part.to(latents.device)
                for part in (wishes.looks[who, target], wishes.known(who, keep))
            )
            look = wanting.missed(pooled(heard[0]), shown, known, step.t / 1000)
            with torch.no_grad():  # after the other pass: autocast keeps weights it has cast
                told_ = backbone.encode(wishes.told(prompts, who, keep))
                teacher = backbone.predict(step.latents, step.t, told_)
            taught = missed(guess, teacher.float(), weights).mean()
            whole = flow + self.wanted * look + self.taught * taught
            parts = {"flow": flow.detach(), "look": look.detach(), "taught": taught.detach()}
            if "sem" not in self.components:
                return {"loss": whole, **parts}
            points = texts[who].to(latents.device)
            off = aligned(
                conditioner.aligned(people.sem), points, self.alignment, kernel=self.kernel
            )
            return {"loss": whole + self.align * off, **parts, "alignment": off.detach()}

        items = self._items(crowd, backbone, reader, clip)
        modules = {"conditioner": conditioner, "adapter": adapter, "wanting": wanting}
        method = PrefGen(backbone, reader, clip, conditioner, adapter, plan)
        conditioner.requires_grad_(True)
        adapter.requires_grad_(True)
        return Speaking(modules=modules, items=items, loss=loss, method=method)

    def _partners(self) -> tuple[Lent, Reader, Clip]:
        if self.partners is not None:
            return self.partners.load()
        from palate.backbones.builtin import new_clip
        from palate.backbones.builtin.reader import new_reader, reader_processor
        from palate.recipes import clip, flux, generating, reader, sdxl

        debug = flux.DEBUG if self.toy == "flux" else sdxl.DEBUG
        parts = debug.parts()
        eyes, toy = clip.DEBUG, reader.DEBUG.sizes
        small = new_clip(eyes.reads, eyes.sees, patch=eyes.patch, shared=eyes.shared)
        reads = Reader(new_reader(toy), reader_processor(toy.tokens), name="toy-reader")
        assert isinstance(parts, generating.Painting)
        for part in parts.modules.values():
            part.requires_grad_(False)
        return parts.backbone, reads, Clip.of(small)

    def _sizes(self, backbone: Lent, reader: Reader, clip: Clip) -> Sizes:
        return Sizes(
            sem=reader.width,
            core=reader.width,
            img=clip.width,
            text=clip.width,
            token=self.token or _text_width(backbone),
            each=self.each,
            inner=self.inner,
            fusion=self.fusion,
            components=self.components,
        )

    def _drawn(
        self, batch: tuple[Tensor, ...], told: Sequence[Sequence[str]], generator: torch.Generator
    ) -> tuple[Embedded, Tensor, list[str], Tensor]:
        """One history and one target of each person, its prompt, or none, and place."""
        who, sem, core, img, latents = batch
        rows = torch.arange(len(who))
        history = torch.randint(sem.shape[1], (len(who),), generator=generator)
        target = torch.randint(latents.shape[1], (len(who),), generator=generator)
        silent = torch.rand(len(who), generator=generator) < self.drop_text
        people = Embedded(
            **{
                name: part[rows, history].float()
                for name, part in (("sem", sem), ("core", core), ("img", img))
            }
        )
        prompts = [
            "" if quiet else told[int(person)][self.history + int(place)]
            for person, place, quiet in zip(who, target, silent, strict=True)
        ]
        return people, latents[rows, target].float(), prompts, target

    def _items(self, crowd: Crowd, backbone: Lent, reader: Reader, clip: Clip) -> Items:
        """Everybody read and drawn; with a folder, once."""
        if self.cache is None:
            return Items(**self._made(crowd, backbone, reader, clip))
        about = {
            **{"people": self.people, "history": self.history, "histories": self.histories},
            **{"targets": self.targets, "layers": vars(self.layers), "image": self.image},
            **{"wording": vars(self.wording), "reader": vars(reader.mark), "clip": vars(clip.mark)},
        }
        mark = content_fingerprint("prefgen-items", about, backbone.pipe.vae.state_dict())[:12]
        path = Path(self.cache) / f"prefgen-{mark}.npz"
        if not path.is_file():
            made = self._made(crowd, backbone, reader, clip)
            with store.writing(path) as part, part.open("wb") as file:
                np.savez(file, allow_pickle=False, **made)
        with np.load(path) as found:
            return Items(**found)

    def _made(
        self, crowd: Crowd, backbone: Lent, reader: Reader, clip: Clip
    ) -> dict[str, NDArray[np.float16]]:
        cache = Path(self.cache) if self.cache else None
        shown = likings(crowd, self.history, clip, backbone.pipe.vae, cache)
        seen = looked_at(crowd, reader, cache).seen
        how: dict[str, Any] = {"wording": self.wording, "image": self.image}
        found: dict[str, list[Any]] = {"sem": [], "core": [], "img": []}
        for i, (number, person) in enumerate(zip(crowd.numbers(), crowd.scenes(), strict=True)):
            sides = _sides(person[: self.history], seen[i], shown["points"][i])
            histories = list(self._histories(int(number), *sides))
            read = embedded(histories, reader, self.layers, **how)
            for name, rows in found.items():
                rows.append(getattr(read, name).numpy())
        states = {name: np.stack(rows).astype(np.float16) for name, rows in found.items()}
        return {**states, "latents": shown["latents"]}

    def _histories(
        self, person: int, liked: Sequence[Seen], disliked: Sequence[Seen]
    ) -> Iterator[History]:
        """Histories of different lengths, the longest of them whole."""
        yield History(liked=liked, disliked=disliked)
        for turn in range(1, self.histories):
            luck = uniform(name_key("history"), person, turn, np.arange(1 + len(liked)))
            some = np.argsort(luck[1:])[: 1 + int(luck[0] * len(liked))]
            yield History(liked=[liked[i] for i in some], disliked=[disliked[i] for i in some])

    def keep(self, parts: Parts, folder: Path) -> None:
        """Conditioner and adapter, and what they go with by name and fingerprint."""
        assert isinstance(parts, Speaking)
        parts.method.save_pretrained(folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How much less it is off for people and prompts it never saw than for nobody."""
        assert isinstance(parts, Speaking)
        crowd = Crowd(split="test", people=self.tested, pairs=self.history + 1)
        one = replace(self, histories=1, targets=1, cache=None)
        items = Items(**one._made(crowd, *parts.method.partners))
        told = [prompt_of(person[-1][0].content) for person in crowd.scenes()]
        return _off(parts.method, items, told)


@dataclass(frozen=True, kw_only=True)
class Speaking(Parts):
    """Parts that know the whole method."""

    method: PrefGen


def _sides(
    pairs: Sequence[tuple[Scene, Scene]], seen: NDArray[np.float16], points: NDArray[np.float16]
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


def _adapter(backbone: Lent, tokens: int) -> VoiceAdapter:
    """As the text's own keys and values, where there are such: half as many steps to begin."""
    if isinstance(backbone, SDXL) and tokens == _text_width(backbone):
        return backbone.new_adapter(tokens=tokens, like_text=True)
    return backbone.new_adapter(tokens=tokens)


def _text_width(backbone: Lent) -> int:
    if isinstance(backbone, FLUX):
        return backbone.pipe.transformer.config.joint_attention_dim
    return backbone.pipe.unet.config.cross_attention_dim


@torch.no_grad()
def _off(method: PrefGen, items: Items, told: Sequence[str]) -> dict[str, float]:
    """Errors of the predicted flow: with the person's own tokens, another's, and nobody's."""
    rows = [items[i] for i in range(len(items))]
    people = Embedded(
        **{
            name: torch.stack([torch.from_numpy(row[1 + i][0]).float() for row in rows])
            for i, name in enumerate(("sem", "core", "img"))
        }
    )
    latents = torch.stack([torch.from_numpy(row[4][0]).float() for row in rows])
    step = noised(latents, torch.Generator().manual_seed(0))
    said = method.backbone.encode(list(told))
    own = method.conditioner(people)
    voices = {
        "own": own,
        "another's": own.roll(1, 0),
        "nobody's": own * 0 + method.conditioner.nobody(),
    }
    found, weights = {}, weights_of(method.backbone.pipe.vae)
    for name, tokens in voices.items():
        with method.backbone.attending(Voice(tokens=tokens, adapter=method.adapter)):
            flow = method.backbone.predict(step.latents, step.t, said)
        found[f"flow error, {name} tokens"] = float(missed(flow, step.target, weights).mean())
    return found


PREFGEN = PrefgenRecipe(
    fit=Fit(
        steps=4000, batch=64, lr=1e-3, weight_decay=0.01, warmup=100, ema=0.998, bf16=True,
        log_every=20, checkpoint_steps=200,
    ),
)  # fmt: skip
FLUX_PREFGEN = replace(
    PREFGEN,
    summary="makes sketchbook-flux draw what a person likes, from a few pictures",
    partners=Partners(backbone=Path("out/train/sketchbook-flux/model")),
)
IP_ADAPTER = replace(
    PREFGEN,
    summary="the baseline: makes sketchbook-sdxl draw what looks like one liked picture",
    components=("img",),
    align=0.0,
)
DEBUG = PrefgenRecipe(
    fit=Fit(steps=4, batch=16, lr=1e-2, log_every=1, checkpoint_steps=2),
    partners=None,
    people=4,
    history=2,
    histories=2,
    targets=1,
    layers=Layers(sem=(16,), core=(8,)),
    inner=16,
    each=2,
    tested=3,
)
FLUX_DEBUG = replace(DEBUG, fit=replace(DEBUG.fit, lr=3e-2), toy="flux")
IP_DEBUG = replace(DEBUG, components=("img",), align=0.0)
