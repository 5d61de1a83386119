"""Attention in which somebody speaks beside the text.

B rows, L places in the picture, T tokens, H heads, C = H times the width of a head.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
