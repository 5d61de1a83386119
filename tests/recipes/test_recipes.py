import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from palate.backbones.judges import HEADS, NOBODY, Judge, to_input, truth
from palate.cli import app
from palate.errors import BadInput, PalateError, UnknownName
from palate.learn.checkpoint import steps
from palate.recipes.recipe import Recipe, beside, changed, cook
from palate.recipes.table import ORDER, RECIPES, recipe
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import Content, Scene, any_scene, look_of

DEBUG = [name for name in RECIPES if name.endswith("-debug")]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_one_and_has_a_small_twin(name):
    assert isinstance(recipe(name), Recipe)
    assert f"{name.removesuffix('-debug')}-debug" in RECIPES


def test_an_unknown_recipe_lists_the_known():
    with pytest.raises(UnknownName, match=r"No recipe named 'sketch'\. Known: sketchbook-clip"):
        recipe("sketch")


@pytest.mark.parametrize("name", DEBUG)
def test_a_debug_twin_trains_and_its_loss_falls(name, tmp_path):
    losses = []
    measured = cook(recipe(name), tmp_path, lambda fact: losses.append(fact.loss))
    assert len(losses) == measured["steps"] == 4
    assert losses[-1] < losses[0]
    assert json.loads((tmp_path / "measured.json").read_text()) == measured
    again = cook(recipe(name), tmp_path)  # finished: nothing is trained, the model is kept again
    assert {k: v for k, v in again.items() if "minutes" not in k} == {
        k: v for k, v in measured.items() if "minutes" not in k
    }


def test_a_run_cut_short_is_kept_and_goes_on(tmp_path):
    measured = cook(recipe("sketchbook-vae-debug"), tmp_path, minutes=0)
    assert measured["steps"] == 1
    assert steps(tmp_path / "run") == [1] and any((tmp_path / "logs").iterdir())
    other = changed(recipe("sketchbook-vae-debug"), ["kl=100.0"])
    with pytest.raises(BadInput, match=r"holds another training: recipe.kl was .* is now 100"):
        cook(other, tmp_path)
    assert "1 of 4 steps, not finished, of 4" in (tmp_path / "model" / "README.md").read_text()
    assert cook(recipe("sketchbook-vae-debug"), tmp_path)["steps"] == 4
    assert "**Training**: 4 steps of 4;" in (tmp_path / "model" / "README.md").read_text()


def test_a_judge_is_loaded_as_it_was_saved(tmp_path):
    measured = cook(recipe("sketchbook-judge-debug"), tmp_path, name="sketchbook-judge")
    card = (tmp_path / "model" / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0")
    assert f"| attributes | {100 * measured['attributes']:.1f} % |" in card
    judge = Judge.from_pretrained(tmp_path / "model")
    pictures = np.stack([draw(any_scene(i)) for i in range(4)])
    sight = judge.look_at(pictures)
    assert sight.looks.shape == (4, 12)
    assert all(a[0] in ("alone", "stacked", "beside") for a in sight.arrangements)
    np.testing.assert_array_equal(sight.looks, judge.look_at(pictures).looks)


def test_truth_by_hand():
    content = Content(subject="cup", relation="right of", other="cat")
    told = truth(Scene(content=content, look=look_of(palette="sepia", tilt="leaning right")))
    assert (told["palette"], told["tilt"], told["medium"]) == (7, 2, 0)
    # what is right of something has it on its left: the cat (10) comes first, the cup (6) second
    assert (told["layout"], told["first"], told["second"]) == (2, 10, 6)
    assert truth(Scene(content=Content(subject="boat")))["second"] == NOBODY
    assert list(told) == list(HEADS)


def test_other_sizes_are_brought_to_the_judge_s():
    x = to_input(np.full((2, 256, 192, 3), 255, np.uint8))
    assert x.shape == (2, 3, 128, 128)
    torch.testing.assert_close(x, torch.ones_like(x))


def test_settings_are_changed_by_name():
    small = changed(recipe("sketchbook-judge"), ["fit.steps=500", "widths=(8,8,8,8,8)"])
    assert (small.fit.steps, small.widths) == (500, (8, 8, 8, 8, 8))
    assert recipe("sketchbook-judge").fit.steps > 500


def test_settings_change_together_in_no_order():
    judge = recipe("sketchbook-judge")
    assert judge.fit.warmup > 3  # one after the other, three steps would be refused
    words = ["fit.steps=3", "fit.warmup=1"]
    assert changed(judge, words) == changed(judge, words[::-1])


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("fit.stepz=5", "No setting named 'stepz'. Known:"),
        ("steps", "Write it as name=value"),
        ("noise.deep=1", "noise has no settings of its own; noise.deep names one"),
        ("fit.steps=0", "steps is 0"),
        ("fit.steps=many", "steps is 'many'"),
    ],
)
def test_a_wrong_setting_is_answered_with_a_sentence(word, complaint):
    with pytest.raises(BadInput) as problem:
        changed(recipe("sketchbook-judge"), [word])
    assert complaint in str(problem.value)


