"""Intervals against closed forms and numbers worked out by hand."""

from math import inf, sqrt

import numpy as np
import pytest

from palate.evals import crossed, paired, stats
from palate.evals.crossed import Table
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


SQUARE = np.array([0.0, 1.0, 2.0, 5.0])  # rows 0 0 1 1, columns 0 1 0 1
ROWS, COLUMNS = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])


def test_rows_and_columns_are_drawn_apart() -> None:
    """Each of two rows and two columns twice, once or never: 16 ways, worked out by hand."""
    means = Table(SQUARE, ROWS, COLUMNS).drawn(stats.DRAWS)
    for value, of_16 in {0: 1, 0.5: 2, 1: 3, 2: 5, 3: 2, 3.5: 2, 5: 1}.items():
        assert (means == value).mean() == pytest.approx(of_16 / 16, abs=0.035)
    assert len(means) == stats.DRAWS


def test_the_pigeonhole_s_variance_is_the_closed_form() -> None:
    """S_rows/R + S_columns/C + S_rest/RC, each a mean square: of the square 1.125 + 0.5 + 0.0625;
    and of eight rows and twelve columns with one missing value in none."""
    assert Table(SQUARE, ROWS, COLUMNS).drawn(stats.DRAWS).var() == pytest.approx(1.6875, rel=0.1)
    table = normal(7, np.arange(96)).reshape(8, 12) + 2 * normal(8, np.arange(12))
    row, column, middle = table.mean(1), table.mean(0), table.mean()
    rest = table - row[:, None] - column + middle
    expected = row.var() / 8 + column.var() / 12 + (rest**2).mean() / 96
    rows, columns = (axis.ravel() for axis in np.indices(table.shape))
    found = Table(table.ravel(), rows, columns).drawn(stats.DRAWS).var()
    assert found == pytest.approx(expected, rel=0.1)


def test_two_ways_count_what_is_left_once() -> None:
    """By hand, of the square less 2: rows sum to -3 and 3, columns to -2 and 2; 18/16 is the most,
    as 18/16 + 8/16 - 14/16 is less. With rows alike, columns -3 and 3: 18/16 + 0 - 10/16 or 18/16.
    """
    assert Table(SQUARE, ROWS, COLUMNS).variance() == pytest.approx(18 / 16)
    big = np.array([0.0, 4.0, 4.0, 12.0])  # less 5: rows -6, 6; columns -6, 6; cells 25 1 1 49
    assert Table(big, ROWS, COLUMNS).variance() == pytest.approx((72 + 72 - 76) / 16 + 0.25)


def test_prompts_that_people_share_widen_an_interval_by_what_they_differ() -> None:
    """Sixty people, two of forty prompts each: where neither matters the interval is that of 120
    values, 2 * 1.96 / sqrt(120), and where prompts alone do it is that of forty."""
    people, prompts = np.repeat(np.arange(60), 2), (np.arange(120) * 7) % 40
    names, widths = (list(people), list(prompts)), []
    for trial in range(20):
        both = mean(normal(trial, np.arange(120)), *names)
        widths.append(both.high - both.low)
    assert np.mean(widths) == pytest.approx(2 * 1.96 / sqrt(120), rel=0.12)
    own = normal(2, np.arange(40))[prompts]
    alone, both, by_prompt = mean(own, names[0]), mean(own, *names), mean(own, names[1])
    assert both.high - both.low == pytest.approx(by_prompt.high - by_prompt.low, rel=0.1)
    assert both.high - both.low > 1.3 * (alone.high - alone.low)
    assert (both.value, both.n, both.units) == (alone.value, 120, 60)


def test_how_many_weights_are_at_hand_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [number % 5 for number in range(40)], [number % 7 for number in range(40)]
    values = normal(5, np.arange(40))
    whole = mean(values, *names)
    monkeypatch.setattr(crossed, "_ROOM", 120)  # three draws of forty values
    again = mean(values, *names)
    assert (again.low, again.high) == (pytest.approx(whole.low), pytest.approx(whole.high))


def test_what_is_nobody_else_s_changes_nothing() -> None:
    x, people = normal(3, np.arange(8)), [0, 0, 1, 1, 2, 2, 3, 3]
    assert mean(x, people, list(range(8))) == mean(x, people, ["one"] * 8) == mean(x, people)
    assert share(x > 0, people, list(range(8))) == share(x > 0, people)


def test_two_way_intervals_cover_as_often_as_they_say() -> None:
    """People, prompts and the rest alike in size; true mean 0."""
    held, people = 0, np.repeat(np.arange(30), 4)
    prompts = (np.arange(120) * 7 + people) % 24
    for trial in range(60):
        x = normal(trial, 1, np.arange(30))[people] + normal(trial, 2, np.arange(24))[prompts]
        found = mean(x + normal(trial, 3, np.arange(120)), list(people), list(prompts))
        held += found.low <= 0 <= found.high
    assert held >= 53  # 57 expected


def test_a_permutation_hears_of_prompts_that_people_share() -> None:
    """20 people, the same 5 prompts; all that differs is the prompt's: people's signs alone would
    call nearly any mean sure."""
    people, prompts = np.repeat(np.arange(20), 5), np.tile(np.arange(5), 20)
    often = 0
    for trial in range(60):
        x = normal(trial, np.arange(5))[prompts] + 0.2 * normal(100 + trial, np.arange(100))
        found = paired.difference(x, np.zeros(100), people.tolist(), prompts.tolist())
        alone = paired.difference(x, np.zeros(100), people.tolist())
        assert found.p >= alone.p
        often += found.p < 0.05
    assert often <= 15  # five prompts are few; of people alone it is more than forty


def test_what_nobody_shares_is_no_wider() -> None:
    x, people = normal(1, np.arange(40)), list(np.repeat(np.arange(20), 2))
    assert stats.wider(x, people, list(range(40))) == stats.wider(x, people, None) == 1.0
    # 2 people x 2 prompts, values 1 and 3 by prompt: rows do not differ, columns do
    assert stats.wider([1.0, 3.0, 1.5, 3.5], [0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(4.0)
