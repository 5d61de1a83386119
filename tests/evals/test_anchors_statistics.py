"""Tests and intervals against closed forms, textbook tables and other people's software.

Figures of choix 0.4.1, statsmodels 0.15.0 and scipy 1.17.1 stand here as they gave them.
"""

from math import comb, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest

from palate.errors import BadInput
from palate.evals import stats
from palate.evals.agreement import fleiss, krippendorff
from palate.evals.bradley_terry import Tally, chances, strengths, tally
from palate.evals.paired import (
    design_effect,
    difference,
    holm,
    mcnemar,
    people_needed,
    permutation,
    votes_needed,
)
from palate.evals.stats import mean, some_of, wilson
from palate.evals.votes import Vote
from palate.seeds import normal, uniform


def counted(wins: list[list[float]], ties: list[list[float]] | None = None) -> Tally:
    square = np.array(wins, float)
    return Tally(
        names=tuple("abcdefgh"[: len(wins)]),
        wins=square,
        ties=np.zeros_like(square) if ties is None else np.array(ties, float),
    )


def test_strengths_of_four() -> None:
    """choix and a binomial regression agree on these."""
    found = strengths(counted([[0, 7, 9, 8], [3, 0, 6, 7], [1, 4, 0, 6], [2, 3, 4, 0]]))
    expected = [1.06461297, 0.09600622, -0.46358296, -0.69703622]
    assert found.values == pytest.approx(expected, abs=5e-9)
    assert (found.tie, found.imagined) == (None, 0.0)


def test_strengths_of_two() -> None:
    found = strengths(counted([[0, 7], [3, 0]]))
    assert found.values[0] - found.values[1] == pytest.approx(log(7 / 3))
    assert found.error(0, 1) == pytest.approx(sqrt(1 / 7 + 1 / 3))


def test_whoever_never_lost_has_imagined_losses() -> None:
    found = strengths(counted([[0, 5], [0, 0]]))
    assert found.imagined == 0.5
    assert found.values[0] - found.values[1] == pytest.approx(log(5.5 / 0.5))
    # choix at alpha = 0.01, which is 0.02 wins each way where there are two
    found = strengths(counted([[0, 5], [0, 0]]), imagined=0.02)
    assert found.values == pytest.approx([2.76272647, -2.76272647], abs=1e-8)


def test_ties_of_two_by_hand() -> None:
    """Three outcomes, two strengths' gap and t: the model can say just what was seen."""
    table = counted([[0, 12], [3, 0]], [[0, 6], [6, 0]])
    found = strengths(table)
    assert found.tie == pytest.approx(log(6 / sqrt(12 * 3)))
    assert found.values[0] - found.values[1] == pytest.approx(log(12 / 3))
    win, tie = chances(found.values, found.tie)
    assert (win[0, 1], win[1, 0], tie[0, 1]) == pytest.approx((12 / 21, 3 / 21, 6 / 21))
    halves = strengths(table, ties="half")
    assert halves.values[0] - halves.values[1] == pytest.approx(log(15 / 6))


def test_strengths_with_ties_are_the_likeliest() -> None:
    table = counted([[0, 7, 9], [3, 0, 6], [1, 4, 0]], [[0, 2, 1], [2, 0, 5], [1, 5, 0]])
    found = strengths(table)

    def likelihood(values: np.ndarray, t: float) -> float:
        win, tie = chances(values, t)
        return float((table.wins * np.log(win)).sum() + (table.ties * np.log(tie)).sum() / 2)

    assert found.tie is not None
    best = likelihood(found.values, found.tie)
    for step in (1e-3, -1e-3):
        assert likelihood(found.values, found.tie + step) < best
        for move in np.eye(3):
            assert likelihood(found.values + step * move, found.tie) < best
    assert found.values.sum() == pytest.approx(0, abs=1e-12)


