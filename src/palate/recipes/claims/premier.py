"""What Premier's authors say (CVPR 2026, arXiv 2603.20725)."""

from __future__ import annotations

from dataclasses import replace

from palate.recipes.claims.claim import Claim
from palate.recipes.claims.comparisons import Order
from palate.recipes.claims.lab import FLUX
from palate.recipes.claims.newcomers import Lengths, Stored
from palate.recipes.claims.training import Rivals, Settings
from palate.recipes.newcoming import DIRECTLY, LINEAR, Newcoming

RECIPE = "sketchbook-premier"
_SHORT: Settings = ("fit.ema=None", "likes=(20,40)", "dislikes=20", "fit.batch=16")
SMALL: Settings = (*_SHORT, "people=200", "shown=600", "fit.steps=60")
FULL: Settings = ("fit.ema=None", "people=1000", "fit.steps=1000")
TESTED = 240  # people: an ablation moves taste by two or three points, and 60 tell four
_TENTH: Settings = ("people=20",)
_FEW = Newcoming(people=8, prompts=1, histories=(2, 16), ways=(LINEAR, DIRECTLY), fitted=20)
# What new people like and did not show is missed hardly less after more steps (docs/log.md).
MANY = Newcoming(people=12, prompts=4, ways=(LINEAR, DIRECTLY), fitted=120)
_EIGHT = replace(_FEW, histories=(8,), ways=(LINEAR,))
ABLATIONS: dict[str, Settings] = {
    "shared": ("sizes.branches=('distinct',)",),
    "distinct": ("sizes.branches=('shared',)",),
    "dispersion": ("spread.shared=0.0", "spread.distinct=0.0"),
    "prompt": ("sizes.empty=('shared','distinct')",),
}
_TOLD = {
    "shared": ("one direction for all blocks", "0.689 falls to 0.482 (ViPer score)"),
    "distinct": ("one direction for each block", "0.689 falls to 0.492 (ViPer score)"),
    "dispersion": ("the dispersion loss", "0.689 falls to 0.450 (ViPer score)"),
    "prompt": ("the prompt as what the adapters hear", "0.689 falls to 0.649 (ViPer score)"),
}


def _ablation(name: str) -> Claim:
    what, figure = _TOLD[name]
    others: dict[str, Settings] = {f"without {name}": ABLATIONS[name]}
    return Claim(
        name=f"premier-without-{name}",
        source="Premier",
        says=f"Premier is worse without {what}.",
        figure=figure,
        asks="Premier trained whole and without it, cut down. Small: the flow's error of what new "
        "people like. Full: taste, a truth in place of a score, with the others beside it.",
        small=Rivals(recipe=RECIPE, size=SMALL, others=others),
        full=Rivals(recipe=RECIPE, size=FULL, others=others, tested=TESTED, prompts=2, by="taste"),
    )


CLAIMS = (
    Claim(
        name="premier-order",
        source="Premier",
        says="With eight pictures Premier fits people better than ViPer, and ViPer than nothing.",
        figure="ViPer score 0.689, 0.516 and 0.395",
        asks="Taste on the same people, prompts and seeds; a truth in place of a score.",
        small=Order(methods=("premier", "viper", "plain"), backbone=FLUX),
        full=Order(methods=("premier", "viper", "plain"), backbone=FLUX, people=100, prompts=2),
    ),
    *map(_ablation, ABLATIONS),
    Claim(
        name="premier-coefficients",
        source="Premier",
        says="Coefficients beat tokens of one's own with few pictures, and not from eight on.",
        figure="better at 2 and 4, about equal or worse at 8, 16 and 32; curves not public",
        asks="New people fitted in both ways after histories of different length; taste.",
        small=Lengths(asked=_FEW),
        full=Lengths(asked=MANY),
    ),
    Claim(
        name="premier-bytes",
        source="Premier",
        says="A few kilobytes serve a person nearly as well as a LoRA of their own.",
        figure="61 KB against 10.7 MB, 30 minutes against 72; ViPer score 0.689, LoRA 0.710",
        asks="New people fitted both ways for as many steps: taste may fall by 5 points at most, "
        "bytes must be ten times fewer.",
        small=Stored(asked=_EIGHT),
        full=Stored(asked=replace(MANY, histories=(8,), ways=(LINEAR,))),
    ),
    Claim(
        name="premier-people",
        source="Premier",
        says="Ten times as many people to learn from serve new people better.",
        figure="ViPer score about 0.70 with 1000 people, 0.50 with 100",
        asks="Premier trained with people and with a tenth of them, for as many steps. Small: the "
        "flow's error of what new people like. Full: taste, with the others beside it.",
        small=Rivals(
            recipe=RECIPE, size=SMALL, called="200 people", others={"20 people": _TENTH}
        ),
        full=Rivals(
            recipe=RECIPE, size=FULL, called="1000 people", others={"100 people": ("people=100",)},
            tested=TESTED, prompts=2, by="taste",
        ),
    ),
)  # fmt: skip
