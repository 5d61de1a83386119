"""Figures of one way, each a Measure that says how it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from palate.evals import stats
from palate.evals.floors import floor
from palate.evals.frechet import between, frechet_distance
from palate.evals.kernels import cmmd, cmmd_distance, kid
from palate.evals.measures import NOBODY, Eye, Measure, Seen
from palate.evals.moments import Moments
from palate.evals.moods import moods_right
from palate.evals.retrieval import retrieval
from palate.evals.similarity import clip_text, copying, diversity, likeness
from palate.evals.stats import Figure
from palate.evals.taste import Wish
from palate.recipes.comparison.audience import REFERENCES
from palate.recipes.comparison.judging import FIRST, Judging, Looked
from palate.recipes.comparison.making import Batch
from palate.sketchbook.vocabulary import MOODS
from palate.sketchbook.words import prompt_of

Measures = dict[str, Measure]
SEED = 0
_HIDDEN = f"to {REFERENCES} liked pictures of each person that nobody was shown"


def measures(
    looked: Looked,
    base: Looked | None,
    judging: Judging,
    wishes: Sequence[Wish],
    batches: Mapping[str, Batch],
) -> Measures:
    """All of METRICS that can be had; `base` is plain's pictures, for a way that is not plain."""
    people = [wish.person for wish in wishes]
    return {
        **_by_judge(looked, base, judging, people),
        **_by_clip(looked.seen, judging, wishes, people),
        **_by_reader(looked, judging, people),
        **_sets(looked.seen, judging, people),
        **_times(batches),
    }


def _by_judge(
    looked: Looked, base: Looked | None, judging: Judging, people: Sequence[int]
) -> Measures:
    eye, each = judging.judged_by, looked.each
    wanted = [judging.audience.mood(person) for person in people]
    moods = moods_right(looked.moods, wanted, MOODS, people, seed=SEED)
    content = stats.share(each["content"], people, seed=SEED)
    found = {
        "taste": _mean(each, "taste", people, eye, "percentile among all looks, by what is seen"),
        "content": _measure("content", content, eye, "share whose arrangement is the prompt's"),
        "mood": _measure("mood", moods.right, eye, "the mood of most liked pictures shown"),
        "style": _mean(each, "style", people, eye, "mean over pairs with shown liked pictures, all "
                       "layers, Gram matrices per place"),
    }  # fmt: skip
    if base is not None:
        more = np.sign(each["taste"] - base.each["taste"]) / 2 + 0.5
        wins = stats.half_share(more, people, seed=SEED)
        found["wins"] = _measure("wins", wins, eye, "share above plain's taste, ties by half")
    return found


def _by_clip(
    seen: Seen, judging: Judging, wishes: Sequence[Wish], people: Sequence[int]
) -> Measures:
    prompts = [prompt_of(wish.content) for wish in wishes]
    whose = retrieval(seen, people, judging.middles, judging.people, first=FIRST, seed=SEED)
    return {
        "clip-i": likeness("CLIP-I", seen, people, judging.liked, judging.by, seed=SEED),
        "clip-t": clip_text(seen, prompts, judging.words, people, seed=SEED),
        **{
            f"top-{k}": replace(one, notes=(f"chance {100 * whose.chance[k]:.1f} %",))
            for k, one in whose.top.items()
        },
    }


def _by_reader(looked: Looked, judging: Judging, people: Sequence[int]) -> Measures:
    reader = judging.eyes.reader
    if reader is None:
        return {}
    eye = Eye(encoder=reader.mark, preprocessing="the reader's own")
    how = "the score of yes over no after the whole history, in an order of chance"
    note = "PrefGen learns with such a reader: of its pictures this is no judgement from outside"
    return {"prefdisc": replace(_mean(looked.each, "prefdisc", people, eye, how), notes=(note,))}


def _sets(seen: Seen, judging: Judging, people: Sequence[int]) -> Measures:
    """Numbers of all pictures together, against what the same people like and never showed."""
    real = judging.kept
    made, hidden = (Moments.of(one.points, one.eye) for one in (seen, real))
    found = {
        "fd": frechet_distance(made, hidden, seed=SEED),
        "cmmd": cmmd_distance(seen, real, seed=SEED),
        "kid": kid(seen, real, size=half(seen, real), seed=SEED),
        "copying": copying(seen, judging.liked, seed=SEED).share,
    }
    found = {name: replace(m, notes=(*m.notes, _HIDDEN)) for name, m in found.items()}
    if len(people) > len(set(people)):
        spread = diversity(seen, people, seed=SEED)
        found["diversity"] = replace(spread, notes=("a group is one person's pictures",))
    return found


def half(made: Seen, real: Seen) -> int:
    """How many pictures are drawn where a set is drawn from again and again."""
    return max(2, min(len(made), len(real)) // 2)


def floors(judging: Judging) -> dict[str, Figure]:
    """What the distances say of two halves of the hidden pictures, which share no person."""
    units = [person for person in judging.people for _ in range(REFERENCES)]
    return {
        name: floor(judging.kept, distance, units=units, seed=SEED)
        for name, distance in DISTANCES.items()
    }


DISTANCES = {"fd": between, "cmmd": lambda x, y: cmmd(x.points, y.points)}


def _times(batches: Mapping[str, Batch]) -> Measures:
    making = [batch.making / batch.pictures for batch in batches.values()]
    read = [batch.reading / batch.people for batch in batches.values() if batch.people]
    found = {"seconds": _measure("seconds", stats.mean(making), NOBODY, "mean over batches")}
    if read:
        found["reading"] = _measure("reading", stats.mean(read), NOBODY, "mean over batches")
    return found


def _mean(
    each: Mapping[str, np.ndarray], name: str, people: Sequence[int], eye: Eye, how: str
) -> Measure:
    return _measure(name, stats.mean(each[name], people, seed=SEED), eye, how)


def _measure(name: str, figure: Figure, eye: Eye, how: str) -> Measure:
    return Measure(name=name, figure=figure, eye=eye, seed=SEED, protocol=how)
