"""Planning by rule: for readers that see but do not plan, and for rounds without any model."""

from __future__ import annotations

from palate.methods.instant.entities import named
from palate.methods.instant.keywords import Keywords
from palate.methods.instant.plan import MOST, Plan, laid_out, made, one_line
from palate.methods.instant.settled import unsettled

SAID = 6  # keywords said with the whole, as many as the plain keyword baseline says


def planned(prompt: str, keywords: Keywords, *, theme: bool = True) -> Plan:
    """Two and more entities stand where their words put them; one may stand where it likes."""
    likes = [word.text for word in unsettled(prompt, keywords.ranked(theme=theme))[:SAID]]
    enriched = ", ".join(filter(None, [one_line(prompt), *likes]))
    asked = named(prompt)
    if len(asked.entities) < 2:
        return made(prompt, enriched, enriched, ())
    background = ", ".join(filter(None, [asked.rest, *likes]))
    return made(prompt, enriched, background, laid_out(asked.first(MOST)))