@pytest.mark.parametrize(
    ("name", "word", "complaint"),
    [
        ("prefgen", "kernel=gauss", "No value of kernel named 'gauss'. Known: imq, linear, rbf"),
        ("prefgen", "fusion=attn", "No value of fusion named 'attn'"),
        ("prefgen", "components=('sem','cor')", "No value of components named 'cor'"),
        ("prefgen", "layers.core=()", "name one layer at least"),
        ("premier", "start=foo", "No value of start named 'foo'. Known: silent, small"),
        ("premier", "sizes.blocks=half", "No value of blocks named 'half'"),
        ("premier", "spread.positions=0", "at 0 places"),
        ("premier", "axes=0", "0 axes"),
    ],
)
def test_a_word_that_no_setting_knows_trains_nothing_else(name, word, complaint):
    with pytest.raises(PalateError) as problem:
        changed(recipe(f"sketchbook-{name}"), [word])
    assert complaint in str(problem.value)


@pytest.mark.parametrize("words", [["noise=0", "noise.deep=1"], ["noise.deep=1", "noise=0"]])
def test_a_setting_is_set_whole_or_in_part(words):
    with pytest.raises(BadInput, match="noise is set whole and in part"):
        changed(recipe("sketchbook-judge"), words)


@pytest.mark.parametrize(
    ("name", "word", "complaint"),
    [
        ("vae-debug", "kl=much", "kl is 'much'; it must be a number"),
        ("vae-debug", "fit=3", "fit is 3; it has settings of its own: fit.steps, fit.batch"),
        ("vae-debug", "summary=3", "summary is 3; it must be a text"),
        ("premier", "people=2.5", "people is 2.5; it must be a whole number"),
        ("flux-debug", "pictures=400", "pictures is 400; it must be a table"),
        ("premier", "likes=40", "likes is 40; it must be several in brackets"),
        ("premier", "people=True", "people is True; it must be a whole number"),
    ],
)
def test_what_a_setting_cannot_be_is_said(name, word, complaint):
    with pytest.raises(BadInput) as problem:
        changed(recipe(f"sketchbook-{name}"), [word])
    assert complaint in str(problem.value)


def test_recipes_look_beside_themselves_for_what_others_trained(tmp_path):
    flux = recipe("sketchbook-flux")
    found = beside(flux, tmp_path, anyway=True).sources
    assert found.vae == tmp_path / "sketchbook-vae" / "model"
    assert found.judge == tmp_path / "sketchbook-judge" / "model"
    (tmp_path / "sketchbook-clip" / "model").mkdir(parents=True)
    found = beside(flux, tmp_path, anyway=False).sources
    assert found.clip == tmp_path / "sketchbook-clip" / "model" and found.vae == flux.sources.vae


def test_train_says_where_the_model_is(tmp_path):
    name = "sketchbook-judge-debug"
    words = ["train", name, "fit.steps=2", "--out", str(tmp_path), "--json"]
    facts = json.loads(CliRunner().invoke(app, words).stdout)[name]
    assert facts["steps"] == 2
    assert facts["model"] == str(tmp_path / name / "model")
    assert (tmp_path / name / "model" / "model.safetensors").exists()


def test_all_recipes_are_done_in_their_order(tmp_path, monkeypatch):
    order = ("sketchbook-clip-debug", "sketchbook-judge-debug")
    monkeypatch.setattr("palate.recipes.table.ORDER", order)
    answer = CliRunner().invoke(app, ["train", "all", "--out", str(tmp_path)])
    said = [line.split(":")[0] for line in answer.stdout.splitlines() if "the model is in" in line]
    assert tuple(said) == order


def test_every_full_recipe_has_its_place_in_the_order():
    assert set(ORDER) == {name for name in RECIPES if not name.endswith("-debug")}


def test_recipes_are_listed():
    answer = CliRunner().invoke(app, ["recipes"])
    assert all(name in answer.stdout for name in RECIPES)
