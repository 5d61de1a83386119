"""Studies with people, from the table they come in to what they found; floors of set distances."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from palate.cli import app
from palate.errors import BadFile, BadInput, BadTable, Mismatch
from palate.evals.agreement import table_of
from palate.evals.bradley_terry import bounded, chances, strengths, tally
from palate.evals.floors import at_equal_n, check_equal, floor, nearer
from palate.evals.frechet import between
from palate.evals.measures import Eye, Seen
from palate.evals.people import study
from palate.evals.stats import wilson
from palate.evals.votes import Vote, read_votes, votes_of, write_votes
from palate.seeds import noise_for, uniform
from palate.types import Mark


def vote(rater: int, item: int, left: str, right: str, choice: str) -> Vote:
    return Vote(rater=f"r{rater}", item=f"i{item}", left=left, right=right, choice=choice)


def crowd(raters: int, items: int, seed: int = 0) -> list[Vote]:
    """c beats b beats a at 3:1, c beats a at 9:1; one in ten is a tie; sides change."""
    found, strength = [], {"a": 0, "b": 1, "c": 2}
    for rater in range(raters):
        for item in range(items):
            chance, tie, side, which = uniform(seed, rater, item, np.arange(4))
            one, other = (("a", "b"), ("b", "c"), ("a", "c"))[int(which * 3)]
            wins = 3.0 ** (strength[other] - strength[one])
            better = chance < wins / (1 + wins)  # the second is
            left, right = (other, one) if side < 0.5 else (one, other)
            choice = "tie" if tie < 0.1 else "left" if (left == other) == better else "right"
            found.append(vote(rater, item, left, right, choice))
    return found


def test_a_study_finds_who_is_better() -> None:
    found = study(crowd(20, 30), draws=100)
    places = sorted(found.standings, key=lambda name: -found.standings[name].strength.value)
    assert places == ["c", "b", "a"]
    for name, expected in {"c": np.log(3), "b": 0.0, "a": -np.log(3)}.items():
        standing = found.standings[name]
        assert standing.strength.low < expected < standing.strength.high
        assert standing.strength.units == 20
    assert (found.standings["c"].best, found.standings["c"].worst) == (1, 1)
    assert found.wins["a", "c"].value == pytest.approx(0.1 * 0.9 + 0.05, abs=0.05)
    assert found.left.low < 0.5 < found.left.high
    assert found.tied == pytest.approx(60, abs=20) and found.notes == ()
    json.dumps(found.facts())


def test_shares_of_wins_count_ties_by_half() -> None:
    votes = [vote(i, 0, "a", "b", c) for i, c in enumerate(["left", "tie", "left", "right"])]
    found = study([*votes, vote(4, 0, "b", "a", "right")], draws=20)  # a again, from the right
    figure = found.wins["a", "b"]
    assert figure.value == pytest.approx(3.5 / 5)
    assert figure.low <= wilson(3.5, 5)[0] and figure.high >= wilson(3.5, 5)[1]
    assert found.left.value == 2 / 4


def test_items_that_all_raters_saw_count_as_themselves() -> None:
    """Ten items, six better by a, in the eyes of all of ten raters: a hundred votes, and no more is
    known than of ten."""
    votes = [
        vote(r, i, "a", "b", "left" if i < 6 else "right") for r in range(10) for i in range(10)
    ]
    share = study(votes, draws=20).wins["a", "b"]
    assert share.value == 0.6 and share.n == 100
    assert share.low == pytest.approx(0.3, abs=0.06) and share.high == pytest.approx(0.9, abs=0.06)


def test_more_votes_are_needed_of_raters_who_agree_with_themselves() -> None:
    """60 % takes 194 independent votes; where a rater says the same ten times, ten times that."""
    alike = [
        vote(r, i, "a", "b", "left" if r < 6 else "right") for r in range(10) for i in range(10)
    ]
    assert study(alike, draws=20).needed["a", "b"] == 1940
    alone = [vote(r, r, "a", "b", "left" if r % 5 < 3 else "right") for r in range(10)]
    found = study(alone, draws=20)
    assert found.needed["a", "b"] == 194
    assert found.facts()["wins"]["a over b"]["needed"] == 194
    assert study([vote(0, i, "a", "b", "left") for i in range(3)]).needed["a", "b"] is None


def test_a_study_is_told_from_its_file(tmp_path) -> None:
    file, out = tmp_path / "votes.csv", tmp_path / "kept" / "found.json"
    write_votes(file, crowd(6, 12))
    words = ["eval", "study", str(file), "--out", str(out)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    places = [line.split()[0] for line in lines[1:4]]
    assert places == ["c", "b", "a"] and "a over b" in result.output
    facts = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert json.loads(out.read_bytes()) == facts and facts["standings"]["c"]["best"] == 1
    for more, told in (
        (["--ties", "none"], "No way to count ties named 'none'. Known: davidson, half"),
        (["--way", "a"], "There are votes on b, c; asked for: a"),
    ):
        result = CliRunner().invoke(app, [*words, *more])
        assert result.exit_code == 2 and told in " ".join(result.output.split())


def test_raters_who_differ_widen_the_interval() -> None:
    alike = [
        vote(r, i, "a", "b", "left" if i < 6 else "right") for r in range(10) for i in range(10)
    ]
    split = [
        vote(r, i, "a", "b", "left" if r < 6 else "right") for r in range(10) for i in range(10)
    ]
    narrow, wide = (study(votes, draws=60).standings["a"].strength for votes in (alike, split))
    assert narrow.value == pytest.approx(wide.value) == pytest.approx(np.log(1.5) / 2)
    assert narrow.high - narrow.low == pytest.approx(0, abs=1e-9)
    assert wide.high - wide.low > 0.5


def test_one_rater_has_no_interval_and_is_told_so() -> None:
    found = study([vote(0, i, "a", "b", "left" if i else "right") for i in range(4)])
    assert np.isinf(found.standings["a"].strength.low)
    assert (found.standings["a"].best, found.standings["a"].worst) == (1, 2)
    assert found.agreement is None
    assert "One rater alone says nothing of how people differ" in found.notes[0]
    assert "No pair was shown to two raters" in found.notes[1]
    assert found.facts()["standings"]["a"]["low"] is None


def test_whoever_never_lost_is_told_of() -> None:
    found = study([vote(r, 0, "a", "b", "left") for r in range(5)], draws=20)
    assert "Some way never lost" in found.notes[0] and "0.5 imagined wins" in found.notes[0]
    assert found.standings["a"].strength.value == pytest.approx(np.log(11) / 2)
    assert found.agreement == 1.0


def test_a_study_that_ranks_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="All 2 votes are ties"):
        study([vote(r, 0, "a", "b", "tie") for r in range(2)])
    with pytest.raises(BadInput, match="Never compared: premier"):
        study([vote(0, 0, "a", "b", "left")], ["a", "b", "premier"])
    with pytest.raises(BadInput, match="Never compared: anything"):
        study([])


def test_agreement_does_not_ask_what_stood_left() -> None:
    votes = [
        vote(0, 0, "a", "b", "left"), vote(1, 0, "b", "a", "right"),  # both prefer a
        vote(0, 1, "a", "b", "tie"), vote(1, 1, "a", "b", "right"),
    ]  # fmt: skip
    assert table_of(votes).tolist() == [[2, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize("name", ["votes.csv", "votes.json"])
def test_votes_come_back(name, tmp_path) -> None:
    votes = [*crowd(3, 4), vote(9, 9, 'a "b", c', "d\ne", "tie"), vote(9, 9, "ä", "b", "left")]
    write_votes(tmp_path / name, votes)
    assert read_votes(tmp_path / name) == votes


def test_tables_of_others_are_read(tmp_path) -> None:
    file = tmp_path / "others.csv"
    file.write_text("\ufeffnote,choice,right,left,item,rater\nhm, left ,b,a,1,x\n", "utf-8")
    assert read_votes(file) == [Vote(rater="x", item="1", left="a", right="b", choice="left")]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"choice": "both"}, "row 2: A choice is 'both'; it must be one of: left, right, tie"),
        ({"rater": " "}, "row 2: A vote has no rater; every vote needs all five"),
        ({"right": "a"}, "row 2: A vote compares a with itself"),
        ({"item": None}, "The table has no item in row 2; a vote needs: rater, item, left"),
    ],
)
def test_a_bad_vote_is_named_by_its_row(row, complaint) -> None:
    good = {"rater": "x", "item": 1, "left": "a", "right": "b", "choice": "left"}
    with pytest.raises(BadTable, match=complaint):
        votes_of([good, {**good, **row}])


def test_a_file_of_something_else_is_refused(tmp_path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("rater,item")
    (tmp_path / "c.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadTable, match="must hold a list of objects with: rater, item"):
        read_votes(tmp_path / "a.json")
    with pytest.raises(BadFile, match=r"neither a \.csv nor JSON"):
        read_votes(tmp_path / "b.json")
    for name in ("c.csv", "nowhere.csv"):
        with pytest.raises(BadFile, match=f"{name} cannot be read"):
            read_votes(tmp_path / name)


def cloud(seed: int, n: int, width: int = 4) -> torch.Tensor:
    return noise_for([seed], (n, width))[0]


def test_the_floor_is_the_bias_of_that_many() -> None:
    """Halves of 200 of one distribution: 2 D/n + D (D + 1)/2n with n 100 and D 4, 0.18; of n and
    m, half of that at either: 50 and 150 make 0.24."""
    seen = Seen(points=cloud(1, 200))
    found = floor(seen, between, made=100, draws=40)
    assert found.value == pytest.approx(0.18, rel=0.2)
    assert (found.n, found.units) == (100, 40) and found.low < found.value < found.high
    assert floor(seen, between, made=50, draws=40).value == pytest.approx(0.24, rel=0.2)


def test_the_floor_serves_everybody_alike() -> None:
    people = list(np.repeat(np.arange(20), 10))
    own = noise_for([5], (20, 4))[0].repeat_interleave(10, 0)  # a person's pictures are all alike
    seen = Seen(points=own + 0.01 * cloud(6, 200))
    alike = floor(seen, between, made=40, units=people).value  # two of each
    assert alike < 0.01 * floor(seen, between, made=40).value
    with pytest.raises(BadInput, match="Of 10 real pictures 9 cannot stand for made ones"):
        floor(seen[range(10)], between, made=9)


def test_sets_are_compared_at_equal_n() -> None:
    real = Seen(points=cloud(1, 300))
    near, far = Seen(points=cloud(2, 120)), Seen(points=cloud(3, 120) + 0.5)
    found = at_equal_n({"near": near, "far": far}, real, between, size=60, draws=10)
    assert {name: len(values) for name, values in found.items()} == {"near": 10, "far": 10}
    gap = nearer(found["near"], found["far"], 60)
    assert gap.high < 0 and gap.n == 60
    same = at_equal_n({"near": near, "again": near}, real, between, size=60, draws=3)
    assert np.array_equal(same["near"], same["again"])  # the same rows of each
    with pytest.raises(BadInput, match=r"different n: near has 120, far has 50\. .* 50 of each"):
        check_equal({"near": near, "far": far[range(50)]})
    with pytest.raises(BadInput, match="Draws of 200 pictures from 120"):
        at_equal_n({"near": near}, real, between, size=200)
    eye = Eye(encoder=Mark(name="toy"), preprocessing="none")
    with pytest.raises(Mismatch, match="one encoder for all"):
        at_equal_n({"near": Seen(points=near.points, eye=eye)}, real, between, size=60)


# ---- votes that leave strengths without a limit, and other small tables


Several = Sequence[tuple[str, str, int]]


def told(wins: Several, ties: Several = ()) -> list[Vote]:
    """A rater for each vote; the first of a pair of names won."""
    said = [(a, b, "left", n) for a, b, n in wins] + [(a, b, "tie", n) for a, b, n in ties]
    each = [(a, b, choice) for a, b, choice, n in said for _ in range(n)]
    return [vote(rater, 0, *one) for rater, one in enumerate(each)]


@pytest.mark.parametrize(
    ("wins", "ties", "expected"),
    [
        ([("a", "b", 1)], [("a", "b", 9)], False),  # d_a - d_b = 2, t = 1: better for ever
        ([("a", "b", 6)], [("a", "b", 6)], False),
        ([("a", "b", 6), ("b", "a", 1)], [("a", "b", 6)], True),
        ([("a", "b", 3), ("b", "c", 3)], [("a", "c", 1)], True),  # >= 4 and <= 2 at once
        ([("a", "b", 3)], [("b", "c", 2), ("a", "c", 1)], False),
        ([("a", "b", 3), ("b", "a", 2)], [], True),
    ],
)
def test_a_likelihood_without_a_top_is_known(wins, ties, expected) -> None:
    counted = tally(told(wins, ties))
    assert bounded(counted, "davidson") is expected
    found = strengths(counted)
    assert (found.imagined == 0) is expected and np.abs(found.values).max() < 5
    if expected:  # at the top the slope is 0
        win, tie = chances(found.values, found.tie)
        met = counted.met
        slope = (counted.wins + counted.ties / 2 - met * (win + tie / 2)).sum(1)
        assert slope == pytest.approx(0, abs=1e-9)


def test_a_study_of_ties_and_few_wins_has_figures() -> None:
    found = study(told([("a", "b", 1)], [("a", "b", 9)]), draws=50)
    assert "all but tied" in found.notes[0]
    strength = found.standings["a"].strength
    assert 0 < strength.value < strength.high < 5
    for seed in range(8):  # eight raters, four votes each, half of them ties
        luck = uniform(seed, np.arange(8)[:, None], np.arange(4))
        choices = np.array(["left", "tie", "tie", "right"])[(luck * 4).astype(int)]
        votes = [vote(r, i, "a", "b", str(choices[r, i])) for r in range(8) for i in range(4)]
        assert abs(study(votes, draws=60).standings["a"].strength.high) < 6


def test_equal_ways_share_their_places() -> None:
    votes = [
        *told([("b", "c", 2), ("a", "c", 2), ("c", "a", 1), ("c", "b", 1)], [("a", "b", 4)]),
    ]
    found = study(votes, draws=1).standings
    assert found["a"].strength.value == pytest.approx(found["b"].strength.value)
    again = study([one for one in votes for _ in range(2)], draws=40).standings
    assert (again["a"].best, again["b"].best) == (1, 1) and again["a"].worst >= 2


def test_agreeing_with_oneself_is_no_agreement() -> None:
    found = study([vote(0, 0, "a", "b", "left") for _ in range(5)])
    assert found.agreement is None and "No pair was shown to two raters" in found.notes[-1]
    share = found.wins["a", "b"]
    assert (share.value, share.low, share.high) == (1, 0, 1)  # of one rater: nobody knows


def test_a_quotation_mark_left_open_is_said(tmp_path) -> None:
    file = tmp_path / "votes.csv"
    file.write_text('rater,item,left,right,choice\nx,"1,a,b,left\n' + "y,2,a,b,left\n" * 12000)
    with pytest.raises(BadFile, match="A quotation mark that is never closed"):
        read_votes(file)


def test_a_way_named_twice_is_one() -> None:
    assert tally(told([("a", "b", 1)]), ["a", "b", "a"]).names == ("a", "b")
