"""What a vision LLM behind a server is told. The paper's own wording is not public; this is ours.

What people write goes beside it as JSON, never into it, so that no prompt can change the task.
"""

from __future__ import annotations

import json
from typing import Any

from palate.methods.instant.keywords import AVOID, LIKED, Keywords
from palate.methods.instant.plan import Plan

ANALYSE = """\
You are shown one picture that a person chose. Say what an artist would need to know to make other
pictures, of other things, that please the same person.

Work in this order. For each of four categories look at the picture and note what you see
(`evidence`), then name it in one to four words (`text`), then say how much it makes the picture
what it is (`weight`, from 0.1 for a trace to 1 for its very character).

- artistic_style: medium, technique, line, texture, period. "loose watercolor", "bold outline"
- emotion_atmosphere: mood, light, weather, time of day. "calm mood", "at dusk"
- thematic: setting and recurring motifs, not the things the picture is of. "rolling hills"
- visual_elements: colors, contrast, framing, composition, borders. "cool colors", "close-up"

Name what can be seen, two to five keywords in a category, fewer where there is less. Words that
were used of this person's other pictures are given; use the same words for the same thing.

Example, of a fox in the snow: evidence "edges of the paint run into one another", text
"loose watercolor", weight 0.9."""

DESCRIBE = """\
Name every thing the picture shows, one word or two each, most important first. Name what is there,
not what one would expect. Example: ["fox", "barn", "fence"]."""

PLAN = """\
You plan a picture. You are given a prompt, which rules what is in the picture, and keywords of what
a person likes, with weights, and what they would rather avoid.

Work in this order. Think in a sentence or two which keywords suit this prompt and where things
should stand (`rationale`). Say the prompt again with the keywords that suit it worked in; keep
every thing it names, and add no new ones (`enriched_prompt`). Describe everything behind and
around the things, in the same manner (`background_prompt`). Give each thing the prompt names a
region: its name as the prompt has it (`entity`), what is said of it alone, in the same manner, with
how many there are (`prompt`), a box, and `z`, higher in front.

A box is [left, top, right, bottom], each from 0 to 1000, from the left and from the top. Boxes are
generous, at least 150 a side, and follow the prompt: what is left of another thing has the smaller
numbers. With one thing only, `regions` may be empty. There are at most six.

Example, "a fox left of a barn", liked "loose watercolor": fox [40, 450, 430, 950] and barn
[480, 150, 980, 900]."""

REVISE = """\
You planned a picture, and the person answered. You are given the prompt, the keywords, the plan
and what they said. Do what they ask and no more.

List what you change, one short sentence each (`changes`). Name the entities whose region you
change (`touched`), spelled as in the plan. Then give all keywords and the whole plan anew, with
everything they did not speak of exactly as it was. "Warmer" is a change of keywords and of the
texts; "the boat further left" of one box. Boxes are [left, top, right, bottom], 0 to 1000."""


def known(words: list[str]) -> str:
    """What the person's other pictures were said to show."""
    return json.dumps({"words used so far": words}, ensure_ascii=False)


def wish(prompt: str, keywords: Keywords) -> str:
    """A prompt and what is known of the person."""
    return json.dumps(_wish(prompt, keywords), ensure_ascii=False)


def answer(prompt: str, keywords: Keywords, plan: Plan, said: str) -> str:
    """A plan, and what the person said of it."""
    regions = [vars(region) for region in plan.regions]
    planned = {**vars(plan), "regions": regions}
    told = {**_wish(prompt, keywords), "plan": planned, "the person said": said}
    return json.dumps(told, ensure_ascii=False)


def _wish(prompt: str, keywords: Keywords) -> dict[str, Any]:
    liked = {c: {k.text: k.weight for k in getattr(keywords, c)} for c in LIKED}
    return {"prompt": prompt, "liked": liked, AVOID: [k.text for k in keywords.avoid]}
