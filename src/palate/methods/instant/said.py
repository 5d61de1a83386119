"""What models reply, as they may say it, and how it becomes what we trust."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from palate.methods.instant.keywords import LIKED, Keyword, Keywords, assembled, keyword
from palate.methods.instant.plan import MOST as REGIONS
from palate.methods.instant.plan import Plan, Region, Sketch, made, one_line

MOST = 8  # keywords of a category


@dataclass(frozen=True, kw_only=True)
class KeywordSaid:
    """In the order it is to be thought of."""

    evidence: str
    text: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What one picture shows."""

    artistic_style: tuple[KeywordSaid, ...]
    emotion_atmosphere: tuple[KeywordSaid, ...]
    thematic: tuple[KeywordSaid, ...]
    visual_elements: tuple[KeywordSaid, ...]

    def keywords(self) -> Keywords:
        """Tidied, clipped, each once."""
        return assembled({c: _words(getattr(self, c)) for c in LIKED})


@dataclass(frozen=True, kw_only=True)
class Things:
    """What a picture shows, one thing after another."""

    things: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlanSaid:
    """A plan."""

    rationale: str
    enriched_prompt: str
    background_prompt: str
    regions: tuple[Sketch, ...]

    def plan(self, prompt: str) -> Plan:
        """Mended where it has to be; see `plan.made`."""
        return made(
            prompt, self.enriched_prompt, self.background_prompt, self.regions, self.rationale
        )


@dataclass(frozen=True, kw_only=True)
class RevisionSaid:
    """What is changed, and everything anew."""

    changes: tuple[str, ...]
    touched: tuple[str, ...]
    liked: Analysis
    avoid: tuple[KeywordSaid, ...]
    plan: PlanSaid

    def revision(self, prompt: str, keywords: Keywords, plan: Plan) -> Revision:
        """What was not touched is put back as it was, letter by letter."""
        liked = self.liked.keywords()
        new = assembled({**{c: getattr(liked, c) for c in LIKED}, "avoid": _words(self.avoid)})
        changes = tuple(filter(None, (one_line(change)[:200] for change in self.changes)))
        found = self.plan.plan(prompt)
        kept = untouched(plan.regions, found.regions, self.touched)
        return Revision(
            keywords=same_evidence(new, keywords),
            plan=replace(found, regions=kept),
            changes=changes,
        )


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A whole new plan, the keywords it rests on, and what changed, in words."""

    keywords: Keywords
    plan: Plan
    changes: tuple[str, ...]


def untouched(
    before: Sequence[Region], after: Iterable[Region], touched: Iterable[str]
) -> tuple[Region, ...]:
    """New regions for entities that were touched or are new; the old ones for all others."""
    names = {name.casefold() for name in touched}
    kept = {region.entity.casefold(): region for region in before}
    kept = {name: region for name, region in kept.items() if name not in names}
    found = [kept.pop(region.entity.casefold(), region) for region in after]
    return (*found, *kept.values())[:REGIONS]


def same_evidence(keywords: Keywords, before: Keywords) -> Keywords:
    """Keywords that were there keep the evidence that was seen of them."""
    seen = {k.key: k.evidence for _, k in before.all()}

    def told(word: Keyword) -> Keyword:
        return replace(word, evidence=seen.get(word.key, word.evidence))

    lists = vars(keywords).items()
    return Keywords(**{category: tuple(map(told, words)) for category, words in lists})


def _words(said: Sequence[KeywordSaid]) -> list[Keyword | None]:
    return [keyword(one.text, one.weight, one.evidence) for one in said[:MOST]]
