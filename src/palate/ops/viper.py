"""ViPer's guidance (arXiv 2407.17365), as published and as its code has it; they differ.

VP+ and VP- are the embeddings of what a person likes and dislikes; B rows, S tokens of width D.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float

    Tokens = Float[Tensor, "B S D"]
    Noise = Float[Tensor, "B C height width"]
Degree = Tensor | float


def published(prompt: Tokens, liked: Tokens, disliked: Tokens, degree: Degree) -> Tokens:
    """p = E(p) + b (E(VP+) - E(VP-)), b at most 1."""
    return prompt + degree * (liked - disliked)


def conditions(
    prompt: Tokens, empty: Tokens, liked: Tokens, disliked: Tokens, degree: Degree, away: Degree
) -> tuple[Tokens, Tokens]:
    """The code: E(p) + d+ E(VP+) for the prompt's half, E("") + d- E(VP-) for the other."""
    return prompt + degree * liked, empty + away * disliked


def towards(prompted: Noise, liked: Noise, disliked: Noise, degree: Degree, away: Degree) -> Noise:
    """The code's second pass, folded into the prompt's half: e_t + d+ e_v+ - d- e_v-.

    Guidance e_u + w (this - e_u) is then the code's e_u + w (e_t + d+ e_v+ - e_u - d- e_v-).
    Keep d+ = d-: else w (d+ - d-) e stays as an offset.
    """
    return prompted + degree * liked - away * disliked
