"""What following a taste costs: sampling with PrefGen, reading one more like, reading many people.

python -m bench.prefgen [FOLDER]    with the weights of a folder, or of this package

Ratios are of runs that take turns, so that a busy machine slows both alike.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from safetensors.torch import load_file

from bench.report import RUNS, figure, ratio
from palate.backbones import SDXL, catalog
from palate.backbones.recall import Recall
from palate.data.drawn import person
from palate.methods.prefgen.export import ADAPTER, PERSON
from palate.methods.prefgen.method import PrefGen
from palate.methods.table import method
from palate.recipes.comparing import taste_of
from palate.sketchbook.people import World
from palate.types import Request, Taste

BATCH = 8


def sampling(found: PrefGen, taste: Taste) -> None:
    """The same requests with and without somebody to please."""
    assert isinstance(found.backbone, SDXL)
    asked = [Request(prompt="a cat left of a cup", seed=i) for i in range(BATCH)]
    profiles = [found.read(taste)] * BATCH

    def steered() -> None:
        with found.steer(profiles, asked) as lent:
            lent.sample(asked)

    backbone = found.backbone
    cost = ratio(steered, lambda: backbone.sample(asked))
    figure("prefgen/sampling over plain", cost, "x", bar="<= 1.05", batch=BATCH)
    figure("prefgen/sampling over IP-Adapter", _over_stock(found, taste), "x", bar="<= 1")


def _over_stock(found: PrefGen, taste: Taste) -> float:
    """Against diffusers' own path with as many tokens, in the same stock pipeline."""
    pipe, profile = found.backbone.pipe, found.read(taste)
    pipe.set_progress_bar_config(disable=True)
    stock = type(pipe)(**pipe.components)  # shares weights; processors are set on a copy below
    stock.set_progress_bar_config(disable=True)
    with tempfile.TemporaryDirectory() as folder:
        found.export(profile, Path(folder))
        stock.unet = type(pipe.unet).from_config(pipe.unet.config)
        stock.unet.load_state_dict(pipe.unet.state_dict())
        how = {"subfolder": "", "weight_name": ADAPTER, "image_encoder_folder": None}
        stock.load_ip_adapter(folder, **how)
        person = load_file(Path(folder) / PERSON)["embeds"]
    call = {"num_inference_steps": found.backbone.defaults.steps, "output_type": "latent"}
    call |= {"guidance_scale": found.backbone.defaults.guidance}
    prompts = ["a cat left of a cup"] * BATCH
    request = Request(prompt="")

    def ours() -> None:
        with found.steer([profile], [request]):
            pipe(prompts, **call)

    embeds = person.repeat_interleave(BATCH, 0)
    return ratio(ours, lambda: stock(prompts, ip_adapter_image_embeds=[embeds], **call))


def reading(found: PrefGen, taste: Taste) -> None:
    """One more like against a history nobody looked at; 64 people at once and one by one."""
    fewer = replace(taste, liked=taste.liked[:-1])

    def anew() -> None:
        _forget(found)
        found.read(taste)

    def more() -> float:
        _forget(found)
        found.read(fewer)
        began = time.perf_counter()
        found.read(taste)
        return time.perf_counter() - began

    whole, one = [], []
    for _ in range(RUNS):
        one.append(more())
        began = time.perf_counter()
        anew()
        whole.append(time.perf_counter() - began)
    figure("prefgen/one more like", median(one) / median(whole), "of a read", bar="<= 0.25")
    people = [taste_of(person(n, 8, World())) for n in range(64)]
    histories = [found.look(someone) for someone in people]
    rate = ratio(
        lambda: [found.profiles([history]) for history in histories],
        lambda: found.profiles(histories),
    )
    figure("prefgen/64 people at once", rate, "x one by one", bar=">= 4")


def _forget(found: PrefGen) -> None:
    found._kept, found._recall = type(found._kept)(), Recall(found.reader)


def main() -> None:
    """All of it, on two threads."""
    torch.set_num_threads(2)
    weights = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    found = method("prefgen", catalog.backbone("sketchbook-sdxl"), weights)
    assert isinstance(found, PrefGen)
    taste = taste_of(person(125, 8, World()))
    sampling(found, taste)
    reading(found, taste)


if __name__ == "__main__":
    main()
