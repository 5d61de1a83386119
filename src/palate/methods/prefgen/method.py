"""PrefGen as a method: read tastes, steer an SDXL- or FLUX-class model; kept as one folder.

prefgen.safetensors   conditioner and adapter; in its header how it reads and what it goes with
reader/               the reader, fine-tuned to tell liked from disliked (PREFDISC)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from palate import store
from palate.backbones import FLUX, SDXL
from palate.backbones.clips import Clip
from palate.backbones.reader import Reader
from palate.backbones.recall import Recall
from palate.backbones.voices import VoiceAdapter
from palate.errors import BadFile, Mismatch
from palate.images import open_picture
from palate.methods import partners
from palate.methods.prefgen.asking import Wording
from palate.methods.prefgen.export import export
from palate.methods.prefgen.kept import Kept
from palate.methods.prefgen.model import Conditioner, Embedded, Sizes
from palate.methods.prefgen.read import Chosen, History, Layers, Seen, embedded, look, spread
from palate.methods.prefgen.steer import AWAY, rows, voices
from palate.methods.prefgen.words import moved, nearness, without_each, words
from palate.store.tensors import content_fingerprint
from palate.types import Example, Mark, Profile, Request, Taste, Word

Lent = SDXL | FLUX
FILE, KIND, VERSION = "prefgen.safetensors", "prefgen", 1
KEPT = torch.bfloat16  # conditioner and adapter; profiles stay fp32


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How tastes are read. What a PrefGen was trained with it keeps."""

    sizes: Sizes
    layers: Layers
    wording: Wording = field(default_factory=Wording)
    image: Chosen = "medoid"
    most: int = 8  # pictures of each side that are told; of more, the most different ones
    vocabulary: tuple[str, ...] = ()  # phrases a profile is put in; none: it stays without words


