"""What a reader that counts would know of a person, which ours learns beside its answers.

A yes or no says little, and much of it is chance: from answers alone, after 1,000 steps of 32
people, a reader still guessed, and what people truly like taught it no better. But what can be
known of them so far is not chance. Heads lay out the way, from lower layers to upper ones: the look
of a picture; the look as it was judged, liked values above nothing and disliked ones below; the
tally of all that was judged so far; how a picture fits it. They are left behind in the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from palate.backbones.reader import Reader
from palate.methods.prefgen.prefdisc import UNASKED, Packed
from palate.recipes.looks import spread
from palate.recipes.standing import hearing
from palate.sketchbook.vocabulary import SIZES

if TYPE_CHECKING:
    from jaxtyping import Float, Int

LAYERS = {"look": 6 / 16, "verdict": 8 / 16, "tally": 11 / 16, "fit": 14 / 16}  # read from where
VALUES = sum(SIZES)


@dataclass(frozen=True, kw_only=True)
class Known:
    """How much what is known beside the answers counts."""

    look: float = 0.5  # the mean of twelve dimensions
    verdict: float = 1.0
    tally: float = 3.0
    fit: float = 3.0

    def total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """All in one."""
        return parts["loss"] + sum(weight * parts[name] for name, weight in vars(self).items())


class Knowing(nn.Module):
    """From states of the text model to what counting says of pictures and the person."""

    def __init__(self, width: int) -> None:
        super().__init__()
        for name in LAYERS:
            said = 1 if name == "fit" else VALUES
            setattr(self, name, nn.Sequential(nn.LayerNorm(width), nn.Linear(width, said)))

    def missed(
        self,
        heard: Mapping[str, Float[Tensor, "N L C"]],
        turns: Turns,
        looks: Int[Tensor, "N P 12"],
    ) -> dict[str, Tensor]:
        """How far off each head is, for pictures in the order of the text. Heads that know nothing
        miss verdicts, tallies and fits by about 1."""
        true = counted(looks.to(heard["look"].device).long(), turns.signs.to(heard["look"].device))
        values = self._at("look", heard, turns.open).flatten(0, 1).split(SIZES, 1)
        codes = looks.to(values[0].device).long().flatten(0, 1)
        look = [F.cross_entropy(one, codes[:, n]) for n, one in enumerate(values)]
        verdict = off(self._at("verdict", heard, turns.said), true.verdicts)
        tally = off(self._at("tally", heard, turns.said), true.tallies[:, 1:])
        before = off(self._at("tally", heard, turns.open[:, 1:]), true.before[:, 1:])
        end = off(self._at("tally", heard, turns.end), true.tallies[:, -1:])
        fit = off(self._at("fit", heard, turns.open[:, 1:]), true.fits[:, 1:])
        return {
            "look": torch.stack(look).mean(),
            "verdict": verdict,
            "tally": (tally + before + end) / 3,
            "fit": fit,
        }

    def _at(
        self, name: str, heard: Mapping[str, Tensor], places: Int[Tensor, "N K"]
    ) -> Float[Tensor, "N K D"]:
        states = heard[name]
        each = torch.arange(len(states), device=states.device)[:, None]
        return getattr(self, name)(states[each, places.to(states.device)]).float()


@dataclass(frozen=True, eq=False)
class Turns:
    """Where things stand in rows of equally many pictures, H told and two asked about."""

    open: Int[Tensor, "N H+2"]  # the ends of questions
    said: Int[Tensor, "N H"]  # the answers of the history
    signs: Float[Tensor, "N H"]  # 1 where they say yes, -1 where no
    end: Int[Tensor, "N 1"]  # where the question ends that asks what the person likes

    @classmethod
    def of(cls, rows: Packed, yes: int) -> Turns:
        """As the rows have them."""
        before = (rows.told != UNASKED).nonzero()[:, 1].view(len(rows.told), -1)
        signs = (rows.told.gather(1, before) == yes).float() * 2 - 1
        end = (rows.said != UNASKED).int().argmax(1, keepdim=True)
        return cls(torch.cat([before, rows.asked], 1), before + 1, signs, end)


@dataclass(frozen=True, eq=False)
class Counted:
    """What a reader that counts knows at each turn."""

    verdicts: Float[Tensor, "N H 50"]
    tallies: Float[Tensor, "N H+1 50"]  # after so many turns; the first is nothing
    before: Float[Tensor, "N H+2 50"]  # as each question is asked
    fits: Float[Tensor, "N H+2 1"]


def counted(looks: Int[Tensor, "N P 12"], signs: Float[Tensor, "N H"]) -> Counted:
    """A tally is the mean of the verdicts so far; a picture's fit is its product with the tally."""
    has, told = spread(looks), signs.shape[1]
    verdicts = signs[..., None] * has[:, :told]
    turns = torch.arange(1, told + 1, device=looks.device)[None, :, None]
    tallies = F.pad(verdicts.cumsum(1) / turns, (0, 0, 1, 0))
    before = torch.cat([tallies, tallies[:, -1:]], 1)  # both last questions follow all the rest
    return Counted(verdicts, tallies, before, (before * has).sum(-1, keepdim=True))


def off(guess: Float[Tensor, "N K D"], true: Float[Tensor, "N K D"]) -> Float[Tensor, ""]:
    """The squared error as a share of what is there to know, every turn alike."""
    scale = true.square().mean((0, 2)).clamp_min(1e-6)
    return ((guess - true).square().mean((0, 2)) / scale).mean()


@contextmanager
def listening(reader: Reader) -> Iterator[dict[str, list[Tensor]]]:
    """What goes into the layers that heads read, while this lasts."""
    layers = reader.model.model.text_model.layers
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(hearing(layers[int(share * len(layers))]))
            for name, share in LAYERS.items()
        }
