"""Prompts as the modulator hears them: T5's states, and how much of their padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from palate.backbones import FLUX, Embeddings
from palate.methods.premier.model import Sizes

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class Prompts:
    """Some prompts and, last, the empty one."""

    text: Embeddings
    one: bool  # padding counts as one token

    @classmethod
    def of(cls, backbone: FLUX, prompts: Sequence[str], sizes: Sizes) -> Prompts:
        """Encoded once."""
        return cls(text=backbone.encode([*prompts, ""]), one=sizes.padding == "one")

    def heard(
        self, rows: Sequence[int], like: Tensor
    ) -> tuple[Float[Tensor, "B S C"], Float[Tensor, "1 S C"]]:
        """These prompts and the empty one, as long as each other; number format as `like`.

        Where padding is one token, S is the longest prompt and one place more. Shorter ones repeat
        their first padding, so that none depends on the others.
        """
        tokens, lengths = self.text.tokens, self.text.lengths
        rows = [*rows, len(tokens) - 1]
        if self.one:
            ends = torch.tensor([min(lengths[row], tokens.shape[1] - 1) for row in rows])
            places = torch.arange(1 + int(ends.max())).minimum(ends[:, None])
            whose = torch.tensor(rows)[:, None]
            found = tokens[whose.to(tokens.device), places.to(tokens.device)].to(like)
        else:
            found = tokens[rows].to(like)
        return found[:-1], found[-1:]

    def nothing(self, like: Tensor) -> Float[Tensor, "1 S C"]:
        """The empty prompt alone."""
        return self.heard((), like)[1]
