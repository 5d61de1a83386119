"""Attention in which somebody speaks beside the text.

B rows, L places in the picture, T tokens, H heads, C = H times the width of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float


def split_heads(x: Float[Tensor, "B T C"], heads: int) -> Float[Tensor, "B H T D"]:
    """Give each head its share of the channels."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attend(
    q: Float[Tensor, "B H L D"], k: Float[Tensor, "B H T D"], v: Float[Tensor, "B H T D"]
) -> Float[Tensor, "B L C"]:
    """Z = softmax(Q K^T / sqrt(D)) V, with the heads joined again."""
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def change(
    z: Float[Tensor, "B L C"],
    voice: Float[Tensor, "B L C"],
    weight: Tensor,
    *,
    instead: bool = False,
) -> Float[Tensor, "B L C"]:
    """What a voice changes in Z, the output of the text; weight is (B|1, L|1, 1).

    Beside the text (decoupled cross-attention: IP-Adapter, PrefGen): w Z_v.
    Instead of it: w (Z_v - Z). With w_c = (1 - r) M_c and sum_c M_c = 1 the changes of several
    add up to regional attention with base ratio r: r Z + (1 - r) sum_c M_c Z_c.
    """
    return weight * (voice - z if instead else voice)


def placed(
    shares: Float[Tensor, "B R P"], lengths: Sequence[int], loud: float | None = None
) -> Float[Tensor, "B 1 L L"]:
    """What joint attention (FLUX) adds to its logits when several texts share the picture out.

    L is all texts one after another, the prompt first, then the P places of the picture. `shares`
    are those of the R regions, w_c at every place; what they leave, w_0, is the prompt's. A place
    hears text c with log w_c, so that texts which all say the same are as one, and w_0 = 1 is the
    prompt alone; a text hears itself and the picture. A short text is as loud as a long one: as
    `loud` tokens, by default the prompt's.
    """
    prompt = (1 - shares.sum(1, keepdim=True)).clamp_min(0)
    weights = torch.cat([prompt, shares], 1)  # B R+1 P
    words, rows = sum(lengths), len(shares)
    bias = shares.new_zeros(rows, words + shares.shape[2], words + shares.shape[2])
    start, loud = 0, loud or lengths[0]
    for weight, length in zip(weights.unbind(1), lengths, strict=True):
        own = slice(start, start + length)
        bias[:, :words, own] = -torch.inf
        bias[:, own, own] = 0
        louder = loud / length if start else 1.0
        bias[:, words:, own] = (louder * weight).log()[..., None]
        start += length
    return bias[:, None]
