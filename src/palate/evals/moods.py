"""Whether pictures have the mood they were asked for, by a classifier of moods.

The eight of Mikels that pictures of the world are sorted into, or the six of the drawn world, where
mood follows from the look by a fixed rule. A classifier that took part in training a method must
not judge it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from palate.backbones.judges import Sight
from palate.errors import BadInput
from palate.evals import stats
from palate.evals.stats import Figure
from palate.sketchbook.scenes import look_from_codes, mood_of

MIKELS = (
    "amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Moods:
    """How often the mood is right: over all pictures, and the mean over moods."""

    right: Figure
    macro: float
    each: dict[str, Figure]
    chance: float  # 1 over the number of moods there are


def moods_right(
    seen: Sequence[str],
    wanted: Sequence[str],
    known: Sequence[str],
    units: Sequence[Hashable] | None = None,
    across: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
) -> Moods:
    """What a classifier saw, held against what was asked for; moods nobody asked for are out."""
    strange = sorted({*seen, *wanted} - set(known))
    if strange or len(seen) != len(wanted) or not seen:
        raise BadInput(
            f"{len(seen)} moods were seen and {len(wanted)} wanted; unknown: "
            f"{', '.join(strange) or 'none'}. Give as many of each, out of: {', '.join(known)}."
        )
    right = np.array([a == b for a, b in zip(seen, wanted, strict=True)])
    asked = np.array(wanted)
    each = {mood: stats.share(right[asked == mood], seed=seed) for mood in known if mood in asked}
    return Moods(
        right=stats.share(right, units, across, seed=seed),
        macro=float(np.mean([figure.value for figure in each.values()])),
        each=each,
        chance=1 / len(known),
    )


def moods_of(sight: Sight) -> list[str]:
    """The moods of drawn pictures, as a judge read their looks."""
    return [mood_of(look_from_codes(look)) for look in sight.looks]
