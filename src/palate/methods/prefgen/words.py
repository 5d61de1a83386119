"""A PrefGen profile in words, and which pictures told most; nothing of it steers anything.

The aligned embedding lies where the text of a person's likes lies, so the phrases nearest to it say
what was understood. Nearness is compared among all phrases of a vocabulary: what matters is not how
near one is but how much nearer than the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor

from palate.methods.prefgen.read import History
from palate.types import Word

if TYPE_CHECKING:
    from jaxtyping import Float

MOST = 8  # words for what is liked, and half as many for what is not


def nearness(given: Float[Tensor, "N D"], phrases: Float[Tensor, "P D"]) -> Float[Tensor, "N P"]:
    """Cosines in units of how they differ from phrase to phrase, their mean being 0."""
    cosines = F.normalize(given, dim=1) @ phrases.T
    spread = cosines.std(1, keepdim=True).clamp_min(1e-6)
    return (cosines - cosines.mean(1, keepdim=True)) / spread


def words(
    vocabulary: Sequence[str],
    likes: Float[Tensor, " P"],
    dislikes: Float[Tensor, " P"] | None,
    most: int = MOST,
) -> tuple[Word, ...]:
    """The phrases that stand out, strongest first: nearer to likes than to dislikes, or farther."""
    found = _outstanding(vocabulary, likes if dislikes is None else likes - dislikes, most)
    if dislikes is not None:
        against = _outstanding(vocabulary, dislikes - likes, most // 2)
        found |= {text: -weight for text, weight in against.items()}
    return tuple(Word(text=text, weight=weight) for text, weight in found.items())


def _outstanding(vocabulary: Sequence[str], near: Tensor, most: int) -> dict[str, float]:
    order = near.argsort(descending=True, stable=True)[:most].tolist()
    chosen = (int(i) for i in order if near[i] > 1)
    return {vocabulary[i]: round(float(near[i]), 2) for i in chosen}


def without_each(history: History) -> list[History]:
    """A history as often as something was liked, each time without one of these pictures."""
    return [
        History(liked=[*history.liked[:i], *history.liked[i + 1 :]], disliked=history.disliked)
        for i in range(len(history.liked))
    ]


def moved(whole: Float[Tensor, " C"], parts: Float[Tensor, "N C"]) -> list[float]:
    """How far each leaves the whole: 1 - cosine."""
    return (1 - F.cosine_similarity(parts, whole[None], dim=1)).tolist()
