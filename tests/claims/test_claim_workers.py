"""Claims shared by processes: the same answers, and what belongs together in one of them."""

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
    again = ask(asked, "small", Lab(), tmp_path / "two", by=Workers(2))
    assert [one.made_at for one in again] == [one.made_at for one in answers]
