"""Planning by rule: for readers that see but do not plan, and for rounds without any model."""

from __future__ import annotations

from collections.abc import Sequence

from palate.methods.instant.entities import named
from palate.methods.instant.keywords import Keyword, Keywords
from palate.methods.instant.plan import MOST, Plan, laid_out, made, one_line
from palate.methods.instant.settled import agreeing, told, unsettled

SAID = 12  # keywords said with the whole: a caption that leaves nothing open says about as many


def planned(prompt: str, keywords: Keywords, *, theme: bool = True) -> Plan:
    """Two and more entities stand where their words put them; one may stand where it likes."""
    likes = [word.text for word in spoken(prompt, keywords.ranked(theme=theme))]
    enriched = ", ".join(filter(None, [one_line(prompt), *likes]))
    asked = named(prompt)
    if len(asked.entities) < 2:
        return made(prompt, enriched, enriched, ())
    background = ", ".join(filter(None, [asked.rest, *likes]))
    return made(prompt, enriched, background, laid_out(asked.first(MOST)))


def spoken(prompt: str, ranked: Sequence[Keyword]) -> list[Keyword]:
    """The strongest keywords a prompt leaves room for, one to a matter, as a caption says them."""
    return told(agreeing(unsettled(prompt, ranked))[:SAID])
