"""Numbers of all pictures of a way together, by the CLIP, and by Inception where it is a guest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from palate.evals.floors import floor
from palate.evals.frechet import between, frechet_between, frechet_distance
from palate.evals.kernels import cmmd, cmmd_distance, kid
from palate.evals.measures import Measure, Seen
from palate.evals.moments import Moments
from palate.evals.similarity import copying, diversity
from palate.evals.stats import Figure
from palate.recipes.comparison.audience import REFERENCES
from palate.recipes.comparison.judging import Judging, Looked

Measures = dict[str, Measure]
SEED = 0
_HIDDEN = f"to {REFERENCES} liked pictures of each person that nobody was shown"


def figures(looked: Looked, judging: Judging, people: Sequence[int]) -> Measures:
    """Of one way, against what the same people like and never showed."""
    seen, real = looked.seen, judging.kept
    made, never = (Moments.of(one.points, one.eye) for one in (seen, real))
    found = {
        "fd": frechet_distance(made, never, seed=SEED),
        "cmmd": cmmd_distance(seen, real, seed=SEED),
        "kid": kid(seen, real, size=half(seen, real), seed=SEED),
        "copying": copying(seen, judging.liked, seed=SEED).share,
        **_by_inception(looked, judging),
    }
    found = {name: replace(m, notes=(*m.notes, _HIDDEN)) for name, m in found.items()}
    if len(people) > len(set(people)):
        spread = diversity(seen, people, seed=SEED)
        found["diversity"] = replace(spread, notes=("a group is one person's pictures",))
    return found


def _by_inception(looked: Looked, judging: Judging) -> Measures:
    seen, real = looked.inception, judging.kept_by_inception
    if seen is None or real is None:
        return {}
    return {
        "fid": frechet_between(seen, real, seed=SEED),
        "kid-inception": kid(seen, real, size=half(seen, real), seed=SEED),
    }


def half(made: Seen, real: Seen) -> int:
    """How many pictures are drawn where a set is drawn from again and again."""
    return max(2, min(len(made), len(real)) // 2)


def floors(judging: Judging) -> dict[str, Figure]:
    """What the distances say of as many more hidden pictures as every way makes."""
    counts = REFERENCES, judging.audience.asked.prompts
    owners = [person for count in counts for person in judging.people for _ in range(count)]
    return {
        name: floor(pool, distance, made=len(judging.spare), units=owners, seed=SEED)
        for name, distance in DISTANCES.items()
        if (pool := _pool(name, judging)) is not None
    }


def _pool(distance: str, judging: Judging) -> Seen | None:
    real = hidden(distance, judging)
    spare = judging.spare_by_inception if distance == "fid" else judging.spare
    if real is None or spare is None:
        return None
    return Seen(points=torch.cat([real.points, spare.points]), eye=real.eye)


DISTANCES = {"fd": between, "cmmd": lambda x, y: cmmd(x.points, y.points), "fid": between}


def hidden(distance: str, judging: Judging) -> Seen | None:
    """The pictures that nobody was shown, by the eye of that distance, if it is there."""
    return judging.kept_by_inception if distance == "fid" else judging.kept


def seen_for(distance: str, looked: Looked) -> Seen | None:
    """The same of pictures that were made."""
    return looked.inception if distance == "fid" else looked.seen
