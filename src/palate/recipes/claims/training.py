"""Recipes cut down and trained in two or more ways, alike but for one setting: ablations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from palate.backbones.builtin import latents_of
from palate.data.drawn import person
from palate.errors import BadInput
from palate.evals import stats
from palate.evals.taste import scored
from palate.learn.fit import fit
from palate.recipes.claims.alignment import REAL, distances, half_draws
from palate.recipes.claims.claim import Findings, Found
from palate.recipes.claims.lab import CLIP, FLUX, JUDGE, PREFDISC, READER, SDXL, Lab
from palate.recipes.comparing import PLAIN, Comparing, made, taste_of
from palate.recipes.generating import missed, noised, weights_of
from palate.recipes.recipe import changed
from palate.recipes.table import recipe
from palate.sketchbook.drawing import draw
from palate.sketchbook.people import World
from palate.sketchbook.words import prompt_of
from palate.store import Lock
from palate.types import Profile, Request

PARTNERS = {  # what a recipe goes with, by its names for them; those without train toys
    "sketchbook-prefgen": {"backbone": SDXL, "reader": PREFDISC, "clip": CLIP},
    "sketchbook-prefgen-flux": {"backbone": FLUX, "reader": PREFDISC, "clip": CLIP},
    "sketchbook-premier": {"backbone": FLUX, "reader": READER},
}
Settings = tuple[str, ...]  # as `palate train` takes them
Measure = Literal["flow error", "taste", "FD_clip"]


@dataclass(frozen=True, kw_only=True)
class Rivals:
    """Is a recipe better as published than changed in one thing?

    Off by how much the base model is, of pictures new people like: the flow's error, as in
    training. With `prompts`, also how much pictures please, and how far they are, as a cloud, from
    pictures that these people like. A verdict follows from the measure nearest to the paper's own;
    the others stand beside it.
    """

    recipe: str
    size: Settings  # what makes it small
    others: Mapping[str, Settings]
    mine: Settings = ()
    called: str = "as published"
    tested: int = 24  # people
    history: int = 8  # pairs
    draws: int = 4  # of noise and time, for each person
    prompts: int = 0
    by: Measure = "flow error"  # what decides

    def __post_init__(self) -> None:
        if self.by != "flow error" and not self.prompts:
            raise BadInput(f"{self.by} is told from pictures: give prompts.")

    @property
    def needs(self) -> tuple[str, ...]:
        """What it trains with, and the judge where pictures are made."""
        partners = tuple(PARTNERS.get(self.recipe, {}).values())
        return (*partners, JUDGE, CLIP) if self.prompts else partners

    def run(self, lab: Lab) -> Findings:
        """Train all, ask all the same."""
        ways = {self.called: self.mine, **self.others}
        methods = {n: trained(lab, self.recipe, (*self.size, *own)) for n, own in ways.items()}
        tastes = [taste_of(one) for one, _ in self._people()]
        who = {name: [method.read(taste) for taste in tastes] for name, method in methods.items()}
        found = self._off({name: self._errors(methods[name], who[name]) for name in ways})
        told = f"Trained as `palate train {self.recipe} {' '.join(self.size)}`, and each change."
        if self.prompts:
            plain = methods[self.called].backbone
            seen = {n: self._pictures(lab, own, methods[n], who[n]) for n, own in ways.items()}
            seen[PLAIN] = self._pictures(lab, (PLAIN, plain.name), plain, None)
            found += self._seen(lab, seen)
            told += " FD_clip is the distance to pictures that these people showed."
        return Findings(found=tuple(found), notes=(told,))

    def _bound(self, measure: Measure) -> float | None:
        return 0.0 if measure == self.by else None

    def _people(self) -> list[tuple[Any, Any]]:
        """Everybody with their history, and a picture they like that is not in it."""
        found = []
        for number in Comparing(people=self.tested).numbers():
            one = person(number, self.history + 1, World())
            shown = replace(one, liked=one.liked[:-1], disliked=one.disliked[:-1])
            found.append((shown, one.liked[-1]))
        return found

    def _off(self, off: Mapping[str, NDArray[np.float64]]) -> list[Found]:
        bound, mine = self._bound("flow error"), off[self.called]
        found = []
        for name in self.others:
            says = f"flow error, {name} less {self.called}"
            found.append(Found(says=says, figure=stats.mean(off[name] - mine), above=bound))
        for name, values in off.items():
            says = f"flow error of the base model's, {name}"
            found.append(Found(says=says, figure=stats.mean(values)))
        return found

    @torch.no_grad()
    def _errors(self, method: Any, profiles: Sequence[Profile]) -> NDArray[np.float64]:
        """Everybody's error, in units of what the base model alone is off in the mean."""
        backbone, targets = method.backbone, [target for _, target in self._people()]
        requests = [Request(prompt=prompt_of(target.content)) for target in targets]
        pixels = torch.from_numpy(np.stack([draw(target) for target in targets]))
        latents = latents_of(backbone.pipe.vae, pixels).float()
        said, weights = backbone.encode([r.prompt for r in requests]), weights_of(backbone.pipe.vae)
        steps = [noised(latents, torch.Generator().manual_seed(d)) for d in range(self.draws)]

        def errors(lent: Any) -> NDArray[np.float64]:
            each = [missed(lent.predict(s.latents, s.t, said), s.target, weights) for s in steps]
            return torch.stack(each).mean(0).double().numpy()

        with method.steer(profiles, requests) as lent:
            mine = errors(lent)
        return mine / errors(backbone).mean()

    # ---- pictures

    def _pictures(
        self, lab: Lab, called: Settings, by: Any, profiles: Sequence[Profile] | None
    ) -> dict[str, Any]:
        """What is told from them; other claims ask about the same pictures."""

        def make() -> dict[str, Any]:
            asked = Comparing(people=self.tested, prompts=self.prompts, history=self.history)
            wishes, requests = asked.asked()
            each = profiles and [one for one in profiles for _ in range(self.prompts)]
            pictures = made(requests, by, each)
            points = lab.clip().see([picture.pixels for picture in pictures])
            scores, who = scored(pictures, wishes, lab.judge()), [wish.person for wish in wishes]
            return {**vars(scores), "points": points, "people": who}

        asked = (self.tested, self.prompts, self.history)
        return lab.kept(("pictures", self.recipe, self.size, called, asked), make)

    def _seen(self, lab: Lab, seen: Mapping[str, Any]) -> list[Found]:
        mine, found = seen[self.called], []
        who = mine["people"]
        real = [scene for one, _ in self._people() for scene in one.liked[: self.prompts]]
        clouds = {name: way["points"] for name, way in seen.items()}
        far = distances({**clouds, REAL: lab.clip().see([draw(scene) for scene in real])})
        for name in self.others:
            gap, bound = stats.mean(mine["taste"] - seen[name]["taste"], who), self._bound("taste")
            found.append(Found(says=f"taste, {self.called} less {name}", figure=gap, above=bound))
            gap = half_draws((far[name] - far[self.called]) / far[self.called], self.tested)
            bound = self._bound("FD_clip")
            found.append(Found(says=f"FD_clip, {name} farther by", figure=gap, above=bound))
        for name, way in seen.items():
            found.append(Found(says=f"taste, {name}", figure=stats.mean(way["taste"], who)))
            found.append(Found(says=f"content, {name}", figure=stats.mean(way["content"], who)))
            figure = half_draws(far[name], self.tested)
            found.append(Found(says=f"FD_clip, {name}", figure=figure, percent=False))
        return found


def trained(lab: Lab, name: str, settings: Settings) -> Any:
    """The method a recipe trains, changed so; once for all who ask, and a stopped one goes on.

    No two train the same at a time, in runs with folders of their own either.
    """
    partners = PARTNERS.get(name, {})

    def make() -> Any:
        value: Any = changed(recipe(name), settings)
        if value.partners is not None:
            folders = {part: lab.folder(weights) for part, weights in partners.items()}
            value = replace(value, partners=type(value.partners)(**folders))
        run = lab.place(name, settings, list(partners.values()))
        with torch.random.fork_rng(devices=[]), nullcontext() if run is None else Lock(run):
            parts: Any = replace(value, cache=lab.cache).parts()
            for _ in fit(parts.modules, parts.items, parts.loss, value.fit, run=run):
                pass
        return parts.method

    return lab.kept(("trained", name, settings), make)
