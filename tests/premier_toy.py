"""A whole Premier at toy width: every class is the real one, weights are drawn from seeds."""

from __future__ import annotations

from typing import Any

import torch
from prefgen_toy import clip
from torch import Tensor

from palate.backbones import FLUX
from palate.backbones.tiny import tiny_flux
from palate.methods.premier.eyes import Eyes
from palate.methods.premier.method import Premier
from palate.methods.premier.model import Modulator, Sizes
from palate.methods.premier.users import Known, Users
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene

SIZES = Sizes(tokens=2, user=8, width=16, heads=2, layers=2, time=0)
PEOPLE = 5


def numbers(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def eyes() -> Eyes:
    """A CLIP's, along all axes."""
    return Eyes(clip(), torch.eye(32))


def known(people: int = PEOPLE) -> Known:
    """People of three liked and three disliked drawings each."""
    points = eyes().see([draw(any_scene(seed)) for seed in range(6 * people)])
    sides = points.unflatten(0, (people, 2, 3))
    return Known.of(list(sides[:, 0]), list(sides[:, 1]))


def modulator(backbone: FLUX, **change: Any) -> Modulator:
    """One that says something."""
    made = Modulator(Sizes(**{**vars(SIZES), **change}).fitted(backbone))
    with torch.no_grad():
        for number, branch in enumerate(made.branches.values()):
            branch.norm.weight.copy_(1 + numbers(number, len(branch.norm.weight)))
    return made


def premier(backbone: FLUX | None = None, onset: float = 0.0, **change: Any) -> Premier:
    backbone = backbone or tiny_flux()
    turns = modulator(backbone, **change)
    users = Users(numbers(7, PEOPLE, turns.sizes.tokens, turns.sizes.user))
    return Premier(backbone, eyes(), turns, users, known(), onset=onset)
