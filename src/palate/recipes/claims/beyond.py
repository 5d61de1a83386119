"""What the papers leave open, each question as a claim that can fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from palate.ops.mmd import FACTORS
from palate.recipes.claims import prefgen, premier
from palate.recipes.claims.alignment import Nearness, Way
from palate.recipes.claims.claim import Claim
from palate.recipes.claims.comparisons import Learned
from palate.recipes.claims.drifting import Drifting, Joint
from palate.recipes.claims.instant import STRENGTHS
from palate.recipes.claims.lab import PREFDISC
from palate.recipes.claims.newcomers import Sooner
from palate.recipes.claims.training import Rivals, Settings
from palate.recipes.newcoming import AT_ONCE, LINEAR, Newcoming

_ON_FLUX = "sketchbook-prefgen-flux"
_LONGER: Settings = ("fit.ema=None", "fit.steps=800", "fit.batch=32", "people=1000")
_LABELS: Settings = ("fit.ema=None", "fit.warmup=10", "fit.batch=8", "history=4", "pairs=6")
_WAYS = (
    Way(),
    Way(kernel="imq"),
    Way(kernel="linear"),
    *(Way(factors=(factor,)) for factor in (FACTORS[0], FACTORS[-1])),
)
_AT_ONCE: dict[str, Any] = {"histories": (8,), "ways": (LINEAR, AT_ONCE)}
_CORE: dict[str, Any] = {
    "recipe": prefgen.RECIPE,
    "called": "e_core aligned",
    "mine": ("components=('sem',)", "layers.sem=(9,10,11)"),
    "others": {"e_core as it is": ("components=('core',)",)},
}

CLAIMS = (
    Claim(
        name="open-prefgen-flux",
        source="open question",
        says="PrefGen works on FLUX-class models, too.",
        figure="left to future work by PrefGen's authors",
        asks="PrefGen trained for the FLUX-class model, cut down: taste against that model alone.",
        small=Learned(recipe=_ON_FLUX, size=prefgen.SMALL),
        full=Learned(recipe=_ON_FLUX, size=_LONGER, people=100, prompts=2),
    ),
    Claim(
        name="open-joint-objective",
        source="open question",
        says="A reader can learn attributes beside the label, and discern no worse.",
        figure="PrefGen's authors found it unstable and kept the label alone",
        asks="The reader trained in both ways, cut down: liked told from disliked, new people. In "
        "full it goes on from one that can tell them: from nothing, so few steps teach neither.",
        small=Joint(size=(*_LABELS, "people=60", "fit.steps=40")),
        full=Joint(
            size=(*_LABELS, "people=1000", "fit.steps=400", "fit.batch=16"),
            tested=300,
            begin=PREFDISC,
        ),
    ),
    Claim(
        name="open-aligned-core",
        source="open question",
        says="Aligning e_core with text, too, would serve.",
        figure="left open by PrefGen's authors",
        asks="PrefGen that hears e_core alone, aligned or not, cut down. Small: the flow's error "
        "of what new people like. Full: taste, with the others beside it.",
        small=Rivals(size=prefgen.SMALL, **_CORE),
        full=Rivals(size=prefgen.FULL, tested=120, prompts=2, by="taste", **_CORE),
    ),
    Claim(
        name="open-mmd-kernel",
        source="open question",
        says="The kernel and the bandwidth, which PrefGen does not name, make little difference.",
        figure="neither is named",
        asks="The aligner alone with other kernels and bandwidths: is its distance to the texts "
        "within a quarter of what five Gaussians around the median give?",
        small=Nearness(ways=_WAYS, at_most=0.25),
        full=Nearness(ways=_WAYS, at_most=0.25, people=2000, tested=300, steps=1500),
    ),
    Claim(
        name="open-drift",
        source="open question",
        says="Once taste has changed, pictures from before do harm.",
        figure="untested in the papers",
        asks="Pairs of one person, then of another: are the other's told apart better after their "
        "own pairs alone?",
        small=Drifting(),
        full=Drifting(people=200),
    ),
    Claim(
        name="open-at-once",
        source="open question",
        says="New people are placed by their pictures at once as well as by a training.",
        figure="30 minutes for each new person in Premier's paper",
        asks="Taste of people placed by ridge regression against people fitted by gradients.",
        small=Sooner(asked=Newcoming(people=8, prompts=1, fitted=40, **_AT_ONCE)),
        full=Sooner(asked=replace(premier.MANY, **_AT_ONCE)),
    ),
    Claim(
        name="open-adaptive-strengths",
        source="open question",
        says="Strengths chosen for each picture keep more content at no less taste.",
        figure="Instant's authors name fixed ones as a limit",
        asks="Chosen strengths against their own means for all pictures.",
        small=STRENGTHS[0],
        full=STRENGTHS[1],
    ),
)
