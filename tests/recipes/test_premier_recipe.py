"""sketchbook-premier at toy width: what it learns, from whom, and that it goes on."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from palate.errors import BadFile, BadInput
from palate.learn.checkpoint import weights
from palate.learn.fit import fit
from palate.methods.premier.hearing import Prompts
from palate.methods.premier.loss import dispersion
from palate.methods.premier.method import Premier
from palate.recipes.premier import DEBUG, PREMIER
from palate.recipes.premier.spread import Spread
from palate.recipes.premier.turning import Turning
from palate.recipes.recipe import changed, cook
from palate.recipes.table import recipe
from palate.recipes.wanting import favoured, in_words
from palate.sketchbook.people import World, affinities


def run(parts: Any, folder: Any, config: Any, steps: int) -> None:
    """Train until so many steps are done."""
    for fact in fit(parts.modules, parts.items, parts.loss, config, run=folder):
        if fact.step == steps:
            return


@pytest.fixture(scope="module")
def parts() -> Turning:
    made = DEBUG.parts()
    assert isinstance(made, Turning)
    return made


def test_users_and_modulator_learn_and_nothing_else(parts: Turning) -> None:
    assert set(parts.modules) == {"modulator", "users"}
    learning = [p for module in parts.modules.values() for p in module.parameters()]
    assert all(p.requires_grad and p.dtype == torch.float32 for p in learning)
    assert not any(p.requires_grad for p in parts.method.backbone.pipe.transformer.parameters())
    who = [parts.items[i][1] for i in range(len(parts.items))]
    assert sorted(set(who)) == [0, 1, 2, 3] and all(2 <= who.count(n) <= 3 for n in range(4))


def losses(parts: Turning, seed: int = 0) -> dict[str, torch.Tensor]:
    some = [parts.items[i] for i in range(4)]
    batch = torch.utils.data.default_collate(some)
    return parts.loss(batch, torch.Generator().manual_seed(seed))


PARTS = {"flow", "taught", "dispersion, shared", "dispersion, distinct"}


def test_the_loss_is_flow_teacher_and_dispersion_of_each_branch(parts: Turning) -> None:
    found = losses(parts)
    assert set(found) == {"loss", *PARTS}
    whole = sum(value for name, value in found.items() if name != "loss")
    torch.testing.assert_close(found["loss"].detach(), whole)
    method = parts.method
    nothing = method.backbone.encode([""]).tokens[:, :2]  # the end mark and all that follows
    turned = method.modulator(method.users.table, nothing.expand(4, -1, -1), nothing)
    torch.testing.assert_close(
        found["dispersion, shared"], 0.1 * dispersion(turned.shared).detach()
    )
    found["loss"].backward()
    for module in parts.modules.values():
        assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
        module.zero_grad()


@pytest.mark.parametrize("word", ["spread.shared=0", "spread.distinct=0"])
def test_a_branch_may_go_without_dispersion(parts: Turning, word: str) -> None:
    spread: Spread = changed(DEBUG, [word]).spread
    made = parts.method.modulator(parts.method.users.table, *[torch.zeros(4, 4, 32)] * 2)
    (left,) = spread.missed(made)
    assert left.endswith("distinct" if "shared" in word else "shared")


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (['sizes.branches=("distinct",)'], {"dispersion, shared"}),
        (['sizes.branches=("shared",)'], {"dispersion, distinct"}),
        (["spread.shared=0", "spread.distinct=0"], {"dispersion, shared", "dispersion, distinct"}),
        (["taught=0"], {"taught"}),
    ],
)
def test_what_an_ablation_leaves_out_is_not_learned_from(words: Any, gone: set[str]) -> None:
    made = changed(DEBUG, words).parts()
    assert isinstance(made, Turning)
    found = losses(made)
    assert PARTS - found.keys() == gone
    whole = sum(value for name, value in found.items() if name != "loss")
    torch.testing.assert_close(found["loss"].detach(), whole)
    if "branches" in words[0]:
        left = {"dispersion, " + name for name in made.method.modulator.branches}
        assert left == {*found} - {"loss", "flow", "taught"}


def test_the_teacher_is_told_what_the_person_likes(parts: Turning, monkeypatch) -> None:
    encode, told = parts.method.backbone.encode, []
    monkeypatch.setattr(
        parts.method.backbone, "encode", lambda prompts: told.extend(prompts) or encode(prompts)
    )
    losses(parts)
    people = [parts.items[i][1] for i in range(4)]
    words = [in_words(some) for some in favoured(affinities(DEBUG.gallery().numbers(), World()))]
    assert all(said.endswith(", " + words[n]) for said, n in zip(told, people, strict=True))


def test_a_proof_reads_what_tokens_paint_if_it_is_asked_to() -> None:
    found = []
    for weight in (0.1, 0.2):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            made = changed(DEBUG, [f"painted={weight}"]).parts()
        assert isinstance(made, Turning)
        found.append(losses(made))
    one, other = found
    assert one.keys() - PARTS == {"loss", "painted"}
    torch.testing.assert_close(2 * one["painted"], other["painted"])
    whole = sum(value for name, value in one.items() if name != "loss")
    torch.testing.assert_close(one["loss"].detach(), whole)


def test_without_prompts_everybody_is_turned_alike_whatever_is_asked() -> None:
    words = ['sizes.empty=("shared","distinct")']
    for settings, alike in (([], False), (words, True)):
        made = changed(DEBUG, settings).parts()
        assert isinstance(made, Turning)
        method, people = made.method, made.method.users.table[:2]
        prompts = Prompts.of(method.backbone, ["a cat", "a tree"], method.modulator.sizes)
        one = method.modulator(people[:1], *prompts.heard([0], people))
        other = method.modulator(people[:1], *prompts.heard([1], people))
        for mine, theirs in zip(one.parts().values(), other.parts().values(), strict=True):
            assert torch.equal(mine, theirs) == alike


def test_people_outside_the_batch_are_kept_apart_too() -> None:
    spread = replace(DEBUG.spread, people=6)
    who = torch.tensor([7, 2, 7])
    some = [spread.some(who, 10, torch.Generator().manual_seed(seed)).tolist() for seed in (1, 2)]
    for drawn in some:
        assert drawn[:2] == [2, 7] and len(set(drawn)) == len(drawn) == 6
        assert set(drawn) <= set(range(10))
    assert some[0] != some[1]
    assert spread.places(64) == [0, 16, 32, 48] and spread.places(3) == [0, 1, 2]


@pytest.mark.slow
def test_it_goes_on_where_it_was_interrupted(tmp_path: Any) -> None:
    """Prodigy, users and modulator: after steps 2 and 4 of a run in two sittings, bit for bit."""
    for folder, sittings in (("once", [4]), ("twice", [2, 4])):
        for steps in sittings:
            run(DEBUG.parts(), tmp_path / folder, DEBUG.fit, steps)
    one, two = (weights(tmp_path / folder) for folder in ("once", "twice"))
    assert one.keys() == two.keys() == {"modulator", "users"}
    for name, tensors in one.items():
        assert all(torch.equal(tensors[key], two[name][key]) for key in tensors)


@pytest.mark.slow
def test_ablations_are_settings(tmp_path: Any) -> None:
    words = ['sizes.branches=("shared",)', 'sizes.empty=("shared",)', "begin=anew", "start=silent"]
    words += ["sizes.blocks=all", "fit.steps=1", "fit.warmup=0", f"cache={tmp_path / 'cache'}"]
    small = changed(DEBUG, words)
    measured = cook(small, tmp_path)
    assert "people apart, shared" in measured and "people apart, distinct" not in measured
    kept = sorted((tmp_path / "cache").iterdir())
    assert [path.name.split("-")[0] for path in kept] == ["latents", "points"]
    looked = [path.stat().st_mtime_ns for path in kept]
    again = small.parts()  # from what was seen before
    assert [path.stat().st_mtime_ns for path in kept] == looked
    assert isinstance(again, Turning)
    fresh = replace(small, cache=None).parts()
    assert torch.equal(again.method.known.likes, fresh.method.known.likes)
    assert (again.items[3][2] == fresh.items[3][2]).all()
    fewer = replace(small, shown=20).parts()  # the first of what was shown
    assert (fewer.items.latents == again.items.latents[:20]).all()
    assert len(list((tmp_path / "cache").glob("latents-*"))) == 1
    sizes = again.method.modulator.sizes
    assert (sizes.blocks, sizes.count, sizes.branches) == ("all", 2, ("shared",))


@pytest.mark.slow
def test_what_is_measured_is_kept(tmp_path: Any) -> None:
    measured = cook(DEBUG, tmp_path)
    for who in ("new", "trained"):
        for as_whom in ("own tokens", "another's", "the middle of all", "no tokens"):
            assert measured[f"flow error, {who} people, {as_whom}"] > 0
    assert measured["bytes of a person"] == 2 * 2 * 16
    method = DEBUG.parts().method  # the same toys again
    found = Premier.from_pretrained(tmp_path / "model", method.backbone, method.eyes.partner)
    assert found.users.table.shape == (4, 2, 16)


def test_sizes_stay_within_the_budget() -> None:
    from palate.methods.premier.model import Modulator

    sizes = replace(PREMIER.sizes, text=128, out=128, count=3)  # as sketchbook-flux
    with torch.device("meta"):
        made = Modulator(sizes)
    assert 300_000 < sum(w.numel() for w in made.parameters()) <= 500_000
    assert recipe("sketchbook-premier") is PREMIER


@pytest.mark.parametrize("word", ["likes=(1,1)", "likes=(5,3)", "dislikes=1", "people=1"])
def test_people_of_one_picture_are_no_training_set(word: str) -> None:
    with pytest.raises(BadInput, match="with 2 pictures on either side, are the least"):
        changed(DEBUG, [word])


def test_a_show_too_small_for_a_person_is_refused() -> None:
    with pytest.raises(BadInput, match="4 pictures are shown, of which somebody is to like 3 and"):
        changed(DEBUG, ["shown=4"])


def test_a_premier_goes_on_from_another_for_another_base_model(tmp_path: Any) -> None:
    cook(DEBUG, tmp_path)
    kept = load_file(tmp_path / "model" / "premier.safetensors")
    more: Any = changed(DEBUG, [f"begin={tmp_path / 'model'}"]).parts()
    torch.testing.assert_close(more.modules["users"].table, kept["users"].float(), rtol=0, atol=0)
    for name, tensor in more.modules["modulator"].state_dict().items():
        assert tensor.equal(kept[f"modulator.{name}"].float())
    assert all(p.requires_grad for module in more.modules.values() for p in module.parameters())


@pytest.mark.parametrize("word", ["people=5", "sizes.heads=1"])
def test_it_goes_on_with_the_same_people_and_sizes_alone(word: str, tmp_path: Any) -> None:
    cook(DEBUG, tmp_path)
    with pytest.raises(BadInput, match="other sizes, or 4 people in place of"):
        changed(DEBUG, [f"begin={tmp_path / 'model'}", word]).parts()


def test_where_nothing_lies_nothing_begins() -> None:
    with pytest.raises(BadFile, match=r"nowhere/premier\.safetensors does not exist"):
        changed(DEBUG, ["begin=nowhere"]).parts()
