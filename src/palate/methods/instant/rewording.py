"""A plan's texts after keywords changed, without a model: new ones said, old ones left out."""

from __future__ import annotations

from dataclasses import replace

from palate.methods.instant.keywords import Keyword, Keywords, tidy
from palate.methods.instant.layout import planned
from palate.methods.instant.plan import Plan, cut, one_line
from palate.methods.instant.settled import unsettled


def reworded(plan: Plan, prompt: str, before: Keywords, after: Keywords) -> Plan:
    """Texts made by rule are made anew; in others, only what stands between commas changes."""
    by_rule, anew = planned(prompt, before), planned(prompt, after)
    if (plan.enriched_prompt, plan.background_prompt) == _texts(by_rule):
        enriched, background = _texts(anew)
        return replace(plan, enriched_prompt=enriched, background_prompt=background)
    old, new = ({k.key: k for k in keywords.ranked()} for keywords in (before, after))
    gone = old.keys() - new.keys()
    come = unsettled(prompt, [word for key, word in new.items() if key not in old])
    asked = {tidy(part).casefold() for part in prompt.split(",")}
    return replace(
        plan,
        enriched_prompt=_said(plan.enriched_prompt, gone - asked, come),
        background_prompt=_said(plan.background_prompt, gone - asked, come),
    )


def _texts(plan: Plan) -> tuple[str, str]:
    return plan.enriched_prompt, plan.background_prompt


def _said(text: str, gone: set[str], come: list[Keyword]) -> str:
    kept = [one_line(part) for part in text.split(",") if tidy(part).casefold() not in gone]
    there = {part.casefold() for part in kept}
    kept += [word.text for word in come if word.key not in there]
    return cut(", ".join(filter(None, kept))) or text