def test_votes_that_rank_nothing_are_refused() -> None:
    def vote(left: str, right: str, choice: str = "left") -> Vote:
        return Vote(rater="r", item="i", left=left, right=right, choice=choice)

    with pytest.raises(BadInput, match=r"Never compared: premier\. Every way needs votes"):
        strengths(tally([vote("a", "b")], ["a", "b", "premier"]))
    with pytest.raises(BadInput, match="c, d were never compared with a, not even by way of"):
        strengths(tally([vote("a", "b"), vote("c", "d")]))
    with pytest.raises(BadInput, match="All 3 votes are ties"):
        strengths(tally([vote("a", "b", "tie")] * 3))
    with pytest.raises(BadInput, match="Never compared: anything"):
        strengths(tally([]))
    with pytest.raises(BadInput, match="There are votes on b; asked for: a"):
        tally([vote("a", "b")], ["a"])


@pytest.mark.parametrize(
    ("right", "n", "expected"),
    [
        (30, 50, (0.461814, 0.723916)),
        (0, 20, (0.0, 0.161125)),
        (20, 20, (0.838875, 1.0)),
        (861, 1000, (0.838173, 0.881064)),
    ],
)
def test_wilson_as_others_have_it(right, n, expected) -> None:
    assert wilson(right, n) == pytest.approx(expected, abs=5e-7)


def test_mcnemar_by_the_binomial() -> None:
    assert mcnemar(15, 5) == mcnemar(5, 15) == pytest.approx(0.0413894653, abs=5e-11)
    assert mcnemar(15, 5) == pytest.approx(2 * sum(comb(20, k) for k in range(6)) / 2**20)
    assert mcnemar(4, 4) == mcnemar(0, 0) == 1.0


def test_holm_by_hand() -> None:
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert list(found) == ["a", "b", "c", "d"]
    assert list(found.values()) == pytest.approx([0.03, 0.06, 0.06, 0.02])


