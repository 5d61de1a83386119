"""What PrefGen's authors say (arXiv 2512.06020)."""

from __future__ import annotations

from palate.recipes.claims.alignment import Collapse, Nearness
from palate.recipes.claims.claim import Claim
from palate.recipes.claims.comparisons import Order
from palate.recipes.claims.lab import SDXL
from palate.recipes.claims.probes import Depth, Pooling
from palate.recipes.claims.speaking import Swapping
from palate.recipes.claims.training import Rivals, Settings
from palate.recipes.probing import Probing

RECIPE = "sketchbook-prefgen"
_SHORT: Settings = ("fit.ema=None", "fit.warmup=10", "fit.batch=16", "targets=2")
SMALL: Settings = (*_SHORT, "fit.steps=60", "people=100", "history=4", "histories=1")
FULL: Settings = ("fit.ema=None", "fit.steps=600", "fit.batch=32", "people=1000")
_FEW = Probing(people=12, pairs=10, history=4, each=8)
_MANY = Probing()
_ALIGNMENTS: dict[str, Settings] = {
    kind: (f"alignment='{kind}'",) for kind in ("mse", "cosine", "both")
}

CLAIMS = (
    Claim(
        name="prefgen-who",
        source="PrefGen",
        says="Who somebody is stands in a fine-tuned reader's middle layers.",
        figure="63.30 % right in the best of layers 8 to 20 of 32, by chance 3.30 %",
        asks="A linear probe in each layer tells whose a history is, of people and prompts nobody "
        "trained on; the middle layers beside those below and above.",
        small=Depth(task="who", asked=_FEW),
        full=Depth(task="who", asked=_MANY),
    ),
    Claim(
        name="prefgen-like",
        source="PrefGen",
        says="What somebody likes stands in its last four layers.",
        figure="best in the last 4 of 32 layers; no accuracies published",
        asks="A linear probe in each layer tells liked from disliked after a history, of people it "
        "did not learn from; the last eighth of the layers beside those below.",
        small=Depth(task="like", asked=_FEW),
        full=Depth(task="like", asked=_MANY),
    ),
    Claim(
        name="prefgen-last-token",
        source="PrefGen",
        says="The last token's state tells more than the mean or the maximum over all tokens.",
        figure="worse with mean and with maximum; no numbers published",
        asks="Both probes with each pooling, in the mean over all layers.",
        small=Pooling(asked=_FEW),
        full=Pooling(asked=_MANY),
    ),
    Claim(
        name="prefgen-mmd",
        source="PrefGen",
        says="Aligning clouds (MMD) beats aligning points (MSE, cosine, both).",
        figure="FID 143.79 with MMD, 150.34 with MSE and cosine; others only in words",
        asks="Small: the aligner alone, trained on few people; Fréchet distance of unseen people's "
        "points to those of their words stands in for the pictures'. Full: PrefGen trained with "
        "each, by its pictures' distance (FD_clip), with flow error and taste beside it.",
        small=Nearness(),
        full=Rivals(
            recipe=RECIPE, size=FULL, called="mmd", others=_ALIGNMENTS, tested=120, prompts=2,
            by="FD_clip",
        ),
    ),
    Claim(
        name="prefgen-collapse",
        source="PrefGen",
        says="Point-wise losses collapse after few steps and with little data.",
        figure="shown in a figure; no numbers published",
        asks="The aligner alone with a hundred people: how far unseen people's points lie from "
        "their middle, in units of how far the points of their words do.",
        small=Collapse(),
        full=Collapse(tested=300, steps=1500),
    ),
    Claim(
        name="prefgen-concatenation",
        source="PrefGen",
        says="Concatenating the three embeddings beats fusing them by attention.",
        figure="attention is worse; no numbers published",
        asks="PrefGen trained with each, cut down. Small: the flow's error of what new people "
        "like. Full: distance of pictures, with flow error and taste beside it.",
        small=Rivals(recipe=RECIPE, size=SMALL, others={"attention": ("fusion='attention'",)}),
        full=Rivals(
            recipe=RECIPE, size=FULL, others={"attention": ("fusion='attention'",)}, tested=120,
            prompts=2, by="FD_clip",
        ),
    ),
    Claim(
        name="prefgen-swap",
        source="PrefGen",
        says="Another's e_sem costs CLIP-text most, another's e_img costs style most.",
        figure="directions only; no numbers published",
        asks="Pictures of the same prompts and seeds with one part of the person exchanged; "
        "CLIP-text with what the person likes in words, style by Gram matrices to what they like.",
        small=Swapping(),
        full=Swapping(people=60, prompts=2),
    ),
    Claim(
        name="prefgen-baselines",
        source="PrefGen",
        says="PrefGen fits people better than the baselines.",
        figure="FID 143.79, CLIP image 76.03, CSD 59.22, PREFDISC 81.86; baselines not readable",
        asks="Taste on the same people, prompts and seeds against an IP-Adapter taught by the "
        "same people, keywords in the prompt, and the base model.",
        small=Order(
            methods=("prefgen", "ip-adapter", "words", "plain"), backbone=SDXL, against_first=True
        ),
        full=Order(
            methods=("prefgen", "ip-adapter", "words", "viper", "plain"), backbone=SDXL,
            against_first=True, people=100, prompts=2,
        ),
    ),
)  # fmt: skip
