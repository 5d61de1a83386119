"""What turns a person and a prompt into directions of a FLUX-class model's modulation.

    prompt's tokens ──▶ queries ──┐
                                  ├─ cross-attention, three blocks ─▶ Δ, a row for each text token
    person's tokens ──▶ keys, values

Twice: `shared` gives one direction for all blocks of the base model, `distinct` one for each. They
know nothing of the diffusion's time, so what they say holds for all steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from palate.backbones import FLUX, Delta
from palate.errors import BadInput, Mismatch

if TYPE_CHECKING:
    from jaxtyping import Float

Blocks = Literal["double", "all"]
Branch = Literal["shared", "distinct"]
Start = Literal["silent", "small"]
BRANCHES: tuple[Branch, ...] = ("shared", "distinct")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large a modulator is and what it hears; these values are the released one's."""

    text: int = 4096  # width of the prompt's states (T5's)
    tokens: int = 30  # of a person …
    user: int = 1024  # … and their width
    width: int = 3072  # inside
    heads: int = 8
    layers: int = 3
    out: int = 3072  # width of the base model's modulation
    count: int = 19  # blocks that are modulated
    blocks: Blocks = "double"  # as released; "all" as the paper reads
    time: int = 64  # zeros that the released norms are given; only 0 saves their weights
    branches: tuple[Branch, ...] = BRANCHES
    empty: tuple[Branch, ...] = ()  # branches that hear "" in place of the prompt
    padding: Literal["each", "one"] = "each"  # as released; "one" direction for all of it

    def __post_init__(self) -> None:
        if not self.branches or not {*self.branches, *self.empty} <= set(BRANCHES):
            raise BadInput(
                f"The branches are {self.branches} and {self.empty} of them hear no prompt; name "
                f"one or both of {', '.join(BRANCHES)}."
            )
        if self.width % self.heads:
            raise BadInput(
                f"A modulator {self.width} wide cannot have {self.heads} heads; choose a number "
                "that divides its width."
            )

    def fitted(self, backbone: FLUX) -> Sizes:
        """The same for another base model: as wide as its text and its modulation."""
        if not isinstance(backbone, FLUX):
            raise Mismatch(
                f"Premier turns the modulation of FLUX-class models, and {backbone.name} is "
                f"{type(backbone).__name__}-class. Give a FLUX-class model."
            )
        model = backbone.pipe.transformer
        blocks = list(model.transformer_blocks)
        if self.blocks == "all":
            blocks += list(model.single_transformer_blocks)
        text = model.config.joint_attention_dim
        return replace(self, text=text, out=model.inner_dim, count=len(blocks))

    def check(self, backbone: FLUX) -> None:
        """Refuse a base model of other widths."""
        if self != (fitting := self.fitted(backbone)):
            mine, theirs = ((s.text, s.out, s.count) for s in (self, fitting))
            raise Mismatch(
                f"This modulator is made for (text, modulation, blocks) of {mine}, and "
                f"{backbone.name} has {theirs}. Use the base model it was trained with."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Directions:
    """Δ for some people and prompts, in pairs."""

    shared: Float[Tensor, "B S D"] | None = None
    each: Float[Tensor, "B S J D"] | None = None

    def parts(self) -> dict[Branch, Tensor]:
        """Those there are, by their branch."""
        both: dict[Branch, Tensor | None] = {"shared": self.shared, "distinct": self.each}
        return {name: part for name, part in both.items() if part is not None}

    def rows(self, rows: list[int], like: Tensor) -> Directions:
        """Some of them, as number format and device of `like`."""
        shared, each = (None if p is None else p[rows].to(like) for p in (self.shared, self.each))
        return Directions(shared=shared, each=each)

    def less(self, other: Directions) -> Directions:
        """From the other's to these."""
        pairs = ((self.shared, other.shared), (self.each, other.each))
        shared, each = (a - b if a is not None and b is not None else None for a, b in pairs)
        return Directions(shared=shared, each=each)

    def delta(
        self, sizes: Sizes, strength: float | tuple[float, ...] = 1.0, onset: float = 0.0
    ) -> Delta:
        """As the base model takes it, from some share of the steps on."""
        return Delta(
            shared=self.shared,
            each=self.each,
            strength=strength,
            blocks=sizes.blocks,
            onward=sizes.padding == "one",
            window=(onset, 1.0),
        )


class Modulator(nn.Module):
    """Both branches, or one of them."""

    def __init__(self, sizes: Sizes, *, start: Start = "silent", seed: int = 0) -> None:
        super().__init__()
        self.sizes = sizes
        outs: dict[Branch, int] = {"shared": 1, "distinct": sizes.count}
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.branches = nn.ModuleDict(
                {name: _Adapter(sizes, outs[name]) for name in sizes.branches}
            )
            _begin(self.branches, start)

    def forward(
        self,
        people: Float[Tensor, "B T U"],
        said: Float[Tensor, "B S C"],
        nothing: Float[Tensor, "1 S C"],
    ) -> Directions:
        """Δ of each person for what is said; `nothing` is the empty prompt."""
        made: dict[str, Any] = {}
        for name, branch in self.branches.items():
            heard = nothing.expand_as(said) if name in self.sizes.empty else said
            made[name] = branch(people, heard)
        shared = made.get("shared")
        return Directions(
            shared=None if shared is None else shared[:, :, 0], each=made.get("distinct")
        )


class _Adapter(nn.Module):
    """One branch: the text asks, the person answers."""

    def __init__(self, sizes: Sizes, outs: int) -> None:
        super().__init__()
        self.outs = outs
        self.text = nn.Linear(sizes.text, sizes.width)
        self.user = nn.Linear(sizes.user, sizes.width)
        self.layers = nn.ModuleList(_Block(sizes) for _ in range(sizes.layers))
        self.out = nn.Linear(sizes.width, outs * sizes.out)
        self.norm = nn.LayerNorm(outs * sizes.out)

    def forward(
        self, people: Float[Tensor, "B T U"], said: Float[Tensor, "B S C"]
    ) -> Float[Tensor, "B S J D"]:
        asking, answering = self.text(said), self.user(people)
        for layer in self.layers:
            asking = layer(asking, answering)
        return self.norm(self.out(asking)).unflatten(2, (self.outs, -1))


class _Block(nn.Module):
    """q + attention(q, person), then q + MLP(q) with squared ReLUs."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        self.asks, self.answers, self.thinks = (_Norm(width, sizes.time) for _ in range(3))
        self.attention = nn.MultiheadAttention(width, sizes.heads, batch_first=True)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, q: Float[Tensor, "B S W"], person: Float[Tensor, "B T W"]) -> Tensor:
        told = self.answers(person)
        q = q + self.attention(self.asks(q), told, told, need_weights=False)[0]
        return q + self.narrow(F.relu(self.wide(self.thinks(q))).square())


class _Norm(nn.Module):
    """A LayerNorm without gains, then a learned shift and scale.

    The released ones are a linear map of a time that is always zeros: only its bias acts.
    """

    def __init__(self, width: int, time: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2 * width, time)) if time else None
        self.bias = nn.Parameter(torch.zeros(2 * width))

    def forward(self, x: Float[Tensor, "B L W"]) -> Float[Tensor, "B L W"]:
        both = self.bias
        if self.weight is not None:
            both = F.linear(x.new_zeros(self.weight.shape[1]), self.weight, both)
        shift, scale = both.chunk(2)
        return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


@torch.no_grad()
def _begin(branches: nn.ModuleDict, start: Start) -> None:
    """`silent`: Δ is 0. `small`, as released: every weight, gains too, has a deviation of 0.01."""
    for branch in branches.values():
        assert isinstance(branch, _Adapter)
        if start == "silent":
            branch.norm.weight.zero_()
            continue
        for name, weight in branch.named_parameters():
            if "bias" in name:
                weight.zero_()
            else:
                weight.normal_(0, 0.01)
