"""Premier's losses: flow matching, and dispersion, which keeps people apart.

B rows, N people. x are a picture's latents, n is noise, t a time from 0 (picture) to 1 (noise).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from palate.errors import BadInput, unknown

if TYPE_CHECKING:
    from jaxtyping import Float

Distance = Literal["l2", "rms", "msq", "barrier"]
DISTANCES: tuple[str, ...] = get_args(Distance)


def on_the_way(
    x: Float[Tensor, "B C H W"], n: Float[Tensor, "B C H W"], t: Float[Tensor, " B"]
) -> tuple[Float[Tensor, "B C H W"], Float[Tensor, "B C H W"]]:
    """x_t = (1 - t) x + t n, and what the model is to say of it, n - x (Eq. 1)."""
    share = t[:, None, None, None]
    return (1 - share) * x + share * n, n - x


def flow(guess: Float[Tensor, "B C H W"], target: Float[Tensor, "B C H W"]) -> Float[Tensor, ""]:
    """L_flow = mean |v - (n - x)|^2 (Eq. 2)."""
    return (guess.float() - target).square().mean()


def apart(delta: Float[Tensor, "N ..."]) -> Float[Tensor, "N N"]:
    """How far everybody's directions are from everybody else's, all their numbers in one row.

    By differences, not by products, which would lose small ones; of no distance it has no gradient.
    """
    flat = delta.flatten(1).float()
    return torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist")


def dispersion(
    delta: Float[Tensor, "N ..."], distance: Distance = "l2", temperature: float = 1.0
) -> Float[Tensor, ""]:
    """L_disp = mean_u log mean_u' exp(-D(Δ_u, Δ_u') / τ), u' other than u (Eq. 6).

    "l2" is the paper's: D = |Δ_u - Δ_u'|, which pulls as hard at any distance. "rms" divides it by
    the root of how many numbers Δ has, so that λ means the same at any width; "msq" is its square.
    "barrier" is what was released, log(mean exp(-D²) + 1e-10): beyond D = 5 it no longer pulls.
    """
    if len(delta) < 2:
        raise BadInput("Dispersion needs two people at least; give it more.")
    if distance == "barrier":
        return barrier(delta)
    away = apart(delta)
    size = delta[0].numel()
    scales = {"l2": away, "rms": away / size**0.5, "msq": away.square() / size}
    if distance not in scales:
        raise unknown("distance", distance, DISTANCES)
    others = ~torch.eye(len(delta), dtype=torch.bool, device=delta.device)
    near = (-scales[distance] / temperature)[others].reshape(len(delta), -1)
    return (near.logsumexp(1) - torch.tensor(near.shape[1]).log()).mean()


def barrier(delta: Float[Tensor, "N ..."], floor: float = 1e-10) -> Float[Tensor, ""]:
    """The released rival: log(mean_{u ≠ u'} exp(-D²) + 1e-10). It saturates at log 1e-10."""
    others = ~torch.eye(len(delta), dtype=torch.bool, device=delta.device)
    return (apart(delta)[others].square().neg().exp().mean() + floor).log()
