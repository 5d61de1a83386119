"""sketchbook-prefgen: how a person's embeddings speak in sketchbook-sdxl.

What a batch of histories teaches stands in `lesson.py`; here is what is trained, on whom, and where
it begins. Histories are read once, before; so a step costs little more than one of the base model.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch

from palate.backbones import FLUX, SDXL, VoiceAdapter
from palate.backbones.clips import Clip
from palate.backbones.reader import Reader
from palate.learn.settings import Fit
from palate.methods.prefgen.asking import Wording
from palate.methods.prefgen.method import Plan, PrefGen
from palate.methods.prefgen.model import Component, Conditioner, Fusion, Sizes
from palate.methods.prefgen.read import Chosen, Layers
from palate.recipes.histories import Histories
from palate.recipes.prefgen.lesson import Counts, Lent, Lesson
from palate.recipes.prefgen.speaking import Speaking, errors
from palate.recipes.reads import Reads
from palate.recipes.recipe import Parts
from palate.recipes.unaided import Unaided
from palate.sketchbook.words import PHRASES, prompt_of


@dataclass(frozen=True, kw_only=True)
class Partners:
    """Folders of what it goes with. None makes toys, for tests."""

    backbone: Path | str = Path("out/train/sketchbook-sdxl/model")
    reader: Path | str = Path("out/train/sketchbook-prefdisc/model")
    clip: Path | str = Path("out/train/sketchbook-clip/model")
    proof: Path | str = Path("out/train/sketchbook-proof/model")  # reads what is painted

    def load(self) -> tuple[Lent, Reader, Clip]:
        """All three, at rest."""
        from palate.backbones import catalog

        return catalog.backbone(self.backbone), catalog.reader(self.reader), catalog.clip(self.clip)


@dataclass(frozen=True, kw_only=True)
class PrefgenRecipe(Counts):
    """What is trained, on whom, and how."""

    summary: str = "makes sketchbook-sdxl draw what a person likes, from a few pictures"
    fit: Fit
    partners: Partners | None = field(default_factory=Partners)  # None: toys
    toy: Literal["sdxl", "flux"] = "sdxl"  # which toy, where there are no partners
    people: int = 4000
    history: int = 8  # pairs at most
    histories: int = 4  # of each person, of different lengths
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
    painted: float = 0.0  # weight of what a proof misreads in the picture the flow leads to
    unaided: Unaided = field(default_factory=Unaided)  # the same of pictures from noise
    loud: float = 0.7  # what strength 1 is to be, of what was learned: there content stays whole
    begin: Path | str | None = None  # a folder of an earlier training, to go on from its weights
    cache: Path | str | None = None
    tested: int = 100  # people

    def parts(self) -> Parts:
        """Conditioner and adapter; people; how far off the flow of what they like is."""
        method, histories = self._new(), self._histories()
        backbone, reader, clip = method.partners
        reads = Reads.of_partners(self.partners, backbone.pipe.vae, self.painted, self.unaided)
        lesson = Lesson.of(method, histories, reads, self)
        cache = Path(self.cache) if self.cache else None
        modules = {
            "conditioner": method.conditioner,
            "adapter": method.adapter,
            "wanting": lesson.wanting,
            **reads.modules,
        }
        items = histories.items(backbone, reader, clip, cache)
        return Speaking(modules=modules, items=items, loss=lesson, method=method)

    def _new(self) -> PrefGen:
        """To be trained, from nothing or from where an earlier training ended."""
        backbone, reader, clip = self._partners()
        sizes = self._sizes(backbone, reader, clip)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            conditioner = Conditioner(sizes)
        adapter = _adapter(backbone, sizes.token)
        if self.begin is not None:
            given = (Path(self.begin), backbone, reader, clip)
            earlier = PrefGen.from_pretrained(*given, others=True)
            conditioner.load_state_dict(earlier.conditioner.state_dict())
            adapter.load_state_dict(earlier.adapter.state_dict())
        method = PrefGen(backbone, reader, clip, conditioner, adapter, self._plan(sizes))
        for module in (conditioner, adapter):
            module.requires_grad_(True)
        return method

    def _partners(self) -> tuple[Lent, Reader, Clip]:
        if self.partners is not None:
            return self.partners.load()
        from palate.recipes import clip, flux, generating, reader, sdxl

        debug = flux.DEBUG if self.toy == "flux" else sdxl.DEBUG
        parts = debug.parts()
        assert isinstance(parts, generating.Painting)
        for part in parts.modules.values():
            part.requires_grad_(False)
        return parts.backbone, reader.toy(), Clip.of(clip.DEBUG.new())

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

    def _plan(self, sizes: Sizes) -> Plan:
        return Plan(
            sizes=sizes,
            layers=self.layers,
            wording=self.wording,
            image=self.image,
            vocabulary=self.vocabulary,
        )

    def _histories(self) -> Histories:
        return Histories(
            people=self.people,
            history=self.history,
            each=self.histories,
            targets=self.targets,
            layers=self.layers,
            image=self.image,
            wording=self.wording,
        )

    def keep(self, parts: Parts, folder: Path) -> None:
        """Conditioner and adapter, and what they go with by name and fingerprint."""
        assert isinstance(parts, Speaking)
        found = parts.method
        adapter = found.adapter.louder(self.loud)
        PrefGen(*found.partners, found.conditioner, adapter, found.plan).save_pretrained(folder)

    def measure(self, parts: Parts) -> dict[str, float]:
        """How much less it is off for people and prompts it never saw than for nobody."""
        assert isinstance(parts, Speaking)
        new = replace(self._histories(), split="test", people=self.tested, each=1, targets=1)
        told = [prompt_of(person[-1][0].content) for person in new.crowd.scenes()]
        return errors(parts.method, new.items(*parts.method.partners), told)


def _adapter(backbone: Lent, tokens: int) -> VoiceAdapter:
    """As the text's own keys and values, where there are such: half as many steps to begin."""
    if isinstance(backbone, SDXL) and tokens == _text_width(backbone):
        return backbone.new_adapter(tokens=tokens, like_text=True)
    return backbone.new_adapter(tokens=tokens)


def _text_width(backbone: Lent) -> int:
    if isinstance(backbone, FLUX):
        return backbone.pipe.transformer.config.joint_attention_dim
    return backbone.pipe.unet.config.cross_attention_dim


PREFGEN = PrefgenRecipe(
    fit=Fit(
        steps=6000, batch=64, lr=1e-3, weight_decay=0.01, warmup=100, ema=0.998, bf16=True,
        log_every=20, checkpoint_steps=200, optimizer="muon",
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
    painted=0.01,
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
