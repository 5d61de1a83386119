"""Claims are asked once; a folder holds answers to one question."""

import json

import pytest
from claim_toys import Counting, answer, claim

from palate.errors import BadFile, BadInput, Mismatch, UnknownName
from palate.recipes.claims.asking import Answer, ask, question
from palate.recipes.claims.claim import BUDGETS
from palate.recipes.claims.drifting import Joint, label_alone
from palate.recipes.claims.lab import Lab, parsed
from palate.recipes.claims.table import CLAIMS, chosen
from palate.recipes.claims.training import Rivals
from palate.recipes.recipe import changed
from palate.recipes.table import recipe


@pytest.fixture(autouse=True)
def _fresh():
    Counting.runs.clear()


def test_what_was_answered_is_not_asked_again(tmp_path):
    first = ask([claim()], "small", Lab(), tmp_path)
    again = ask([claim()], "small", Lab(), tmp_path)
    assert len(Counting.runs) == 1
    assert first[0].verdict == "holds" and first[0].found[0].figure.value == 2.0
    assert again[0] == Answer.load(tmp_path / "prefgen-who.json") == first[0]


def test_another_question_is_asked_anew(tmp_path):
    ask([claim()], "small", Lab(), tmp_path)
    (other,) = ask([claim(numbers=(-1.0,) * 6)], "small", Lab(), tmp_path)
    assert len(Counting.runs) == 2 and other.verdict == "does not hold"


def test_other_weights_are_another_question(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    mine = question(claim(), "small", Lab())
    theirs = question(claim(), "small", Lab({"sketchbook-judge": tmp_path}))
    assert mine["weights"] != theirs["weights"] and mine["settings"] == theirs["settings"]


def test_a_folder_of_another_budget_is_refused(tmp_path):
    ask([claim()], "small", Lab(), tmp_path)
    with pytest.raises(Mismatch, match="of the small budget, and the full one is asked for"):
        ask([claim()], "full", Lab(), tmp_path)
    assert len(Counting.runs) == 1


def test_what_lacks_weights_says_which_and_is_asked_again_later(tmp_path):
    lacking = claim(needs=("sketchbook-prefgen-flux",))
    (told,) = ask([lacking], "small", Lab(), tmp_path)
    assert told.verdict == "not testable here" and not Counting.runs
    assert "needs sketchbook-prefgen-flux. Train with `palate train" in told.notes[0]
    (tmp_path / "weights").mkdir()
    lab = Lab({"sketchbook-prefgen-flux": tmp_path / "weights"})
    assert ask([lacking], "small", lab, tmp_path)[0].verdict == "holds"


def test_a_run_stopped_between_claims_goes_on(tmp_path):
    def stop(number, told):
        raise KeyboardInterrupt

    two = [claim(), claim("prefgen-like")]
    with pytest.raises(KeyboardInterrupt):
        ask(two, "small", Lab(), tmp_path, stop)
    answers = ask(two, "small", Lab(), tmp_path)
    assert [one.claim for one in answers] == ["prefgen-who", "prefgen-like"]
    assert len(Counting.runs) == 2


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "other", "version": 1}', "{}"])
def test_a_file_that_is_no_answer_is_named(tmp_path, text):
    (tmp_path / "prefgen-who.json").write_text(text)
    with pytest.raises(BadFile, match=r"prefgen-who\.json is no answer to a claim"):
        ask([claim()], "small", Lab(), tmp_path)


def test_weights_are_named_and_lie_in_folders(tmp_path):
    assert parsed([f"sketchbook-judge={tmp_path}"]) == {"sketchbook-judge": tmp_path}
    (tmp_path / "sketchbook-clip" / "model").mkdir(parents=True)
    (tmp_path / "strange" / "model").mkdir(parents=True)
    found = {"sketchbook-clip": tmp_path / "sketchbook-clip" / "model"}
    assert parsed([str(tmp_path)]) == found
    with pytest.raises(BadInput, match="names no weights"):
        parsed(["sketchbook-judge"])
    with pytest.raises(UnknownName, match="No weights named 'judge'"):
        Lab({"judge": tmp_path})
    with pytest.raises(BadInput, match="There is no folder"):
        Lab({"sketchbook-judge": tmp_path / "none"})


def test_every_claim_can_be_asked_at_both_budgets():
    names = [one.name for one in CLAIMS]
    assert len(set(names)) == len(names) >= 25
    for one in CLAIMS:
        for budget in BUDGETS:
            asked = question(one, budget, Lab())
            assert json.loads(json.dumps(asked)) == asked
        assert one.small != one.full, one.name


def test_every_change_of_a_recipe_is_one_it_knows():
    experiments = [one.experiment(budget) for one in CLAIMS for budget in BUDGETS]
    asked = 0
    for one in experiments:
        if isinstance(one, Rivals):
            for change in (one.mine, *one.others.values()):
                asked += changed(recipe(one.recipe), (*one.size, *change)) is not None
        elif isinstance(one, Joint):
            alone = label_alone(changed(recipe(one.recipe), one.size))
            assert not any(vars(alone.known).values()) and alone.weights.answer
    assert asked >= 30


def test_an_unknown_claim_is_refused_with_those_there_are():
    assert [one.name for one in chosen(["open-drift"])] == ["open-drift"]
    with pytest.raises(UnknownName, match=r"No claim named 'x'\. Known: .*premier-order"):
        chosen(["x"])


def test_an_answer_is_kept_whole(tmp_path):
    answer().save(tmp_path)
    assert Answer.load(tmp_path / "prefgen-who.json") == answer()
