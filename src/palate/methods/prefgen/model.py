"""What PrefGen trains beside the reader: an aligner, and a conditioner of the base model.

    e_sem ── Aligner (6 layers) ──▶ ê_sem ┐
    e_core ──────────────────────────────┼─▶ Conditioner ──▶ tokens ──▶ VoiceAdapter
    e_img ───────────────────────────────┘

Of what the paper leaves open: four tokens for each component, through a linear map of its own and
one norm for all, as IP-Adapter's, so that stock pipelines can say them; a person nobody knows is
zeros before that map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from jaxtyping import Float

Fusion = Literal["concat", "attention"]
Component = Literal["sem", "core", "img"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedded:
    """e_u of some people: what they like (sem), who they are (core), how it looks (img)."""

    sem: Float[Tensor, "N S"]
    core: Float[Tensor, "N C"]
    img: Float[Tensor, "N I"]

    def rows(self, rows: slice) -> Embedded:
        """Some of the people."""
        return Embedded(sem=self.sem[rows], core=self.core[rows], img=self.img[rows])

    def kept(self, keep: Float[Tensor, " N"]) -> Embedded:
        """Rows times 1 or 0; a person of zeros is nobody in particular."""
        sem, core, img = (part * keep[:, None] for part in (self.sem, self.core, self.img))
        return Embedded(sem=sem, core=core, img=img)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Widths of the embeddings that come in and of the tokens that go out."""

    sem: int
    core: int
    img: int
    text: int  # of the space e_sem is brought to
    token: int
    each: int = 4  # tokens for each component
    inner: int = 256
    fusion: Fusion = "concat"
    components: tuple[Component, ...] = ("sem", "core", "img")


class Aligner(nn.Module):
    """Six linear layers from e_sem to the text space; norm and GELU between them."""

    def __init__(self, sem: int, text: int, inner: int, layers: int = 6) -> None:
        super().__init__()
        blocks: list[nn.Module] = [nn.LayerNorm(sem)]
        for before in (sem, *[inner] * (layers - 2)):
            blocks += [nn.Linear(before, inner), nn.LayerNorm(inner), nn.GELU()]
        self.layers = nn.Sequential(*blocks, nn.Linear(inner, text))

    def forward(self, sem: Float[Tensor, "N S"]) -> Float[Tensor, "N D"]:
        """Not normalised: lengths are part of what is aligned."""
        return self.layers(sem)


class Conditioner(nn.Module):
    """e_u as tokens for a voice."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        widths = {"sem": sizes.text, "core": sizes.core, "img": sizes.img}
        named = "sem" in sizes.components
        self.aligner = Aligner(sizes.sem, sizes.text, sizes.inner) if named else None
        self.heads = nn.ModuleDict(
            {name: nn.Linear(widths[name], sizes.token * sizes.each) for name in sizes.components}
        )
        self.norm = nn.LayerNorm(sizes.token)
        self.fusion = _Attention(sizes) if sizes.fusion == "attention" else None

    def forward(self, people: Embedded) -> Float[Tensor, "N T C"]:
        """`each` tokens for each component, of everybody."""
        parts = self.parts(people)
        said = torch.cat([head(parts[name]) for name, head in self.heads.items()], 1)
        tokens = self.norm(said.unflatten(1, (-1, self.sizes.token)))
        return self.fusion(tokens) if self.fusion else tokens

    def parts(self, people: Embedded) -> dict[str, Tensor]:
        """What the tokens are made of, by component: e_u = [ê_sem; e_core; e_img]."""
        parts = {"sem": self.aligned(people.sem), "core": people.core, "img": people.img}
        return {name: parts[name] for name in self.sizes.components}

    def aligned(self, sem: Float[Tensor, "N S"]) -> Float[Tensor, "N D"]:
        """e_sem in the text space; nobody's zeros stay zeros."""
        if self.aligner is None:
            return sem
        return self.aligner(sem) * (sem.abs().sum(1, keepdim=True) > 0)

    def nobody(self) -> Float[Tensor, "1 T C"]:
        """The tokens of nobody in particular."""
        zeros = (torch.zeros(1, n) for n in (self.sizes.sem, self.sizes.core, self.sizes.img))
        device = next(self.parameters()).device
        sem, core, img = (part.to(device) for part in zeros)
        return self(Embedded(sem=sem, core=core, img=img))


class _Attention(nn.Module):
    """The paper's rival of concatenation: learned queries look at all components' tokens."""

    def __init__(self, sizes: Sizes, heads: int = 4) -> None:
        super().__init__()
        count = len(sizes.components) * sizes.each
        self.queries = nn.Parameter(torch.randn(count, sizes.token) * 0.02)
        self.attention = nn.MultiheadAttention(sizes.token, heads, batch_first=True)
        self.norm = nn.LayerNorm(sizes.token)

    def forward(self, tokens: Float[Tensor, "N T C"]) -> Float[Tensor, "N T C"]:
        queries = self.queries.expand(len(tokens), -1, -1)
        seen, _ = self.attention(queries, tokens, tokens, need_weights=False)
        return self.norm(queries + seen)
