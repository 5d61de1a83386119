"""Keywords of many pictures to those of a person: what tells liked from disliked ones.

A common thing outvotes a rare one where shares are compared, and minor preferences are lost. So a
keyword weighs how sure it is that liked pictures have it more often: seen in two of eight liked and
in no disliked picture (75 %), it beats one seen in five and in three (65 %).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import erf, log, sqrt

from palate.methods.instant.keywords import AVOID, LIKED, Keyword, Keywords, distinct

UNSURE = 0.1  # a keyword less sure than this is left out


@dataclass
class _Seen:
    """One keyword over all pictures."""

    text: str
    category: str
    weights: dict[str, float] = field(default_factory=lambda: {"liked": 0.0, "disliked": 0.0})
    pictures: dict[str, int] = field(default_factory=lambda: {"liked": 0, "disliked": 0})
    evidence: str = ""


def gathered(liked: Sequence[Keywords], disliked: Sequence[Keywords]) -> Keywords:
    """One set of keywords from the keywords of each picture."""
    totals = {"liked": len(liked), "disliked": len(disliked)}
    found: dict[str, list[Keyword]] = defaultdict(list)
    for seen in _counted(liked, disliked).values():
        sure = _sureness(seen, totals)
        if abs(sure) >= UNSURE:
            category = seen.category if sure > 0 else AVOID
            weight, evidence = round(min(abs(sure), 1.0), 4), _told(seen, totals)
            found[category].append(Keyword(text=seen.text, weight=weight, evidence=evidence))
    return Keywords(**{category: distinct(words) for category, words in found.items()})


def sureness(liked: float, of_liked: int, disliked: float, of_disliked: int) -> float:
    """How sure it is (-1 to 1) that one share is above the other.

    z is the difference of log odds over its standard error, half a picture being added to every
    count; the probability that a normal number stays within z is erf(z / sqrt 2).
    """
    counts = [liked, of_liked - liked, disliked, of_disliked - disliked]
    has, lacks, other_has, other_lacks = (max(count, 0.0) + 0.5 for count in counts)
    error = sqrt(sum(1 / count for count in (has, lacks, other_has, other_lacks)))
    return erf((log(has / lacks) - log(other_has / other_lacks)) / error / sqrt(2))


def _sureness(seen: _Seen, totals: dict[str, int]) -> float:
    if not totals["disliked"]:
        return seen.weights["liked"] / totals["liked"]
    weights = seen.weights
    return sureness(weights["liked"], totals["liked"], weights["disliked"], totals["disliked"])


def _counted(liked: Sequence[Keywords], disliked: Sequence[Keywords]) -> dict[str, _Seen]:
    """The first category and wording of a keyword are its own."""
    found: dict[str, _Seen] = {}
    for side, pictures in (("liked", liked), ("disliked", disliked)):
        for picture in pictures:
            for category, word in picture.all():
                if category in LIKED:
                    seen = found.setdefault(word.key, _Seen(text=word.text, category=category))
                    seen.weights[side] += word.weight
                    seen.pictures[side] += 1
                    seen.evidence = seen.evidence or word.evidence
    return found


def _told(seen: _Seen, totals: dict[str, int]) -> str:
    counts = ", ".join(f"in {seen.pictures[s]} of {n} {s}" for s, n in totals.items() if n)
    return f"{counts}: {seen.evidence}" if seen.evidence else counts
