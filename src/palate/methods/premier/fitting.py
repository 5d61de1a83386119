"""Somebody new by gradients, on the flow of the pictures they like: as published, and its rival.

coefficients   one free number for each trained person; nothing makes them positive or sum to 1
embedding      the person's tokens themselves
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from palate.backbones import FLUX, Embeddings
from palate.backbones.builtin import latents_of
from palate.errors import Mismatch
from palate.images import open_picture
from palate.learn.fit import fit
from palate.learn.settings import Fit
from palate.methods.premier.hearing import Prompts
from palate.methods.premier.loss import flow, on_the_way
from palate.methods.premier.model import Modulator
from palate.methods.premier.newcomers import combined
from palate.types import Example

if TYPE_CHECKING:
    from jaxtyping import Float

What = Literal["coefficients", "embedding"]
Off = Callable[[Tensor, Tensor], Tensor]  # the flow that was guessed and the true one: how far off


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """What is learned of a newcomer, from where, and how."""

    fit: Fit
    what: What = "coefficients"
    begin: Literal["anew", "pictures"] = "anew"  # or where the pictures place them at once
    shift: float = 1.0  # times are sigmoid(normal + shift), as released


_PRODIGY: dict[str, Any] = {"use_bias_correction": True, "safeguard_warmup": True}
PUBLISHED = Fitting(  # the paper's numbers; the released script has AdamW, 0.01, one picture a step
    fit=Fit(
        steps=5000, batch=2, lr=1.0, optimizer="prodigy", options=_PRODIGY, weight_decay=1e-4,
        schedule="constant", clip=0.5, log_every=100, checkpoint_steps=None,
    )
)  # fmt: skip
DIRECT = Fitting(fit=PUBLISHED.fit, what="embedding")
AFTER = Fitting(  # a few steps more for whom pictures placed already; c_k is some 1/N
    fit=Fit(steps=50, batch=4, lr=1e-4, weight_decay=0.0, log_every=50, checkpoint_steps=None),
    begin="pictures",
)


class Newcomer(nn.Module):
    """A person who is being learned; calling it gives their tokens."""

    def __init__(
        self,
        table: Float[Tensor, "N T U"],
        what: What,
        weights: Float[Tensor, " N"] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        stream = torch.Generator().manual_seed(seed)
        self.table: Tensor
        self.register_buffer("table", table.detach(), persistent=False)
        self.weights = self.user = None
        if what == "embedding":
            start = torch.empty(table.shape[1:]).uniform_(-0.001, 0.001, generator=stream)
            self.user = nn.Parameter(start if weights is None else combined(table, weights))
        else:
            reach = (6 / (1 + len(table))) ** 0.5  # Xavier's, as released
            start = torch.empty(len(table)).uniform_(-reach, reach, generator=stream)
            self.weights = nn.Parameter(start if weights is None else weights.clone())

    def forward(self) -> Float[Tensor, "T U"]:
        """Who they are so far."""
        if self.user is not None:
            return self.user
        assert self.weights is not None
        return combined(self.table, self.weights)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Liked:
    """Item i: its number and its latents."""

    latents: Float[Tensor, "n C H W"]

    def __len__(self) -> int:
        return len(self.latents)

    def __getitem__(self, index: int) -> tuple[int, Tensor]:
        return index, self.latents[index]


def fitted(
    newcomer: Newcomer,
    liked: Sequence[Example],
    how: Fitting,
    *,
    modulator: Modulator,
    backbone: FLUX,
    off: Off = flow,
) -> Float[Tensor, "T U"]:
    """The newcomer once trained; the base model, the modulator and the other people stay."""
    prompts = Prompts.of(backbone, told(liked), modulator.sizes)
    weight = next(modulator.parameters())

    def lent(rows: list[int]) -> AbstractContextManager[FLUX]:
        people = newcomer().expand(len(rows), -1, -1)
        turned = modulator(people, *prompts.heard(rows, weight))
        return backbone.modulating(turned.delta(modulator.sizes))

    learn(
        {"newcomer": newcomer}, liked, prompts.text, how.fit, backbone, lent,
        shift=how.shift, off=off,
    )  # fmt: skip
    return newcomer().detach()


def learn(
    modules: Mapping[str, nn.Module],
    liked: Sequence[Example],
    text: Embeddings,
    how: Fit,
    backbone: FLUX,
    lent: Callable[[list[int]], AbstractContextManager[FLUX]],
    *,
    shift: float,
    off: Off = flow,
) -> None:
    """Train on the flow of these pictures; `lent` is the base model as it is to see some of them.

    The first rows of `text` are their prompts. Times are sigmoid(normal + shift).
    """

    def loss(batch: tuple[Tensor, Tensor], generator: torch.Generator) -> Tensor:
        which, x = batch
        noise = torch.randn(x.shape, generator=generator).to(x)
        times = (shift + torch.randn(len(x), generator=generator)).sigmoid().to(x)
        there, target = on_the_way(x, noise, times)
        rows = which.tolist()
        with lent(rows) as model:
            guess = model.predict(there, 1000 * times, text.rows(rows))
        return off(guess, target)

    items = _Liked(latents=latents_in(backbone, liked))
    with torch.random.fork_rng(devices=[]):  # a training draws from the global generator
        for _ in fit(modules, items, loss, how):
            pass


def told(examples: Sequence[Example]) -> list[str]:
    """Their prompts; "" where there is none."""
    return [example.prompt or "" for example in examples]


@torch.no_grad()
def latents_in(backbone: FLUX, examples: Sequence[Example]) -> Float[Tensor, "n C H W"]:
    """Pictures at the size the base model makes, as it makes them."""
    vae, size = backbone.pipe.vae, (backbone.defaults.width, backbone.defaults.height)
    if vae.config.latent_channels * 4 != backbone.pipe.transformer.config.in_channels:
        raise Mismatch(f"The autoencoder of {backbone.name} has other latents than its model.")
    pictures = [_sized(open_picture(example.image), size) for example in examples]
    found = torch.cat([latents_of(vae, torch.from_numpy(p)[None]) for p in pictures]).float()
    return (found - vae.config.shift_factor) * vae.config.scaling_factor


def _sized(pixels: Any, size: tuple[int, int]) -> Any:
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
