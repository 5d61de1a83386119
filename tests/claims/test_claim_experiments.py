"""Every experiment runs whole, with the real classes at toy width."""

from dataclasses import replace
from pathlib import Path

import premier_toy
import pytest
import torch
from prefgen_toy import clip, keep

from palate.backbones.builtin import save_clip
from palate.errors import BadInput, InUse
from palate.methods.premier.method import FILE
from palate.recipes.claims.alignment import Collapse, Nearness, Way
from palate.recipes.claims.claim import verdict
from palate.recipes.claims.comparisons import Learned, Order
from palate.recipes.claims.drifting import Drifting, Joint
from palate.recipes.claims.guiding import Adapting, Placing, Projecting
from palate.recipes.claims.lab import WEIGHTS, Lab
from palate.recipes.claims.likeness import Likeness
from palate.recipes.claims.newcomers import Lengths, Sooner, Stored
from palate.recipes.claims.probes import Depth, Pooling
from palate.recipes.claims.rounds import Rounds
from palate.recipes.claims.speaking import Swapping
from palate.recipes.claims.training import Rivals, trained
from palate.recipes.newcoming import Newcoming
from palate.recipes.probing import Probing
from palate.store import Lock

PROBE = Probing(people=3, pairs=4, history=1, each=2)
FEW = {"people": 2, "steps": 1, "backbone": "tiny-sdxl"}
CLOUDS = {"people": 8, "tested": 8, "history": 1, "steps": 3, "batch": 4, "inner": 8}
NEW = {"people": 2, "prompts": 1, "fitted": 1, "steps": 1}


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Lab:
    """Toys in place of all weights."""
    folder = tmp_path_factory.mktemp("weights")
    keep(folder)  # prefgen/, toy-reader/, toy-clip/
    at = {"sketchbook-prefgen": "prefgen", "sketchbook-clip": "toy-clip"}
    at |= {"sketchbook-reader": "toy-reader", "sketchbook-prefdisc": "toy-reader"}
    return Lab({name: folder / place for name, place in at.items()}, folder / "cache")