class PrefGen:
    """A reader, a CLIP, and what was trained on top of them for one base model."""

    def __init__(
        self,
        backbone: Lent,
        reader: Reader,
        clip: Clip,
        conditioner: Conditioner,
        adapter: VoiceAdapter,
        plan: Plan,
    ) -> None:
        self.backbone, self.reader, self.clip, self.plan = backbone, reader, clip, plan
        self.conditioner = conditioner.eval().requires_grad_(False)
        self.adapter = adapter.eval().requires_grad_(False)
        self._kept, self._recall = Kept(), Recall(reader)
        alone = plan.sizes.components == ("img",)
        name = "ip-adapter" if alone else "prefgen"  # e_img and nothing else is what that is
        self.mark = Mark(name=name, fingerprint=content_fingerprint(*self._content()))

    @property
    def partners(self) -> tuple[Lent, Reader, Clip]:
        """What it works with."""
        return self.backbone, self.reader, self.clip

    # ---- once per person

    def read(self, taste: Taste) -> Profile:
        """What this person likes, who they are, and how it looks."""
        return self.read_all([taste])[0]

    def read_all(self, tastes: Sequence[Taste]) -> list[Profile]:
        """Many people in one batch; nobody's profile depends on the others."""
        return self.profiles([self.look(taste) for taste in tastes])

    def profiles(self, histories: Sequence[History]) -> list[Profile]:
        """Of people whose pictures were looked at before."""
        if not histories:
            return []
        told = [self._told(history) for history in histories]
        opposed = [i for i, history in enumerate(told) if history.disliked]
        recall = self._recall if len(told) == 1 else None
        both = self._embedded([*told, *(told[i].swapped() for i in opposed)], recall)
        tensors = list(rows(both.rows(slice(len(told)))))
        away = rows(both.rows(slice(len(told), None)), AWAY)
        for i, row in zip(opposed, away, strict=True):
            tensors[i] |= row
        said = self._said(both, len(told), opposed)
        return [self._profile(*one) for one in zip(tensors, said, histories, strict=True)]

    def _profile(
        self, tensors: dict[str, torch.Tensor], said: tuple[Word, ...], history: History
    ) -> Profile:
        return Profile(
            words=said,
            method=self.mark,
            backbone=self.backbone.mark,
            reader=self.reader.mark,
            tensors=tensors,
            liked=len(history.liked),
            disliked=len(history.disliked),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _said(self, both: Embedded, people: int, opposed: Sequence[int]) -> list[tuple[Word, ...]]:
        """Everybody in words; `both` holds people, then the opposites of some of them."""
        names, sizes = self.plan.vocabulary, self.conditioner.sizes
        if not names or "sem" not in sizes.components:
            return [()] * people
        weight = next(self.conditioner.parameters())
        with torch.no_grad():
            near = nearness(self.conditioner.aligned(both.sem.to(weight)), self._phrases.to(weight))
        against = dict(zip(opposed, near[people:], strict=True))
        return [words(names, near[i], against.get(i)) for i in range(people)]

    @cached_property
    def _phrases(self) -> torch.Tensor:
        return self.clip.read(self.plan.vocabulary)

    def telling(self, taste: Taste) -> list[float]:
        """How much each liked picture told: how far who they are moves when it is left out.

        Of more pictures than are told to the reader, the others told nothing.
        """
        whole = self.look(taste)
        history = self._told(whole)
        if len(history.liked) < 2:
            return [1.0]
        core = self._embedded([history, *without_each(history)]).core
        told = dict(zip(map(id, history.liked), moved(core[0], core[1:]), strict=True))
        return [told.get(id(one), 0.0) for one in whole.liked]

    def look(self, taste: Taste) -> History:
        """Every picture of a taste through both eyes, once."""
        sides = taste.liked, taste.disliked
        liked, disliked = (self._look(side) for side in sides)
        return History(liked=liked, disliked=disliked)

    def _look(self, examples: Sequence[Example]) -> list[Seen]:
        return self._kept.of(examples, self._look_anew)

    def _look_anew(self, examples: Sequence[Example]) -> list[Seen]:
        pictures = [open_picture(example.image) for example in examples]
        return look(pictures, [None] * len(pictures), self.reader, self.clip)

    def _told(self, history: History) -> History:
        return History(liked=self._most(history.liked), disliked=self._most(history.disliked))

    def _most(self, side: Sequence[Seen]) -> Sequence[Seen]:
        if len(side) <= self.plan.most:
            return side
        points = torch.stack([one.point for one in side])
        return [side[i] for i in spread(points, self.plan.most)]

    def _embedded(self, histories: Sequence[History], recall: Recall | None = None) -> Embedded:
        plan = self.plan
        how: dict[str, Any] = {"wording": plan.wording, "image": plan.image, "recall": recall}
        return embedded(histories, self.reader, plan.layers, **how)

    # ---- once per batch

    @contextmanager
    def steer(self, profiles: Sequence[Profile], requests: Sequence[Request]) -> Iterator[Lent]:
        """Lend the base model, these people speaking beside the text."""
        partners.check(profiles, self.mark, self.backbone.mark)
        heard = voices(profiles, requests, self.conditioner, self.adapter, self.backbone)
        with self.backbone.attending(heard) as lent:
            yield lent

    # ---- for others

    def export(self, profile: Profile, folder: Path) -> list[Path]:
        """An IP-Adapter file and the person's embeddings, for stock diffusers."""
        partners.check([profile], self.mark, self.backbone.mark)
        if not isinstance(self.backbone, SDXL):
            raise Mismatch(
                f"{self.backbone.name} is FLUX-class, where diffusers' IP-Adapters speak elsewhere "
                "than PrefGen does: a file would not say the same. Use palate.steering there."
            )
        width = self.backbone.pipe.unet.config.cross_attention_dim
        return export(folder, profile, self.conditioner, self.adapter, width)

    # ---- as a folder

    def _content(self) -> tuple[str, dict[str, Any], dict[str, torch.Tensor]]:
        plan = self.plan
        marks = {"backbone": self.backbone.mark, "reader": self.reader.mark, "clip": self.clip.mark}
        config = {"plan": asdict(plan), **{name: vars(mark) for name, mark in marks.items()}}
        tensors = {f"conditioner.{n}": t for n, t in self.conditioner.state_dict().items()}
        tensors |= {f"adapter.{n}": t for n, t in self.adapter.state_dict().items()}
        return KIND, config, {name: tensor.to(KEPT) for name, tensor in tensors.items()}

    def save_pretrained(self, folder: Path) -> None:
        """Conditioner and adapter; the reader lies beside it, saved by whoever trained it."""
        kind, config, tensors = self._content()
        store.save(folder / FILE, tensors, kind=kind, config=config, version=VERSION)

    @classmethod
    def from_pretrained(
        cls, folder: Path, backbone: Lent, reader: Reader, clip: Clip, *, others: bool = False
    ) -> PrefGen:
        """As it was kept, with the partners it was trained with, or to be trained with `others`."""
        found, tensors = store.load(folder / FILE, kind=KIND, newest=VERSION)
        try:
            plan = _plan(found.config["plan"])
            kept = {name: Mark(**found.config[name]) for name in ("backbone", "reader", "clip")}
        except (KeyError, TypeError) as error:
            raise BadFile(f"{folder / FILE} is damaged ({error}). Get it again.") from None
        for name, partner in (("backbone", backbone), ("reader", reader), ("clip", clip)):
            if kept[name].fingerprint != partner.mark.fingerprint and not others:
                raise Mismatch(
                    f"This PrefGen was trained with the {name} {kept[name]}, and it is given "
                    f"{partner.mark}."
                )
        conditioner, adapter = (
            Conditioner(plan.sizes),
            backbone.new_adapter(tokens=plan.sizes.token),
        )
        for name, module in (("conditioner", conditioner), ("adapter", adapter)):
            own = {n.removeprefix(f"{name}."): t for n, t in tensors.items() if n.startswith(name)}
            try:
                module.load_state_dict({n: t.float() for n, t in own.items()})
            except RuntimeError:
                raise Mismatch(
                    f"The {name} of {folder} has other widths than {backbone.name} needs. Begin "
                    "from one for a base model of the same sizes."
                ) from None
        return cls(backbone, reader, clip, conditioner, adapter, plan)


def _plan(config: dict[str, Any]) -> Plan:
    sizes, layers = config["sizes"], config["layers"]
    return Plan(
        **{
            **config,
            "sizes": Sizes(**{**sizes, "components": tuple(sizes["components"])}),
            "layers": Layers(sem=tuple(layers["sem"]), core=tuple(layers["core"])),
            "wording": Wording(**config["wording"]),
            "vocabulary": tuple(config["vocabulary"]),
        }
    )
