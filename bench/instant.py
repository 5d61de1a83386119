"""What Instant understands and costs, and whether a misbehaving server can hurt it.

python -m bench.instant [MODEL]    tiny-sdxl if left out; ratios mean something on larger ones
python -m bench.instant keywords [READER]    of unseen references alone

Ratios are of runs that take turns, so that a busy machine slows both alike.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.report import figure, ratio
from palate.backbones import catalog
from palate.backbones.servers import Server
from palate.backbones.vlm import Endpoint
from palate.errors import NoAnswer
from palate.evals.stats import mean
from palate.methods.instant.keywords import Keyword, Keywords
from palate.methods.instant.layout import planned
from palate.methods.instant.method import Instant
from palate.methods.instant.said import PlanSaid
from palate.methods.instant.understanding import ByReader, ByRule
from palate.methods.viper.method import MARKS, Viper
from palate.recipes.captions import scene_in
from palate.sketchbook.drawing import draw
from palate.sketchbook.words import MOOD_PHRASES, PHRASES
from palate.types import Method, Profile, Request

REPLIES, LIMIT = 10_000, 5.0
REFERENCES, FRESH = 60, 2**40  # a seed no recipe comes near
WORDS = Keywords(
    visual_elements=(Keyword(text="cool colors"),), avoid=(Keyword(text="neon colors"),)
)


def sampling(name: str) -> None:
    """Three regions against plain, and ViPer's two passes against plain."""
    lent, request = catalog.backbone(name), Request(prompt="a cat, a dog and a bird")
    plan = planned(request.prompt, WORDS)
    assert len(plan.regions) == 3

    def steered(method: Method, whole: bool) -> Callable[[], object]:
        mark = method.mark if whole else MARKS["code"]
        person = Profile(method=mark, backbone=lent.mark, words=WORDS.words())

        def run() -> None:
            with method.steer([person], [request]) as found:
                found.sample([request])

        return run

    instant = Instant(lent, ByRule())
    whole = replace(instant.how, window=(0.0, 1.0))
    reader = None  # ViPer's is asked nothing here
    ways = {
        "instant, three regions": steered(instant, True),
        "instant, in every step": steered(Instant(lent, ByRule(), whole), True),
        "viper, the code": steered(Viper(lent, reader, "code"), False),  # type: ignore[arg-type]
    }
    for way, run in ways.items():
        bar = "<= 1.15" if way == "instant, three regions" else None
        cost = ratio(run, lambda: lent.sample([request]))
        figure(f"{way} over plain", cost, "x", bar=bar, model=name)


def keywords(name: str) -> None:
    """Of the twelve values and the mood of unseen references: how many are named, how many more."""
    scenes = [scene_in("test", FRESH + number) for number in range(REFERENCES)]
    found = ByReader(catalog.reader(name)).analyse([draw(scene) for scene in scenes])
    right, invented = [], []
    for scene, said in zip(scenes, found, strict=True):
        named = {word.text for _, word in said.all()}
        true = {PHRASES[value] for value in scene.look} | {MOOD_PHRASES[scene.mood]}
        right.append(len(named & true) / len(true))
        invented.append(len(named - true) / max(1, len(named)))
    for what, values, bar in (("right", right, ">= 0.9"), ("invented", invented, "<= 0.05")):
        share = mean(values)
        ends = {"low": share.low, "high": share.high, "references": share.units}
        figure(f"keywords {what}", share.value, "", bar=bar, reader=name, **ends)


def misbehaving() -> None:
    """Ten thousand replies no two of which are alike, each bad in its own way or good."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from misbehaving import house, nonsense

    good = '{"rationale": "", "enriched_prompt": "a", "background_prompt": "b", "regions": []}'
    ends, slowest = {"plans": 0, "sentences": 0}, 0.0
    with house(*(nonsense(seed, good) for seed in range(REPLIES))) as server:
        place = Server(url=server.url, model="eye", repairs=0, pause=1e-3, seconds=LIMIT)
        endpoint = Endpoint(place)
        while len(server.asked) < REPLIES:
            began = time.perf_counter()
            try:
                endpoint.ask(PlanSaid, "Plan.", "A cat.")
                ends["plans"] += 1
            except NoAnswer as why:
                assert str(why).startswith("eye at http://127.0.0.1:"), why
                ends["sentences"] += 1
            slowest = max(slowest, time.perf_counter() - began)
    figure("misbehaving replies, crashes", 0, "", bar="<= 0", replies=REPLIES, **ends)
    figure("misbehaving replies, slowest", slowest, "s", bar=f"<= {LIMIT + 0.5}")


def main() -> None:
    """All, or the keywords alone."""
    first, *rest = *sys.argv[1:], "tiny-sdxl"
    if first == "keywords":
        return keywords(rest[0] if len(rest) > 1 else "sketchbook-reader")
    keywords("sketchbook-reader")
    misbehaving()
    sampling(first)


if __name__ == "__main__":
    main()
