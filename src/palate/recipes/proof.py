"""A proof-reader of latents: what stands where and how it looks, read off what a generator paints.

Heads beside a flow teach a generator to know its prompt, and what it knows it need not paint: most
of a flow's error is grain. From the latents x_s = (1 - s) x + s n and a flow f a picture can be
foretold before it is done,

    x = x_s - s f                                                                           (1)

and a proof that learned from drawings alone says whether that is the picture that was asked for.
It never sees what a generator makes while it learns, so the two can agree on no code of their own;
it is not the judge, and reads latents where the judge reads pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from palate.backbones.builtin import folder_of
from palate.recipes.arranged import Arranged
from palate.recipes.standing import Standing
from palate.sketchbook.scenes import Scene

if TYPE_CHECKING:
    from jaxtyping import Float, Int

UNTIL = 0.95  # how near to noise there is still something to read
CLEAR = 0.8  # how near to noise a drawing still says what its things look like
_GROUPS = 8


class Proof(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="palate",
    license="apache-2.0",
    tags=["sketchbook"],
):
    """A small U-Net of residual blocks at the latents' size and at half of it, under its heads."""

    def __init__(self, channels: int = 8, side: int = 16, width: int = 64, inner: int = 96) -> None:
        super().__init__()
        self.near = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), Residual(width), Residual(width)
        )
        self.far = nn.Sequential(
            nn.Conv2d(width, inner, 3, 2, 1), Residual(inner), Residual(inner),
            nn.Conv2d(inner, width, 1),
        )  # fmt: skip
        self.last = nn.Sequential(Residual(width), nn.GroupNorm(_GROUPS, width), nn.SiLU())
        self.heads = Standing(width, side)
        self.arranged = Arranged(width)

    def forward(self, latents: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """What it knows of each place before it decides."""
        return self.sees(latents)[-1]

    def sees(self, latents: Float[Tensor, "B C H W"]) -> tuple[Tensor, ...]:
        """What it knows at each depth: from near, from far, and in the end."""
        near = self.near(latents)
        far = self.far(near)
        return near, far, self.last(near + F.interpolate(far, scale_factor=2.0))

    def missed(
        self, latents: Float[Tensor, "B C H W"], scenes: Sequence[Scene]
    ) -> dict[str, Tensor]:
        """How surprised it is by what stands where in these scenes, by their looks, and by who is
        there and how."""
        knows = self(latents)
        told = self.heads.missed(knows, scenes)
        return {**told, "arranged": self.arranged.missed(knows, scenes)}


class Residual(nn.Module):
    """Two convolutions beside nothing; at first it changes nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.GroupNorm(_GROUPS, width), nn.SiLU(), _convolution(width))
        self.other = nn.Sequential(nn.GroupNorm(_GROUPS, width), nn.SiLU(), _convolution(width))
        nn.init.zeros_(self.other[-1].weight)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) to the same."""
        return x + self.other(self.one(x))


def _convolution(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, padding=1)


def load_proof(folder: Path | str | None, vae: Any, setting: str) -> Proof:
    """One that a training left, at rest; None makes a toy for this VAE, for tests."""
    if folder is None:
        with torch.random.fork_rng(devices=[]):  # the same one each time
            torch.default_generator.manual_seed(0)
            proof = Proof(vae.config.latent_channels, width=16, inner=16)
    else:
        proof = Proof.from_pretrained(folder_of(folder, "proof", "sketchbook-proof", setting))
    return proof.float().eval().requires_grad_(False)


def foretold(
    latents: Float[Tensor, "B C H W"], t: Float[Tensor, " B"], flow: Float[Tensor, "B C H W"]
) -> Float[Tensor, "B C H W"]:
    """(1): the picture a flow leads to, t being 1000 s."""
    return latents - (t / 1000)[:, None, None, None] * flow


@dataclass(frozen=True, kw_only=True, eq=False)
class Ahead:
    """What a proof knows of the pictures a flow leads to; rows too near to noise are left out."""

    rows: Int[Tensor, " N"]
    t: Float[Tensor, " N"]
    knows: tuple[Tensor, ...]  # at each depth
    share: float  # of all rows


def ahead(
    proof: Proof,
    latents: Float[Tensor, "B C H W"],
    t: Float[Tensor, " B"],
    flow: Float[Tensor, "B C H W"],
) -> Ahead:
    """Read once, whatever is then asked of it."""
    rows = (t < 1000 * UNTIL).nonzero().flatten()
    found = foretold(latents[rows], t[rows], flow[rows].float())
    knows = proof.to(found.device).sees(found) if len(rows) else ()
    return Ahead(rows=rows, t=t[rows], knows=knows, share=len(rows) / len(t))


def misread(proof: Proof, seen: Ahead, scenes: Sequence[Scene]) -> Tensor:
    """How surprised a proof is, place and look together, by what is painted; a mean over rows.

    Rows that are left out count as none.
    """
    if not seen.knows:
        return seen.t.new_zeros(())
    told = proof.heads.missed(seen.knows[-1], [scenes[row] for row in seen.rows.tolist()])
    return (told["standing"] + told["look"]) * seen.share


def unlike(proof: Proof, seen: Ahead, clean: Float[Tensor, "B C H W"]) -> Tensor:
    """How unlike the drawing a flow leads to a picture is, to a proof's eyes; a mean over rows.

    At each place the angle between what it knows of the one and of the other, (2) summed over
    depths: sum |a / |a| - b / |b||^2. An edge in the wrong place costs no more than none at all in
    squares of latents, and half of it is what such squares like best; here it costs most.
    """
    clear = seen.t < 1000 * CLEAR
    if not clear.any():
        return seen.t.new_zeros(())
    with torch.no_grad():
        truth = proof.sees(clean[seen.rows[clear]].float())
    each = [
        (F.normalize(one[clear], dim=1) - F.normalize(other, dim=1)).square().sum(1).mean()
        for one, other in zip(seen.knows, truth, strict=True)
    ]
    return torch.stack(each).sum() * clear.float().mean() * seen.share
