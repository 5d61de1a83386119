"""Modulation with a direction for each text token (Premier).

B rows, S text tokens, D model width, J blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float


def towards(
    y: Float[Tensor, "B D"] | Float[Tensor, "B S D"],
    delta: Float[Tensor, "B S D"],
    strength: Float[Tensor, " B"],
) -> Float[Tensor, "B S D"]:
    """y_i = y + s Delta_i: the modulation vector, turned a little for each text token i.

    It must happen before the SiLU that follows: the model uses y only through linear(silu(y)).
    """
    y = y if y.ndim == 3 else y[:, None]
    return y + strength[:, None, None] * delta


def direction(
    shared: Float[Tensor, "B S D"] | None, each: Float[Tensor, "B S J D"] | None, block: int
) -> Float[Tensor, "B S D"]:
    """Delta_i^j = Delta_shared,i + Delta_each,i^j for block j; either part may be missing."""
    own = None if each is None else each[:, :, block]
    if shared is None or own is None:
        whole = own if shared is None else shared
        assert whole is not None
        return whole
    return shared + own
