"""Figures of one way, each a Measure that says how it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from palate.evals import stats
from palate.evals.measures import NOBODY, Eye, Measure, Seen
from palate.evals.moods import moods_right
from palate.evals.preference import personal, rate
from palate.evals.retrieval import retrieval
from palate.evals.similarity import clip_text, likeness
from palate.evals.stats import Figure
from palate.evals.taste import Wish
from palate.recipes.comparison import sets
from palate.recipes.comparison.judging import FIRST, Judging, Looked
from palate.recipes.comparison.making import Batch
from palate.recipes.comparison.sets import SEED
from palate.sketchbook.vocabulary import MOODS
from palate.sketchbook.words import prompt_of

Measures = dict[str, Measure]
Units = tuple[Sequence[int], Sequence[str]]


def measures(
    looked: Looked,
    base: Looked | None,
    judging: Judging,
    wishes: Sequence[Wish],
    batches: Mapping[str, Batch],
) -> Measures:
    """All of METRICS that can be had; `base` is plain's pictures, for a way that is not plain."""
    over = units(wishes)
    return {
        **_by_judge(looked, base, judging, over),
        **_by_clip(looked.seen, judging, over),
        **_by_reader(looked, judging, over),
        **_by_guests(looked, base, judging, over),
        **sets.figures(looked, judging, over[0]),
        **_times(batches),
    }


def units(wishes: Sequence[Wish]) -> Units:
    """What intervals are over: people, and prompts, which people share."""
    return [wish.person for wish in wishes], [prompt_of(wish.content) for wish in wishes]


def _by_judge(looked: Looked, base: Looked | None, judging: Judging, over: Units) -> Measures:
    eye, each = judging.truth.eye, looked.each
    wanted = [judging.audience.mood(person) for person in over[0]]
    moods = moods_right(looked.moods, wanted, MOODS, *over, seed=SEED)
    content = stats.share(each["content"], *over, seed=SEED)
    found = {
        "taste": _mean(each, "taste", over, eye, "percentile among all looks, by what is seen"),
        "content": _measure("content", content, eye, "share whose arrangement is the prompt's"),
        "mood": _measure("mood", moods.right, eye, "the mood of most liked pictures shown"),
        "style": _mean(each, "style", over, eye, "mean over pairs with shown liked pictures, all "
                       "layers, Gram matrices per place"),
    }  # fmt: skip
    if base is not None:
        wins = rate(each["taste"], base.each["taste"], *over, seed=SEED)
        found["wins"] = _measure("wins", wins, eye, "share above plain's taste, ties by half")
    return found


def _by_clip(seen: Seen, judging: Judging, over: Units) -> Measures:
    people, prompts = over
    whose = retrieval(seen, people, judging.middles, judging.people, first=FIRST, seed=SEED)
    return {
        "clip-i": likeness("CLIP-I", seen, people, judging.liked, judging.by, prompts, seed=SEED),
        "clip-t": clip_text(seen, prompts, judging.words, *over, seed=SEED),
        **{
            f"top-{k}": replace(one, notes=(f"chance {100 * whose.chance[k]:.1f} %",))
            for k, one in whose.top.items()
        },
    }


def _by_reader(looked: Looked, judging: Judging, over: Units) -> Measures:
    reader = judging.eyes.reader
    if reader is None:
        return {}
    eye = Eye(encoder=reader.mark, preprocessing="the reader's own")
    how = "the score of yes over no after the whole history, in an order of chance"
    note = "PrefGen learns with such a reader: of its pictures this is no judgement from outside"
    sure, more = looked.each["prefdisc"], looked.each["prefdisc-own"]
    own = personal(sure, sure - more, *over, seed=SEED).figure
    return {
        "prefdisc": replace(_mean(looked.each, "prefdisc", over, eye, how), notes=(note,)),
        "prefdisc-own": _measure(
            "prefdisc-own", own, eye, "less the score after the next person's"
        ),
    }


def _by_guests(looked: Looked, base: Looked | None, judging: Judging, over: Units) -> Measures:
    found = {
        metric: _mean(looked.each, metric, over, guest.eye, how)
        for guest in judging.guests
        for metric, how in guest.told.items()
    }
    if base is not None and "viper" in found:
        won = rate(looked.each["viper"], base.each["viper"], *over, seed=SEED)
        how = "share above plain's score, ties by half"
        found["viper-rate"] = _measure("viper-rate", won, found["viper"].eye, how)
    return found


def _times(batches: Mapping[str, Batch]) -> Measures:
    making = [batch.making / batch.pictures for batch in batches.values()]
    read = [batch.reading / batch.people for batch in batches.values() if batch.people]
    found = {"seconds": _measure("seconds", stats.mean(making), NOBODY, "mean over batches")}
    if read:
        found["reading"] = _measure("reading", stats.mean(read), NOBODY, "mean over batches")
    return found


def _mean(each: Mapping[str, np.ndarray], name: str, over: Units, eye: Eye, how: str) -> Measure:
    return _measure(name, stats.mean(each[name], *over, seed=SEED), eye, how)


def _measure(name: str, figure: Figure, eye: Eye, how: str) -> Measure:
    return Measure(name=name, figure=figure, eye=eye, seed=SEED, protocol=how)
