"""What was found, as results.json and each.json hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from palate import __version__
from palate.recipes.comparing import Comparing
from palate.recipes.comparison import pairs
from palate.recipes.comparison.audience import REFERENCES
from palate.recipes.comparison.clock import Clock
from palate.recipes.comparison.judging import SEEING, Eyes, Judging, Looked
from palate.recipes.comparison.making import MAKING, Making, file_of
from palate.recipes.comparison.measuring import Measures, measures, units
from palate.recipes.comparison.question import question
from palate.recipes.comparison.sets import floors
from palate.recipes.comparison.ways import Way

Facts = dict[str, Any]


def found(
    ways: Sequence[Way],
    asked: Comparing,
    judging: Judging,
    made: Mapping[str, Making],
    looked: Mapping[str, Looked],
) -> Facts:
    """Everything but the time it took."""
    wishes = made[ways[0].name].wishes
    plain = {way.backbone.mark: way.name for way in ways if way.method is None}
    told = []
    for way in ways:
        base = plain.get(way.backbone.mark, way.name)
        other = looked[base] if base != way.name else None
        numbers = measures(looked[way.name], other, judging, wishes, made[way.name].batches)
        told.append(_way_facts(way, base, made[way.name], asked, numbers))
    return {
        "question": question(asked),
        "eyes": _eyes(judging.eyes, judging),
        "over": ["people", "prompts"],  # what intervals are over
        "references": REFERENCES * len(judging.people),
        "ways": told,
        "differences": pairs.differences(looked, units(wishes)),
        "differences of sets": pairs.of_sets(looked, judging),
        "floors": {name: figure.facts() for name, figure in floors(judging).items()},
        "made": {"software": f"palate {__version__}", "date": f"{datetime.now(UTC):%Y-%m-%d}"},
    }


def _way_facts(way: Way, base: str, made: Making, asked: Comparing, told: Measures) -> Facts:
    return {
        "name": way.name,
        **way.facts(asked.steps),
        "against": base if base != way.name else None,
        "pictures": made.folder.name,
        "measures": {name: measure.facts() for name, measure in told.items()},
    }


def each(made: Making, looked: Mapping[str, Looked]) -> Facts:
    """Every picture's file and numbers, alike in order for every way."""
    return {
        "files": [file_of(*row) for row in zip(made.wishes, made.requests, strict=True)],
        "people": [wish.person for wish in made.wishes],
        "prompts": [request.prompt for request in made.requests],
        "ways": {
            name: {metric: values.tolist() for metric, values in one.each.items()}
            for name, one in looked.items()
        },
    }


def _eyes(eyes: Eyes, judging: Judging) -> Facts:
    marks = {"judge": judging.truth.eye.encoder, "clip": eyes.clip.mark}
    marks |= {"reader": eyes.reader.mark} if eyes.reader else {}
    marks |= {name: guest.mark for name, guest in eyes.others.items()}
    return {name: vars(mark) for name, mark in marks.items()}


def times(clock: Clock, made: Mapping[str, Making]) -> Facts:
    """Seconds, those of batches from before among them; what is neither should be next to none."""
    batches = [batch for making in made.values() for batch in making.batches.values()]
    spent = clock.spent
    rest = clock.whole() - spent.get(MAKING, 0) - spent.get(SEEING, 0)
    making = max(spent.get(MAKING, 0), sum(batch.making + batch.reading for batch in batches))
    whole = making + spent.get(SEEING, 0) + rest
    return {
        MAKING: making,
        SEEING: spent.get(SEEING, 0),
        "rest": rest,
        "share of rest": rest / whole,
    }
