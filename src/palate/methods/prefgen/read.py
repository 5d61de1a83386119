"""From a taste to embeddings: one pass of the reader gives e_sem and e_core, CLIP gives e_img."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from palate.backbones.clips import Clip
from palate.backbones.reader import Reader
from palate.backbones.recall import Recall
from palate.errors import BadInput, BadPicture, Mismatch
from palate.methods.prefgen.asking import Shown, Wording
from palate.methods.prefgen.model import Embedded
from palate.seeds import name_key, uniform

if TYPE_CHECKING:
    from jaxtyping import Float

Chosen = Literal["first", "random", "medoid", "mean"]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Which states of the last token are averaged; 0 is what goes into the first layer."""

    sem: tuple[int, ...]
    core: tuple[int, ...]

    def __post_init__(self) -> None:
        for name in ("sem", "core"):
            given = getattr(self, name)
            if not isinstance(given, list | tuple) or not given:
                raise BadInput(
                    f"layers.{name} is {given}; name one layer at least, as ({given or 9},)."
                )

    def check(self, reader: Reader) -> None:
        """A reader must have as many layers as are asked for."""
        if max(*self.sem, *self.core) > reader.layers:
            raise Mismatch(
                f"{reader.name} has {reader.layers} layers and this PrefGen reads layer "
                f"{max(*self.sem, *self.core)}. Use the reader it was trained with."
            )

    def of(self, states: Float[Tensor, "N L C"]) -> tuple[Tensor, Tensor]:
        """e_sem and e_core of some people."""
        return states[:, list(self.sem)].mean(1), states[:, list(self.core)].mean(1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One picture, looked at once: by the reader and by CLIP."""

    tokens: Float[Tensor, "T C"]
    point: Float[Tensor, " I"]
    prompt: str | None = None

    def told(self, prompt: str | None) -> Seen:
        """The same picture with what somebody said it shows."""
        return replace(self, prompt=prompt)


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """What one person showed, looked at."""

    liked: Sequence[Seen]
    disliked: Sequence[Seen] = ()

    def swapped(self) -> History:
        """Somebody who likes what this person does not; empty if nothing is disliked."""
        return History(liked=self.disliked, disliked=self.liked)


def look(
    pictures: Sequence[Pixels], prompts: Sequence[str | None], reader: Reader, clip: Clip
) -> list[Seen]:
    """Pictures through both eyes; what is worth keeping of each."""
    if not pictures:
        return []
    tokens, points = (_sane(eyes.see(pictures), eyes.name) for eyes in (reader, clip))
    both = zip(tokens, points, prompts, strict=True)
    return [Seen(tokens=tokens, point=point, prompt=prompt) for tokens, point, prompt in both]


def _sane(seen: Tensor, name: str) -> Tensor:
    bad = (~seen.isfinite()).flatten(1).any(1).int()
    if bad.any():
        raise BadPicture(
            f"What {name} saw in picture {int(bad.argmax()) + 1} of {len(seen)} is no number (NaN "
            "or infinite). Leave it out, or load that model in fp32."
        )
    return seen


def told(history: History) -> tuple[list[Shown], list[Seen]]:
    """A history as turns, liked and disliked in turn, and the pictures in the same order."""
    sides = [(seen, True) for seen in history.liked], [(seen, False) for seen in history.disliked]
    least = min(map(len, sides))
    mixed = [one for pair in zip(*sides, strict=False) for one in pair]
    mixed += [*sides[0][least:], *sides[1][least:]]
    shown = [Shown(i, liked, seen.prompt) for i, (seen, liked) in enumerate(mixed)]
    return shown, [seen for seen, _ in mixed]


def embedded(
    histories: Sequence[History],
    reader: Reader,
    layers: Layers,
    *,
    wording: Wording,
    image: Chosen = "medoid",
    recall: Recall | None = None,
) -> Embedded:
    """Everybody's embeddings in one batch; nobody's depend on the others.

    With a recall, one after the other, each from where an earlier history went on differently.
    """
    layers.check(reader)
    turns = [told(history) for history in histories]
    texts = [text_of(shown, reader, wording) for shown, _ in turns]
    seen = [torch.stack([one.tokens for one in pictures]) for _, pictures in turns]
    sem, core = layers.of((recall or reader).states(texts, seen))
    img = torch.stack([_point(history.liked, image) for history in histories])
    return Embedded(sem=sem, core=core, img=img.to(sem))


def text_of(shown: Sequence[Shown], reader: Reader, wording: Wording) -> str:
    """A history as the reader is told it; prompts are cut alike where it would take no more."""
    letters = max(len(one.prompt or "") for one in shown)
    while True:
        cut = [replace(one, prompt=one.prompt and one.prompt[:letters]) for one in shown]
        text = wording.history(cut) + wording.closing
        if len(text) <= reader.room or len(reader.tokens([text])[0]) <= reader.room:
            return text
        if not letters:
            raise Mismatch(
                f"{len(shown)} pictures do not fit into what {reader.name} can read at once "
                f"({reader.room} tokens). Show fewer."
            )
        letters = letters * 3 // 4


def _point(liked: Sequence[Seen], chosen: Chosen) -> Float[Tensor, " I"]:
    points = torch.stack([one.point for one in liked])
    if chosen == "mean":
        mean = points.mean(0)
        return mean / mean.norm().clamp_min(1e-6)
    places: Mapping[str, int] = {"first": 0, "medoid": medoid(points), "random": _any(points)}
    return points[places[chosen]]


def _any(points: Tensor) -> int:
    """Always the same for the same pictures."""
    key = int(points.sum().item() * 1e6)
    return int(uniform(name_key("e_img"), abs(key)) * len(points))


def medoid(points: Float[Tensor, "N D"]) -> int:
    """The point nearest to all others; the first of equals."""
    return int((points @ points.T).sum(1).argmax())


def spread(points: Float[Tensor, "N D"], count: int) -> list[int]:
    """The medoid, then again and again the point farthest from all chosen; in their own order.

    So hundreds of pictures become a history the reader can take, with nothing told twice.
    """
    chosen = [medoid(points)]
    near = points @ points[chosen[0]]
    while len(chosen) < min(count, len(points)):
        near[chosen] = torch.inf
        chosen.append(int(near.argmin()))
        near = torch.maximum(near, points @ points[chosen[-1]])
    return sorted(chosen)
