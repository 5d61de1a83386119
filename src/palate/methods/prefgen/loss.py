"""PrefGen's losses: of PREFDISC, and of the alignment of e_sem with text.

N people, D dimensions. z_pos and z_neg are logits at the last position after the same history, when
the picture asked about was liked and when it was disliked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from palate.ops.mmd import KernelName, mmd

if TYPE_CHECKING:
    from jaxtyping import Float

Alignment = Literal["mmd", "mse", "cosine", "both"]


def answered(
    z_pos: Float[Tensor, "N V"], z_neg: Float[Tensor, "N V"], yes: int, no: int
) -> Float[Tensor, ""]:
    """L_base = (CE(z_pos, yes) + CE(z_neg, no)) / 2, over the whole vocabulary."""
    said = torch.full((len(z_pos),), yes, device=z_pos.device)
    denied = torch.full((len(z_neg),), no, device=z_neg.device)
    return (F.cross_entropy(z_pos, said) + F.cross_entropy(z_neg, denied)) / 2


def told_apart(
    z_pos: Float[Tensor, "N V"], z_neg: Float[Tensor, "N V"], yes: int, no: int
) -> Float[Tensor, ""]:
    """L_CP: "yes" is likelier for what was liked, "no" for what was not.

    -log sigmoid(z_pos[yes] - z_neg[yes]) - log sigmoid(z_neg[no] - z_pos[no])
    """
    yeses, noes = z_pos[:, yes] - z_neg[:, yes], z_neg[:, no] - z_pos[:, no]
    return -(F.logsigmoid(yeses) + F.logsigmoid(noes)).mean()


def score(z: Float[Tensor, "N V"], yes: int, no: int) -> Float[Tensor, " N"]:
    """The softmax over the two answers alone: sigmoid(z[yes] - z[no])."""
    return (z[:, yes] - z[:, no]).sigmoid()


def aligned(
    given: Float[Tensor, "N D"],
    text: Float[Tensor, "N D"],
    kind: Alignment = "mmd",
    *,
    kernel: KernelName = "rbf",
    unbiased: bool = False,
) -> Float[Tensor, ""]:
    """How far the aligned embeddings are from the text embeddings of the people's attributes.

    "mmd" compares the two clouds; its rivals compare point by point.
    """
    if kind == "mmd":
        return mmd(given, text, kernel=kernel, unbiased=unbiased)
    squares = F.mse_loss(given, text)
    turned = 1 - F.cosine_similarity(given, text, dim=1).mean()
    return {"mse": squares, "cosine": turned, "both": squares + turned}[kind]
