"""What a preference adds to a text, once what the text says itself is taken away (Instant).

The paper's formulas are not public. (R1) to (R3) are reconstructions from its abstract and a
summary: E is the embedding of a text, P of the preference's keywords, S tokens of width D.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from palate.errors import unknown

if TYPE_CHECKING:
    from jaxtyping import Float

Mode = Literal["token", "span", "global", "pooled", "added"]
MODES: tuple[str, ...] = get_args(Mode)
_SAME = 1e-4  # of the largest singular value; near-equal words must not take two directions


def off_each(p: Float[Tensor, "*B D"], e: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
    """(R1, token and pooled) p_t - (p_t e_t / |e_t|^2) e_t: at a right angle in every row.

    Where p_t and e_t are the same, as at CLIP's first token, nothing is left.
    """
    p, e = torch.broadcast_tensors(p, e)
    share = (p * e).sum(-1, keepdim=True) / _not_zero(e.square().sum(-1, keepdim=True))
    return p - share * e


def off_whole(p: Float[Tensor, "*B S D"], e: Float[Tensor, "*B S D"]) -> Float[Tensor, "*B S D"]:
    """(R1, global) P - (<P, E> / |E|^2) E, both taken as one long vector."""
    p, e = torch.broadcast_tensors(p, e)
    return off_each(p.flatten(-2), e.flatten(-2)).unflatten(-1, p.shape[-2:])


def off_span(p: Float[Tensor, "*B S D"], e: Float[Tensor, "*B S D"]) -> Float[Tensor, "*B S D"]:
    """(R1, span) P - P V V^T, V an orthonormal basis of E's rows: at a right angle to them all."""
    _, sizes, rows = torch.linalg.svd(e.float(), full_matrices=False)
    basis = rows * (sizes > _SAME * sizes.amax(-1, keepdim=True))[..., None]
    return p - (p.float() @ basis.mT @ basis).to(p.dtype)


def residual(
    p: Float[Tensor, "*B S D"], e: Float[Tensor, "*B S D"], mode: Mode
) -> Float[Tensor, "*B S D"]:
    """(R1) P_c = P - proj_E(c) P, for the tokens of one component c of the prompt.

    "added" takes nothing away, as ViPer does: what projection is held against.
    """
    if mode not in MODES:
        raise unknown("projection", mode, MODES)
    if mode == "added":
        return p.expand_as(e)
    ways = {"token": off_each, "span": off_span, "global": off_whole}
    return ways[mode](p, e) if mode in ways else torch.zeros_like(e)


def guided(
    e: Float[Tensor, "*B D"],
    p: Float[Tensor, "*B D"],
    strength: Float[Tensor, "*B 1"] | float,
    *,
    keep_norm: bool = False,
) -> Float[Tensor, "*B D"]:
    """(R2) E'(c) = E(c) + a P_c, in each row as long as it was if `keep_norm`.

    A right angle makes rows longer, |E'|^2 = |E|^2 + a^2 |P|^2, and attention to them sharper.
    """
    moved = e + strength * p
    if not keep_norm:
        return moved
    return moved * (e.norm(dim=-1, keepdim=True) / _not_zero(moved.norm(dim=-1, keepdim=True)))


def _not_zero(x: Tensor) -> Tensor:
    return x.clamp_min(torch.finfo(x.dtype).tiny)