FLEISS = [  # psychiatrists and diagnoses: 10 subjects, 5 categories, 14 raters
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def test_agreement_of_a_textbook() -> None:
    assert fleiss(FLEISS) == pytest.approx(0.20993070, abs=5e-9)
    # as many raters each: alpha is kappa, but for chance without putting the rating back
    n, each = 140, np.sum(FLEISS, 0)
    chance = float((each * (each - 1)).sum() / (n * (n - 1)))
    seen = sum(k * (k - 1) for row in FLEISS for k in row) / (10 * 14 * 13)
    assert krippendorff(FLEISS) == pytest.approx((seen - chance) / (1 - chance))


def test_agreement_by_hand() -> None:
    """Two items two agree on, one they do not: 1 - (1/3) / (D_e), of 3 and 3 among 6 ratings."""
    assert krippendorff([[2, 0], [0, 2], [1, 1], [1, 0]]) == pytest.approx(1 - (1 / 3) / (18 / 30))
    assert krippendorff([[3, 0], [2, 0]]) == 1.0
    with pytest.raises(BadInput, match="No item was rated by two raters"):
        krippendorff([[1, 0], [0, 1]])
    with pytest.raises(BadInput, match="from 1 to 2 ratings"):
        fleiss([[2, 0], [0, 1]])


def test_auc_by_the_rank_test() -> None:
    """Scores .9 .8 .4 .3 of right, wrong, right, wrong: 3 of 4 couples."""
    assert stats.auc([0.9, 0.4], [0.8, 0.3]).value == 0.75


@pytest.mark.parametrize(
    ("share", "votes"),
    [(0.52, 4904), (0.55, 783), (0.58, 305), (0.60, 194), (0.65, 85), (0.70, 47), (0.75, 29)],
)
def test_votes_that_are_enough(share, votes) -> None:
    assert votes_needed(share) == votes_needed(1 - share) == votes


@pytest.mark.parametrize(
    ("effect", "people"), [(0.05, 3142), (0.1, 787), (0.2, 199), (0.3, 90), (0.5, 34)]
)
def test_people_that_are_enough(effect, people) -> None:
    assert people_needed(effect) == people


def test_nothing_tells_a_half_from_a_half() -> None:
    with pytest.raises(BadInput, match=r"A share of 0\.5 cannot be told from a half"):
        votes_needed(0.5)
    with pytest.raises(BadInput, match="an effect of 0"):
        people_needed(0.0)


def test_design_effect_by_hand() -> None:
    # units that agree within: ICC 1, every unit is worth one value
    assert design_effect([1, 1, 1, 5, 5, 5], list("aaabbb")) == pytest.approx(3)
    # (1, 3) and (5, 7): between 16, within 2, ICC 14/18
    assert design_effect([1, 3, 5, 7], list("aabb")) == pytest.approx(1 + 14 / 18)
    assert design_effect([1, 5, 1, 5], list("aabb")) == 1.0
    with pytest.raises(BadInput, match="2 values of 2 units do not show"):
        design_effect([1, 2], ["a", "b"])


def test_permutation_by_hand() -> None:
    # of the 8 ways to sign 1, 2, 4 only two are as far as 7, of 1, 2, -4 also two as far as ... 1
    assert permutation([1, 2, 4]) == 2 / 8
    assert permutation([1, 2, -4]) == 8 / 8
    assert permutation([1, 2, -3]) == 1.0  # a sum of 0 is as near as can be
    many = permutation(np.ones(40))
    assert many == pytest.approx(1 / 2001)  # what was seen is one of the ways


def test_permutation_holds_its_level() -> None:
    p = np.array([permutation(normal(trial, np.arange(10))) for trial in range(400)])
    assert 0.02 <= (p <= 0.05).mean() <= 0.08


def test_a_difference_is_taken_pair_by_pair() -> None:
    people = list(np.repeat(np.arange(30), 4))
    own = np.repeat(10 * normal(1, np.arange(30)), 4)  # people differ far more than ways do
    other = own + normal(2, np.arange(120))
    found = difference(other + 0.5, other, people)
    assert found.figure.value == pytest.approx(0.5)
    assert found.figure.low == pytest.approx(0.5) == found.figure.high
    assert (found.better, found.figure.units) == (1.0, 30)
    assert found.p == pytest.approx(1 / 2001)
    nothing = difference(other, own, people)
    assert nothing.figure.low < 0 < nothing.figure.high and nothing.p > 0.05
    assert set(nothing.facts()) == {"value", "low", "high", "n", "units", "p", "better"}


def test_pairs_that_are_none_are_refused() -> None:
    with pytest.raises(BadInput, match=r"3 values stand beside 2\. A paired comparison"):
        difference([1, 2, 3], [1, 2])
    with pytest.raises(BadInput, match="0 values stand beside 0"):
        difference([], [])
    with pytest.raises(BadInput, match=r"1 of 3 pairs hold a value that is not a number.*place 1"):
        difference([1, np.nan, 3], [1, 2, 3])


def test_draws_without_return() -> None:
    rows = some_of(50, 20, 3, 0)
    assert len(set(rows)) == 20 and rows.min() >= 0 and rows.max() < 50
    assert not np.array_equal(rows, some_of(50, 20, 3, 1))
    often = np.bincount(np.concatenate([some_of(10, 4, 0, d) for d in range(1000)]))
    assert often == pytest.approx(400, abs=60)  # each as often as any; 4 standard errors


@pytest.mark.slow
def test_intervals_over_people_cover_and_over_votes_do_not(monkeypatch) -> None:
    """500 studies of 60 people, 20 votes each, people's chances apart by 0.6 logits."""
    monkeypatch.setattr(stats, "DRAWS", 200)
    people = np.repeat(np.arange(60), 20)
    truth = _mean_chance()
    held = {"people": 0, "votes": 0}
    for trial in range(500):
        chance = 1 / (1 + np.exp(-0.2 - 0.6 * normal(trial, 1, np.arange(60))))
        votes = (uniform(trial, 2, np.arange(1200)) < chance[people]).astype(float)
        means = votes.reshape(60, 20).mean(1)  # each has as many: units are their means
        over_people, over_votes = mean(means, seed=trial), wilson(votes.sum(), 1200)
        held["people"] += over_people.low <= truth <= over_people.high
        held["votes"] += over_votes[0] <= truth <= over_votes[1]
    assert 0.92 <= held["people"] / 500 <= 0.98
    assert held["votes"] / 500 < 0.88


def _mean_chance() -> float:
    """Of 1 / (1 + e^(-0.2 - 0.6 z)) over normal z, by its quantiles."""
    z = np.array([NormalDist().inv_cdf((i + 0.5) / 4000) for i in range(4000)])
    return float((1 / (1 + np.exp(-0.2 - 0.6 * z))).mean())
