"""A whole PrefGen at toy width: every class is the real one, weights are drawn from seeds."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import torch
from PIL import Image

from palate.backbones import FLUX, SDXL, builtin
from palate.backbones.builtin import save_clip
from palate.backbones.builtin.reader import save_reader
from palate.backbones.clips import Clip
from palate.backbones.reader import Reader
from palate.backbones.tiny import tiny_sdxl
from palate.methods.prefgen.method import KEPT, Plan, PrefGen
from palate.methods.prefgen.model import Conditioner, Sizes
from palate.methods.prefgen.read import Layers
from palate.recipes import clip as clip_recipe
from palate.recipes import reader as reader_recipe
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene
from palate.types import Example, Taste

PLAN = Plan(
    sizes=Sizes(sem=32, core=32, img=32, text=32, token=64, each=2, inner=16),
    layers=Layers(sem=(13, 14, 15, 16), core=(8,)),
)


@cache
def reader() -> Reader:
    return reader_recipe.toy()


@cache
def clip() -> Clip:
    toy = clip_recipe.DEBUG
    model = builtin.new_clip(toy.reads, toy.sees, patch=toy.patch, shared=toy.shared)
    return Clip.of(model, name="toy-clip")


def prefgen(plan: Plan = PLAN, backbone: SDXL | FLUX | None = None) -> PrefGen:
    backbone = backbone or tiny_sdxl()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        conditioner = Conditioner(plan.sizes)
    adapter = backbone.new_adapter(tokens=plan.sizes.token)
    stream = torch.Generator().manual_seed(1)
    with torch.no_grad():  # one that says something
        for weight in adapter.parameters():
            weight.copy_(torch.randn(weight.shape, generator=stream) / weight.shape[1] ** 0.5)
        for weight in (*conditioner.parameters(), *adapter.parameters()):
            weight.copy_(weight.to(KEPT))  # so that keeping it changes nothing
    return PrefGen(backbone, reader(), clip(), conditioner, adapter, plan)


def keep(folder: Path) -> Path:
    """As this package keeps weights: what they go with lies beside."""
    prefgen().save_pretrained(folder / "prefgen")
    save_reader(reader().model, folder / "toy-reader")
    save_clip(clip().model, folder / "toy-clip")
    return folder / "prefgen"


def example(seed: int, prompt: str | None = None) -> Example:
    file = io.BytesIO()
    Image.fromarray(draw(any_scene(seed))).save(file, "PNG")
    return Example(image=file.getvalue(), prompt=prompt)


def taste(liked: range, disliked: range = range(0)) -> Taste:
    sides = ([example(seed, "a cat") for seed in side] for side in (liked, disliked))
    return Taste(**dict(zip(("liked", "disliked"), map(tuple, sides), strict=True)))
