"""Intervals against closed forms and numbers worked out by hand."""

from math import inf, sqrt

import numpy as np
import pytest

from palate.evals import stats
from palate.evals.stats import mean, share, wilson
from palate.seeds import normal


def test_wilson_by_hand() -> None:
    # 8 of 10 at z = 1.959964: (0.8 + 0.19207) -+ 1.959964 sqrt(0.016 + 0.0096036), over 1.38415
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.49016, abs=1e-5), pytest.approx(0.94332, abs=1e-5))
    z2 = 1.959964**2
    assert wilson(0, 10) == (0.0, pytest.approx(z2 / (10 + z2), abs=1e-6))
    assert wilson(20, 20) == (pytest.approx(20 / (20 + z2), abs=1e-6), 1.0)


def test_wilson_mirrors() -> None:
    low, high = wilson(3, 17)
    assert wilson(14, 17) == (pytest.approx(1 - high), pytest.approx(1 - low))


def test_a_mean_weighs_every_value_alike() -> None:
    found = mean([1, 2, 3, 10], ["a", "a", "a", "b"])
    assert (found.value, found.n, found.units) == (4.0, 4, 2)
    # drawing two of the two units gives {a,a}, {a,b} twice, {b,b}: means 2, 4, 10
    assert (found.low, found.high) == (2.0, 10.0)


def test_three_units_come_up_as_often_as_they_should(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "LEVEL", 0.0)  # the median of the drawn means
    # how often the 1 is drawn is binomial(3, 1/3): 0 in 8/27, 1 in 12/27 of draws: median 1 of 3
    assert mean([0.0, 0.0, 1.0]).low == pytest.approx(1 / 3)


def test_how_many_draws_are_at_hand_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values, units = normal(5, np.arange(40)), [number % 7 for number in range(40)]
    whole = mean(values, units)
    monkeypatch.setattr(stats, "_ROOM", 50)  # seven draws of seven units
    assert mean(values, units) == whole


def test_without_units_the_interval_is_the_textbook_s() -> None:
    x = normal(3, np.arange(400)) * 5 + 2
    found = mean(x)
    reach = 1.96 * x.std() / sqrt(400)
    assert found.low == pytest.approx(x.mean() - reach, abs=0.1 * reach)
    assert found.high == pytest.approx(x.mean() + reach, abs=0.1 * reach)


def test_the_same_value_many_times_is_no_more_evidence() -> None:
    x = normal(4, np.arange(50))
    once, often = mean(x), mean(np.repeat(x, 20), list(np.repeat(np.arange(50), 20)))
    assert (often.low, often.high) == (pytest.approx(once.low), pytest.approx(once.high))
    taken_apart = mean(np.repeat(x, 20))
    assert taken_apart.high - taken_apart.low < 0.3 * (once.high - once.low)  # 1 / sqrt(20)


def test_intervals_cover_as_often_as_they_say() -> None:
    """Prompts of chance 0.5 to 0.9, five pictures each: 95 % intervals hold about 95 %."""
    held = 0
    for trial in range(60):
        chance = 0.7 + 0.2 * np.sign(normal(trial, 1, np.arange(40)))
        right = normal(trial, 2, np.arange(200)) < _probit(np.repeat(chance, 5))
        found = share(right, list(np.repeat(np.arange(40), 5)))
        held += found.low <= 0.7 <= found.high
    assert held >= 53  # 57 expected; 53 or fewer once in twenty


def _probit(chance: np.ndarray) -> np.ndarray:
    from statistics import NormalDist

    return np.array([NormalDist().inv_cdf(float(c)) for c in chance])


def test_all_right_is_not_certainty_and_one_unit_is_no_interval() -> None:
    sure = share([True] * 20, list(range(20)))
    assert (sure.value, sure.high) == (1.0, 1.0)
    assert sure.low == pytest.approx(wilson(20, 20)[0])
    one = mean([3.0, 5.0], ["a", "a"])
    assert (one.value, one.low, one.high, one.units) == (4.0, -inf, inf, 1)
    assert one.facts() == {"value": 4.0, "low": None, "high": None, "n": 2, "units": 1}
    assert share([True]).low == pytest.approx(wilson(1, 1)[0])


def test_prompts_that_fail_as_a_whole_widen_a_share() -> None:
    units = list(np.repeat(np.arange(10), 10))
    whole = share(np.repeat(np.arange(10) < 5, 10), units)
    mixed = share(np.tile(np.arange(10) < 5, 10), units)
    assert (mixed.low, mixed.high) == wilson(50, 100)
    assert whole.high - whole.low > 2.5 * (mixed.high - mixed.low)


def test_the_seed_decides() -> None:
    x = normal(5, np.arange(30))
    assert mean(x, seed=1) == mean(x, seed=1)
    assert mean(x, seed=1) != mean(x, seed=2)


def test_auc_by_hand():
    """Of nine couples of one above and one below, 3 + 2 + 0 are won and one is a tie."""
    found = stats.auc([0.9, 0.5, 0.1], [0.2, 0.5, 0.3])
    assert found.value == pytest.approx((3 + 2.5 + 0) / 9)
    assert found.low <= found.value <= found.high
    assert (found.n, found.units) == (6, 3)
    assert stats.auc([1.0, 1.0], [0.0, 0.0]).low == 1.0


def test_calibration_error_by_hand():
    """Two at 0.75, one of them right; two at 0.05, neither: (2 * 0.25 + 2 * 0.05) / 4."""
    found = stats.calibration_error([0.75, 0.75, 0.05, 0.05], [True, False, False, False])
    assert found == pytest.approx(0.15)
    assert stats.calibration_error([1.0, 0.0], [True, False]) == 0.0
