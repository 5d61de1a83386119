"""Premier as a method: place people among those who were trained, steer a FLUX-class model.

premier.safetensors   modulator, trained people and what their pictures look like; in its header
                      what it goes with
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from palate import store
from palate.backbones import FLUX
from palate.errors import BadFile, BadInput, Mismatch
from palate.methods import partners
from palate.methods.premier.eyes import Eyes, Sees
from palate.methods.premier.fitting import AFTER, DIRECT, PUBLISHED, Fitting, Newcomer, fitted
from palate.methods.premier.model import Modulator, Sizes
from palate.methods.premier.newcomers import coefficients, combined
from palate.methods.premier.read import Seen, look
from palate.methods.premier.steer import USER, deltas
from palate.methods.premier.users import Known, Users
from palate.store.tensors import content_fingerprint
from palate.types import Mark, Profile, Request, Taste

FILE, KIND, VERSION = "premier.safetensors", "premier", 2
KEPT = torch.bfloat16  # modulator, users and profiles; a full-size person is 61,440 bytes


class Premier:
    """A modulator and the people it was trained with, for one base model; eyes to see others."""

    ways: Mapping[str, Fitting | None] = {  # by name, how a person may be read
        "at-once": None, "after": AFTER, "published": PUBLISHED, "direct": DIRECT,
    }  # fmt: skip

    def __init__(
        self,
        backbone: FLUX,
        eyes: Eyes,
        modulator: Modulator,
        users: Users,
        known: Known,
        *,
        onset: float = 0.0,  # share of the steps in which the base model decides alone
    ) -> None:
        if not 0 <= onset < 1:
            raise BadInput(f"The onset is {onset}; it is a share of the steps, 0 for all of them.")
        modulator.sizes.check(backbone)
        users.check(modulator.sizes, known)
        self.backbone, self.eyes, self.known, self.onset = backbone, eyes, known, onset
        self.modulator = modulator.eval().requires_grad_(False)
        self.users = users.eval().requires_grad_(False)
        self.mark = Mark(name=KIND, fingerprint=content_fingerprint(*self._content()))

    # ---- once per person

    def read(self, taste: Taste, more: Fitting | None = None) -> Profile:
        """Where their pictures place this person; with `more`, then or instead by gradients."""
        return self.profile(taste, look([taste], self.eyes)[0], more)

    def read_all(self, tastes: Sequence[Taste]) -> list[Profile]:
        """Many people, their pictures looked at together; nobody's profile depends on others."""
        both = zip(tastes, look(tastes, self.eyes) if tastes else [], strict=True)
        return [self.profile(taste, seen) for taste, seen in both]

    def profile(self, taste: Taste, seen: Seen, more: Fitting | None = None) -> Profile:
        """Of a person whose pictures were looked at before."""
        weights = coefficients(self.known, seen.liked, seen.disliked)
        user = combined(self.users.table, weights.to(self.users.table))
        if more is not None:
            user = self._fitted(taste, weights, more)
        return self.profile_of(user, liked=len(taste.liked), disliked=len(taste.disliked))

    def profile_of(self, user: Tensor, *, liked: int = 0, disliked: int = 0) -> Profile:
        """A person by their tokens (tokens, width), such as a row of the users' table."""
        return Profile(
            method=self.mark,
            backbone=self.backbone.mark,
            reader=self.eyes.mark,
            tensors={USER: user.detach().to(KEPT).cpu().clone()},
            liked=liked,
            disliked=disliked,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _fitted(self, taste: Taste, weights: Tensor, more: Fitting) -> Tensor:
        start = weights if more.begin == "pictures" else None
        newcomer = Newcomer(self.users.table, more.what, start)
        how: dict[str, Any] = {"modulator": self.modulator, "backbone": self.backbone}
        return fitted(newcomer, taste.liked, more, **how)

    # ---- once per batch

    @contextmanager
    def steer(self, profiles: Sequence[Profile], requests: Sequence[Request]) -> Iterator[FLUX]:
        """Lend the base model, each text token turned towards its person."""
        partners.check(profiles, self.mark, self.backbone.mark)
        middle = self.users.middle()
        turned = deltas(profiles, requests, self.modulator, middle, self.backbone, self.onset)
        with ExitStack() as lent:
            for delta in turned:
                lent.enter_context(self.backbone.modulating(delta))
            yield self.backbone

    # ---- as a folder

    def _content(self) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
        marks = {"backbone": self.backbone.mark, "eyes": self.eyes.mark}
        config: dict[str, Any] = {"sizes": asdict(self.modulator.sizes)}
        config |= {"sees": self.eyes.kind, "onset": self.onset}
        config |= {name: vars(mark) for name, mark in marks.items()}
        tensors = {f"modulator.{n}": t.to(KEPT) for n, t in self.modulator.state_dict().items()}
        tensors |= {"users": self.users.table.detach().to(KEPT), "axes": self.eyes.axes.half()}
        return KIND, config, tensors | self.known.tensors()

    def save_pretrained(self, folder: Path) -> None:
        """Everything but the base model and what sees."""
        kind, config, tensors = self._content()
        store.save(folder / FILE, tensors, kind=kind, config=config, version=VERSION)

    @classmethod
    def from_pretrained(cls, folder: Path, backbone: FLUX, partner: Sees) -> Premier:
        """As it was kept, with the partners it was trained with."""
        config, modulator, users, others = _kept(folder / FILE)
        with _damaged(folder / FILE):
            marks = {name: Mark(**config[name]) for name in ("backbone", "eyes")}
            known, eyes = Known.taken(others), Eyes(partner, others.pop("axes").float())
        for name, mark in (("backbone", backbone.mark), ("eyes", eyes.mark)):
            if marks[name].fingerprint != mark.fingerprint:
                raise Mismatch(
                    f"This Premier was trained with the {name} {marks[name]}, and it is given "
                    f"{mark}."
                )
        device = next(backbone.pipe.transformer.parameters()).device
        both = modulator.to(device), users.to(device)
        return cls(backbone, eyes, *both, known, onset=config.get("onset", 0.0))


def learned(folder: Path) -> tuple[Modulator, Users]:
    """What an earlier training learned, whatever base model it was for."""
    _, modulator, users, _ = _kept(folder / FILE)
    return modulator, users


def _kept(file: Path) -> tuple[Mapping[str, Any], Modulator, Users, dict[str, Tensor]]:
    found, tensors = store.load(file, kind=KIND, newest=VERSION)
    with _damaged(file):
        modulator, users = Modulator(_sizes(found.config["sizes"])), Users(tensors.pop("users"))
        names = [f"modulator.{name}" for name in modulator.state_dict()]
        own = {name.removeprefix("modulator."): tensors.pop(name).float() for name in names}
    modulator.load_state_dict(own)
    return found.config, modulator, users.float(), tensors


@contextmanager
def _damaged(file: Path) -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError) as error:
        raise BadFile(f"{file} is damaged ({error}). Get it again.") from None


class Fitted:
    """The same Premier, newcomers being fitted by gradients: a rival to set beside it."""

    def __init__(self, premier: Premier, how: Fitting) -> None:
        self.premier, self.how = premier, how
        self.mark, self.backbone = premier.mark, premier.backbone

    def read(self, taste: Taste) -> Profile:
        """As `how` says."""
        return self.premier.read(taste, self.how)

    def steer(
        self, profiles: Sequence[Profile], requests: Sequence[Request]
    ) -> AbstractContextManager[FLUX]:
        """As Premier does."""
        return self.premier.steer(profiles, requests)


def _sizes(config: dict[str, Any]) -> Sizes:
    lists = {name: tuple(config[name]) for name in ("branches", "empty")}
    return Sizes(**{**config, **lists})
