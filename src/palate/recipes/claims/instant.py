"""What the authors of Instant Preference Alignment say (arXiv 2508.17718), as far as is readable.

Their formulas are not public: what is tested here is our reconstruction of the method.
"""

from __future__ import annotations

from palate.recipes.claims.claim import Claim
from palate.recipes.claims.guiding import Adapting, Placing, Projecting
from palate.recipes.claims.likeness import Likeness
from palate.recipes.claims.rounds import Rounds

CLAIMS = (
    Claim(
        name="instant-style-mood",
        source="Instant",
        says="Style and mood of a reference are met better than by others, CLIP-text given up.",
        figure="better in style loss and emotion accuracy, not in CLIP score; no numbers readable",
        asks="One reference picture each, held-out prompts: cosine of Gram matrices with it, and "
        "whether the mood is its mood, against keywords in the prompt and ViPer, whose CLIP-text "
        "must be higher; and the style must be that of one's own reference, not of another's.",
        small=Likeness(),
        full=Likeness(people=100, prompts=2),
    ),
    Claim(
        name="instant-projection",
        source="Instant",
        says="Projecting what the prompt says out of the keywords keeps its content.",
        figure="in words; no numbers readable",
        asks="The same keywords added to the prompt's embedding with and without projection, at "
        "several strengths: content must gain, and taste not lose over 5 points.",
        small=Projecting(),
        full=Projecting(people=60, prompts=2, shown=4, strengths=(0.25, 0.5, 0.75, 1.0)),
    ),
    Claim(
        name="instant-regions",
        source="Instant",
        says="Attention in regions puts several things where they belong.",
        figure="in words; no numbers readable",
        asks="Prompts of two things, with regions and without: are both there and in place?",
        small=Placing(),
        full=Placing(people=60, prompts=4),
    ),
    Claim(
        name="instant-rounds",
        source="Instant",
        says="A few rounds of feedback bring the picture closer to what a person wants.",
        figure="in words; no numbers readable",
        asks="A simulated person, who knows their taste exactly, asks three times for the value "
        "they miss most: taste of the last picture beside the first, and beside the last of the "
        "same talk with another's wishes.",
        small=Rounds(people=16),
        full=Rounds(people=60),
    ),
)
STRENGTHS = (
    Adapting(people=20, shown=4),
    Adapting(people=60, prompts=4, shown=8),
)  # small and full; an open question
