"""A verdict follows from intervals, by rule."""

from math import inf

import pytest

from palate.errors import UnknownName
from palate.evals.stats import Figure
from palate.recipes.claims.claim import LEAST, Found, checked_budget, counted, verdict


def found(low: float, high: float, *, above: float | None = 0.0, units: int = 20) -> Found:
    figure = Figure(value=(low + high) / 2, low=low, high=high, n=units, units=units)
    return Found(says="a figure", figure=figure, above=above)


@pytest.mark.parametrize(
    ("low", "high", "above", "expected"),
    [
        (0.1, 0.3, 0.0, "holds"),
        (-0.1, 0.3, 0.0, "cannot be told"),
        (-0.3, -0.1, 0.0, "does not hold"),
        (0.0, 0.3, 0.0, "cannot be told"),  # the interval reaches the bound
        (0.0, 0.0, 0.0, "does not hold"),  # no difference at all is not more
        (-0.04, 0.3, -0.05, "holds"),  # no less than a little
        (0.1, 0.3, 0.5, "does not hold"),
    ],
)
def test_one_figure(low, high, above, expected):
    assert found(low, high, above=above).verdict == expected


def test_a_figure_without_a_bound_decides_nothing():
    assert found(0.1, 0.3, above=None).verdict is None
    assert verdict([found(-1, -0.5, above=None), found(0.1, 0.3)]) == "holds"


def test_few_people_never_decide():
    assert found(0.1, 0.3, units=LEAST - 1).verdict == "cannot be told"
    assert found(0.1, 0.3, units=LEAST).verdict == "holds"


def test_all_parts_must_hold_and_one_is_enough_against():
    yes, no, open_ = found(0.1, 0.3), found(-0.3, -0.1), found(-0.1, 0.1)
    assert verdict([yes, yes]) == "holds"
    assert verdict([yes, open_]) == "cannot be told"
    assert verdict([yes, open_, no]) == "does not hold"


def test_a_figure_comes_back_from_json_with_its_endless_interval():
    endless = found(-inf, inf)
    again = Found.of(
        Found(says="x", figure=Figure(value=1, low=-inf, high=inf, n=1, units=1)).facts()
    )
    assert (again.figure.low, again.figure.high) == (-inf, inf)
    assert endless.verdict == "cannot be told"
    once = found(0.1, 0.3)
    assert Found.of(once.facts()) == once


def test_a_budget_is_one_of_two():
    assert checked_budget("full") == "full"
    with pytest.raises(UnknownName, match=r"No budget named 'huge'\. Known: full, small"):
        checked_budget("huge")


def test_counts_in_words():
    assert counted(["holds", "holds", "cannot be told"]) == "2 hold, 1 cannot be told"
    assert counted(["does not hold"]) == "1 does not hold"
