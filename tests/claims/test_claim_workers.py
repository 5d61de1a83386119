"""Claims shared by processes: the same answers, and what belongs together in one of them."""

from multiprocessing import active_children

import pytest
from claim_toys import Counting, claim

from palate.recipes.claims.asking import Answer, ask
from palate.recipes.claims.lab import Lab
from palate.recipes.claims.table import CLAIMS
from palate.recipes.claims.workers import Workers, together

CLIP = ("sketchbook-clip",)


def test_claims_of_the_same_weights_stay_together_and_most_come_first():
    three = [
        claim("prefgen-who"),
        claim("prefgen-like", needs=CLIP),
        claim("prefgen-mmd", needs=CLIP),
    ]
    names = [[one.name for one in some] for some in together(three, "small")]
    assert names == [["prefgen-like", "prefgen-mmd"], ["prefgen-who"]]
    for budget in ("small", "full"):
        groups = together(CLAIMS, budget)
        assert sorted(one.name for some in groups for one in some) == sorted(
            one.name for one in CLAIMS
        )
        ablations = [some for some in groups if some[0].name == "premier-without-shared"]
        assert len(ablations) == 1 and "premier-people" in [one.name for one in ablations[0]]


@pytest.mark.slow
def test_two_processes_answer_as_one_does(tmp_path):
    asked = [claim(), claim("prefgen-like", numbers=(-1.0,) * 6, needs=CLIP)]
    counted = []
    Counting.runs.clear()
    answers = ask(
        asked, "small", Lab(), tmp_path / "two", lambda n, one: counted.append(n), Workers(2)
    )
    assert not Counting.runs and counted == [1, 2]  # it was others who did it
    assert [one.claim for one in answers] == ["prefgen-who", "prefgen-like"]
    alone = ask(asked, "small", Lab(), tmp_path / "one", by=Workers(1))
    assert len(Counting.runs) == 2
    for mine, theirs in zip(alone, answers, strict=True):
        assert (mine.verdict, mine.found) == (theirs.verdict, theirs.found)
        assert Answer.load(tmp_path / "two" / f"{theirs.claim}.json") == theirs


@pytest.mark.slow
def test_a_stop_ends_all_processes_and_what_was_answered_is_kept(tmp_path):
    def stop(number, told):
        raise KeyboardInterrupt

    asked = [claim(), claim("prefgen-like", needs=CLIP)]
    with pytest.raises(KeyboardInterrupt):
        ask(asked, "small", Lab(), tmp_path, stop, Workers(2))
    assert not active_children() and list(tmp_path.glob("*.json"))
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("*.json")}
    answers = ask(asked, "small", Lab(), tmp_path, by=Workers(2))
    assert len(answers) == 2 and not active_children()
    assert all((tmp_path / name).read_bytes() == told for name, told in kept.items())
