"""Many people before the same pictures: what each of them likes and dislikes of what is shown.

The pictures are drawn at random, so that thousands of people cost no more drawing than one. Each
likes some of them, as often as the drawn world would have drawn them for that person: a picture's
weight is how much likelier its look is among what they like than among all pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.errors import BadInput
from palate.methods.premier.eyes import Sees, mark, points
from palate.methods.premier.users import LEAST, Known
from palate.recipes.cached import cached
from palate.recipes.captions import Seen, scene_in
from palate.recipes.crowd import Crowd
from palate.recipes.generating import TRAIN_FROM, encoded, latents_name
from palate.recipes.looks import has
from palate.seeds import name_key, uniform
from palate.sketchbook.people import World, affinities, likelier
from palate.sketchbook.scenes import Scene, codes_of

if TYPE_CHECKING:
    from jaxtyping import Float

Which = list[NDArray[np.int64]]  # of each person, the numbers of some pictures


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """How much is shown to how many."""

    people: int
    shown: int  # pictures
    likes: tuple[int, int]  # pictures of a person: from, to
    dislikes: int

    def __post_init__(self) -> None:
        least, most = self.likes
        if not LEAST <= least <= most or self.dislikes < LEAST or self.people < 2:
            raise BadInput(
                f"{self.people} people with {least} to {most} liked and {self.dislikes} disliked "
                f"pictures were asked for; two people, with {LEAST} pictures on either side, are "
                "the least that can be told apart."
            )
        if self.shown < most + self.dislikes:
            raise BadInput(
                f"{self.shown} pictures are shown, of which somebody is to like {most} and dislike "
                f"{self.dislikes}. Show more."
            )

    @cached_property
    def scenes(self) -> list[Scene]:
        """What is shown; more pictures begin with the same ones."""
        return [scene_in("train", TRAIN_FROM + number) for number in range(self.shown)]

    def numbers(self) -> NDArray[np.int64]:
        """Who is asked."""
        return Crowd(split="train", people=self.people, pairs=1).numbers()

    def chosen(self, world: World | None = None) -> tuple[Which, Which]:
        """What each of them likes and dislikes."""
        world, (least, most) = world or World(), self.likes
        shown = self.values().double().numpy()
        liked, disliked = [], []
        for number, affinity in zip(self.numbers(), affinities(self.numbers(), world), strict=True):
            count = least + int(uniform(name_key("likes"), number) * (1 + most - least))
            luck = uniform(number, name_key("shown"), np.arange(2)[:, None], np.arange(self.shown))
            sides = np.stack([likelier(sign * affinity, world) for sign in (1, -1)], axis=1)
            likes, dislikes = (shown @ np.log(sides)).T
            liked.append(drawn(likes, luck[0], count))
            dislikes[liked[-1]] = -np.inf
            disliked.append(drawn(dislikes, luck[1], self.dislikes))
        return liked, disliked

    def values(self) -> Float[Tensor, "shown 50"]:
        """Of each picture, a 1 for each of its values."""
        return has(torch.from_numpy(codes_of(self.scenes)))

    # ---- what is seen of it

    def latents(self, vae: torch.nn.Module, cache: Path | None) -> NDArray[np.float16]:
        """All pictures as latents; with a folder, once, and not if a generator's lot is there."""

        def look(pictures: Tensor) -> Tensor:
            return encoded(vae, pictures)

        if cache is None:
            return self._seen(look)
        for path in sorted(cache.glob(latents_name(vae, 0.0, "*"))):
            rows = np.load(path, mmap_mode="r")
            if len(rows) >= self.shown:
                return rows[: self.shown]
        return cached(self._pictures, cache / latents_name(vae, 0.0, self.shown), look).rows

    def points(self, sees: Sees, cache: Path | None) -> Float[Tensor, "shown F"]:
        """What a CLIP or a reader sees in all pictures; with a folder, looked at once."""

        def look(pictures: Tensor) -> Tensor:
            return points(sees, list(pictures.numpy()))

        name = f"points-{self.shown}-{mark(sees).fingerprint[:12]}.npy"
        rows = cached(self._pictures, cache / name, look).rows if cache else self._seen(look)
        return torch.from_numpy(np.asarray(rows, np.float32))

    @property
    def _pictures(self) -> Seen:
        return Seen(first=TRAIN_FROM, count=self.shown)

    @torch.no_grad()
    def _seen(self, look: Callable[[Tensor], Tensor], at_once: int = 64) -> NDArray[np.float16]:
        seen, found = self._pictures, []
        for start in range(0, self.shown, at_once):
            some = [seen[i][1] for i in range(start, min(start + at_once, self.shown))]
            found.append(look(torch.from_numpy(np.stack(some))).float().cpu().numpy())
        return np.concatenate(found).astype(np.float16)


def drawn(logits: NDArray[np.float64], luck: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Numbers of `count` pictures, none twice, drawn one after the other by exp(logits).

    All at once: the winners of a race in which each starts at its logit, plus Gumbel noise.
    """
    race = logits - np.log(-np.log(luck + 2.0**-54))
    return np.sort(np.argpartition(-race, count - 1)[:count])


def known(points: Float[Tensor, "shown A"], chosen: tuple[Which, Which]) -> Known:
    """Where the pictures lie that everybody likes and dislikes."""
    liked, disliked = ([points[which] for which in side] for side in chosen)
    return Known.of(liked, disliked)
