"""What following a taste costs: sampling with Premier, many people at once, reading one of them;
and beside it a LoRA for each person.

python -m bench.premier [FOLDER [BACKBONE]]    with the weights of a folder, or of this package
python -m bench.premier untrained              the same sizes with random weights: what it costs,
                                               not how good

Ratios are of runs that take turns, so that a busy machine slows both alike.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from bench.prefgen import BATCH
from bench.report import RUNS, figure, ratio
from palate.backbones import catalog
from palate.backbones.builtin import new_clip, new_flux, new_vae
from palate.backbones.clips import Clip
from palate.data.drawn import person
from palate.methods.premier.eyes import Eyes
from palate.methods.premier.fitting import PUBLISHED
from palate.methods.premier.method import Fitted, Premier
from palate.methods.premier.model import Modulator
from palate.methods.premier.tuned import PUBLISHED as LORA
from palate.methods.premier.tuned import Tuned, Tuning
from palate.methods.premier.users import Known, Users
from palate.methods.table import method
from palate.recipes import clip, flux, premier, vae
from palate.recipes.comparing import taste_of
from palate.sketchbook.people import World
from palate.types import Profile, Request


def untrained() -> Premier:
    """Everything as large as the built-in one."""
    reads, sees, toy = flux.SKETCHBOOK, clip.CLIP, flux.DEBUG.sources
    eyes = new_clip(sees.reads, sees.sees, patch=sees.patch, shared=sees.shared)
    auto = new_vae(vae.VAE.widths, vae.VAE.layers)
    text = toy.new_clip_text()
    backbone = new_flux(reads.transformer, auto, text, reads.reads, defaults=reads.defaults)
    recipe = premier.PREMIER
    sizes = recipe.sizes.fitted(backbone)
    points = torch.randn(2, recipe.people, sees.shared)
    known = Known(likes=points[0], dislikes=points[1], noise=torch.eye(sees.shared))
    turns = Modulator(sizes, start="small")
    sight = Eyes(Clip.of(eyes), torch.eye(sees.shared))
    return Premier(backbone, sight, turns, Users.placed(known, sizes), known)


def sampling(found: Premier, people: Sequence[Profile]) -> None:
    """The same requests for nobody, for one person, and for as many people."""
    asked = [Request(prompt="a cat left of a cup", seed=i) for i in range(BATCH)]
    backbone = found.backbone

    def steered(profiles: Sequence[Profile]) -> None:
        with found.steer(profiles, asked) as lent:
            lent.sample(asked)

    one = [people[0]] * BATCH
    cost = ratio(lambda: steered(one), lambda: backbone.sample(asked))
    figure("premier/sampling over plain", cost, "x", bar="<= 1.05", batch=BATCH)
    cost = ratio(lambda: steered(people), lambda: steered(one))
    figure(f"premier/{BATCH} people over one", cost, "x", bar="<= 1.05", batch=BATCH)


def reading(found: Premier) -> None:
    """Eight liked and eight disliked pictures to a profile."""
    taste, took = taste_of(person(125, 8, World())), []
    for _ in range(RUNS):
        began = time.perf_counter()
        found.read(taste)
        took.append(time.perf_counter() - began)
    figure("premier/reading a person", median(took), "s", bar="<= 2")


def rival(found: Premier, steps: int = 8) -> None:
    """A LoRA of their own for each person: what it takes to keep, and to learn."""
    taste = taste_of(person(125, 8, World()))
    lora = Tuned(found.backbone, Tuning(fit=replace(LORA, steps=steps)))
    linear = Fitted(found, replace(PUBLISHED, fit=replace(PUBLISHED.fit, steps=steps)))
    ours = 2 * found.users.table[0].numel()
    figure("premier/bytes of a LoRA over a person's", lora.bytes / ours, "x", bytes=lora.bytes)
    cost = ratio(lambda: lora.read(taste), lambda: linear.read(taste))
    figure("premier/learning a LoRA over coefficients", cost, "x", steps=steps)


def main() -> None:
    """All of it, on two threads."""
    torch.set_num_threads(2)
    given = sys.argv[1] if len(sys.argv) > 1 else None
    if given == "untrained":
        found = untrained()
    else:
        backbone = catalog.backbone(sys.argv[2] if len(sys.argv) > 2 else "sketchbook-flux")
        found = method("premier", backbone, Path(given) if given else None)
    assert isinstance(found, Premier)
    profiles = [found.profile_of(row) for row in found.users.table[:BATCH]]
    sampling(found, [replace(profile, liked=8) for profile in profiles])
    reading(found)
    rival(found)


if __name__ == "__main__":
    main()