EXPERIMENTS = {
    "layers": Depth(task="who", asked=PROBE),
    "pooling": Pooling(asked=PROBE, tasks=("like",), rivals=("mean",)),
    "alignment": Nearness(**CLOUDS, ways=(Way(), Way(kind="both"))),
    "kernels": Nearness(**CLOUDS, ways=(Way(), Way(kernel="linear")), at_most=0.25),
    "collapse": Collapse(**CLOUDS),
    "drift": Drifting(people=2, before=2, after=1),
    "joint": Joint(size=(), tested=3, history=1, recipe="sketchbook-prefdisc-debug"),
    "likeness": Likeness(**FEW, rivals=("words",)),
    "projection": Projecting(**FEW, strengths=(1.0,)),
    "regions": Placing(**FEW),
    "rounds": Rounds(**FEW, rounds=1),
    "strengths": Adapting(**FEW),
    "PrefGen on FLUX": Learned(
        recipe="sketchbook-prefgen-flux-debug", size=("fit.steps=2",), people=2, history=1, steps=1
    ),
    "rivals of PrefGen": Rivals(
        recipe="sketchbook-prefgen-debug", size=("fit.steps=2",), tested=2, history=1, draws=1,
        others={"attention": ("fusion='attention'",)},
    ),
    "rivals by their pictures": Rivals(
        recipe="sketchbook-prefgen-debug", size=("fit.steps=2",), tested=2, history=1, draws=1,
        others={"attention": ("fusion='attention'",)}, prompts=1, by="taste",
    ),
    "rivals of Premier": Rivals(
        recipe="sketchbook-premier-debug", size=("fit.steps=2",), tested=2, history=2, draws=1,
        others={"without shared": ("sizes.branches=('distinct',)",)},
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_finds_figures_and_a_verdict_follows(name, lab):
    experiment = EXPERIMENTS[name]
    assert lab.missing(experiment.needs) == []
    found = experiment.run(lab).found
    assert verdict(found) in ("holds", "does not hold", "cannot be told")
    assert len({one.says for one in found}) == len(found) >= 2
    for one in found:
        assert one.figure.low <= one.figure.value <= one.figure.high, one


@pytest.mark.slow
def test_one_measure_decides_between_rivals_and_others_stand_beside_it(lab):
    found = EXPERIMENTS["rivals by their pictures"].run(lab).found
    deciding = [one.says for one in found if one.above is not None]
    assert deciding == ["taste, as published less attention"]
    says = {one.says for one in found}
    assert {"flow error, attention less as published", "taste, plain", "content, plain"} <= says


def test_what_pictures_tell_cannot_decide_without_them():
    with pytest.raises(BadInput, match=r"FD_clip is told from pictures: give prompts\."):
        Rivals(recipe="sketchbook-premier", size=(), others={}, by="FD_clip")


@pytest.mark.slow
def test_methods_are_compared_and_their_parts_exchanged(lab, monkeypatch):
    monkeypatch.setitem(WEIGHTS, "prefgen", {"tiny-sdxl": "sketchbook-prefgen"})
    order = Order(methods=("prefgen", "plain"), backbone="tiny-sdxl", people=2, history=1, steps=1)
    assert lab.missing(order.needs) == []
    says = [one.says for one in order.run(lab).found]
    assert says[0] == "taste, prefgen less plain" and "content, plain" in says
    swapping = Swapping(people=2, history=1, steps=1, references=1, backbone="tiny-sdxl")
    found = swapping.run(lab).found
    assert sum(one.above is not None for one in found) == 4


@pytest.fixture(scope="module")
def turned(lab, tmp_path_factory) -> Lab:
    """Premier, too."""
    folder = tmp_path_factory.mktemp("premier")
    premier_toy.premier().save_pretrained(folder / "premier")
    assert (folder / "premier" / FILE).is_file()
    save_clip(clip().model, folder / "toy-clip")
    return Lab({**lab.weights, "sketchbook-premier": Path(folder / "premier")})


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Lengths, Sooner, Stored])
def test_newcomers_are_fitted_and_compared(kind, turned, monkeypatch):
    monkeypatch.setitem(WEIGHTS, "premier", {"tiny-flux": "sketchbook-premier"})
    ways = ("linear", "direct") if kind is Lengths else ("linear", "at once")
    asked = Newcoming(histories=(2, 8) if kind is Lengths else (2,), ways=ways, **NEW)
    experiment = kind(asked=asked, backbone="tiny-flux")
    assert turned.missing(experiment.needs) == []
    bounded = [one for one in experiment.run(turned).found if one.above is not None]
    assert len(bounded) == {Lengths: 2, Sooner: 1, Stored: 2}[kind]
    assert verdict(bounded) == "cannot be told"  # of two people


@pytest.mark.slow
def test_what_one_claim_measured_another_does_not_measure_again(turned, monkeypatch):
    monkeypatch.setitem(WEIGHTS, "premier", {"tiny-flux": "sketchbook-premier"})
    asked = Newcoming(histories=(2, 4), ways=("linear", "direct"), **NEW)
    whole = Lengths(asked=asked, backbone="tiny-flux").measured(turned)
    less = replace(asked, histories=(4,), ways=("linear", "at once"))
    some = Sooner(asked=less, backbone="tiny-flux").measured(turned)
    assert some.found["linear", 4] is whole.found["linear", 4]
    assert some.plain is whole.plain and ("at once", 4) in some.found


@pytest.mark.slow
def test_a_training_asked_for_by_two_runs_is_done_once(lab, tmp_path):
    settings = ("fit.steps=3",)
    first, again = (
        trained(Lab(lab.weights, tmp_path), "sketchbook-premier-debug", settings) for _ in range(2)
    )
    assert len(list((tmp_path / "trained").iterdir())) == 1
    for mine, theirs in zip(
        first.modulator.parameters(), again.modulator.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)
    assert torch.equal(first.users.table, again.users.table)
    checkpoint = next((tmp_path / "trained").iterdir())
    assert any("3" in path.name for path in checkpoint.iterdir()), list(checkpoint.iterdir())
    with Lock(checkpoint), pytest.raises(InUse, match="in use by process"):
        trained(Lab(lab.weights, tmp_path), "sketchbook-premier-debug", settings)
