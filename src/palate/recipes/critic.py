"""A critic: tells drawings from what a generator painted, and learns while the generator does.

A proof says whether a picture can be read, and to be read is not yet to be seen: a generator held
to a proof alone paints what the proof looks for, in patches. A critic D looks at whole latents x of
drawings and at x' that were painted, both knowing what was asked for, and

    min over D of  mean max(0, 1 - D(x)) + mean max(0, 1 + D(x'))                           (1)
                   + smooth * mean (D(x + sigma n) - D(x))^2, the same for x'               (2)
    min over the generator of  - mean D(x')                                                 (3)

(2) is the finite form of a penalty on the critic's slope (Lin et al., 2025): no second derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call

from palate.backbones.judges import NOBODY, truth
from palate.recipes.arranged import KINDS
from palate.recipes.proof import Proof
from palate.recipes.unaided import Asked
from palate.sketchbook.scenes import Scene, codes_of
from palate.sketchbook.vocabulary import OFFSETS, VALUES

if TYPE_CHECKING:
    from jaxtyping import Float

SIGMA = 0.1  # of latents, which spread about 1
SMOOTH = 10.0
KNOWN = len(VALUES) + sum(KINDS.values())


class Critic(nn.Module):
    """A proof that goes on learning: from what it knows of each place, how like a drawing it is."""

    def __init__(self, proof: Proof) -> None:
        super().__init__()
        width = proof.heads.look.in_features
        self.proof = deepcopy(proof).requires_grad_(True)
        for head in ("heads", "arranged"):
            setattr(self.proof, head, nn.Identity())
        self.score = nn.Conv2d(width, 1, 1)
        self.about = nn.Linear(KNOWN, width, bias=False)
        nn.init.zeros_(self.about.weight)

    def forward(
        self, latents: Float[Tensor, "B C H W"], known: Float[Tensor, "B K"]
    ) -> Float[Tensor, "B H W"]:
        """Above 0 where it takes them for a drawing of what is known."""
        seen = self.proof(latents)
        fitting = torch.einsum("bdhw,bd->bhw", seen, self.about(known))
        return self.score(seen)[:, 0] + fitting / seen.shape[1] ** 0.5

    def found(
        self,
        drawn: Float[Tensor, "B C H W"],
        painted: Float[Tensor, "B C H W"],
        known: Float[Tensor, "B K"],
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """What it has to learn, (1) and (2), and what the generator has, (3)."""
        both = torch.cat([drawn, painted.detach().to(drawn)])
        grain = SIGMA * torch.randn(both.shape, generator=generator).to(both)
        said = self(torch.cat([both, both + grain]), known.repeat(4, 1)).float()
        sharp, shaken = said.chunk(2)
        drawing, painting = sharp.chunk(2)
        at_rest = {name: weight.detach() for name, weight in self.named_parameters()}
        taken = functional_call(self, at_rest, (painted, known)).float()
        told = apart(drawing, painting) + SMOOTH * (shaken - sharp).square().mean()
        return {"told": told, "taken": -taken.mean()}


def apart(drawing: Tensor, painting: Tensor) -> Float[Tensor, ""]:
    """(1): 0 where each drawing has 1 or more and what is painted -1 or less."""
    return (1 - drawing).clamp(min=0).mean() + (1 + painting).clamp(min=0).mean()


def known(scenes: Sequence[Scene], asked: Asked) -> Float[Tensor, "B K"]:
    """What is asked for as ones among zeros: named values, who stands where, and how.

    A favourite that the drawing of a scene does not have is left out: of drawings it would be no
    truth, and a critic could tell by that.
    """
    rows = torch.zeros(len(scenes), KNOWN)
    there = asked.named & (asked.values == torch.from_numpy(codes_of(scenes)))
    rows.scatter_(1, asked.values + torch.tensor(OFFSETS), there.float())
    begin, truths = len(VALUES), [truth(scene) for scene in scenes]
    for name, kinds in KINDS.items():
        for row, told in zip(rows, truths, strict=True):
            if told[name] != NOBODY:
                row[begin + told[name]] = 1
        begin += kinds
    return rows
