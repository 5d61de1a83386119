import numpy as np
import pytest

from palate.errors import BadInput
from palate.sketchbook.people import (
    World,
    affinities,
    attributes,
    chosen_looks,
    percentile,
    utility,
)
from palate.sketchbook.vocabulary import OFFSETS, SIZES, VALUES

WORLD = World()


def test_a_person_is_the_same_alone_and_in_a_crowd():
    crowd = affinities(np.arange(40_000, 40_050), WORLD)
    np.testing.assert_array_equal(affinities([40_007], WORLD)[0], crowd[7])


def test_another_world_has_other_people():
    assert not np.allclose(affinities([1], WORLD), affinities([1], World(seed=1)))


def test_affinities_are_centred_in_each_dimension_and_of_unit_scale():
    taste = affinities(np.arange(2000), WORLD)
    for start, count in zip(OFFSETS, SIZES, strict=True):
        np.testing.assert_allclose(taste[:, start : start + count].sum(axis=1), 0, atol=1e-5)
    assert taste.std() == pytest.approx(1, abs=0.03)


def test_utility_adds_the_twelve_values():
    taste = np.arange(50.0)
    looks = np.zeros((2, 12), np.uint8)
    looks[1, 0], looks[1, 11] = 7, 2
    # the first value of each dimension: 0 8 14 18 22 25 30 34 37 40 44 47
    assert utility(taste, looks).tolist() == [319.0, 319.0 + 7 + 2]


def test_percentile_by_hand():
    """Only the first value of the first dimension is liked: one look in eight has it."""
    taste = np.zeros(50)
    taste[0] = 1.0
    assert percentile(taste, [0.0, 1.0, -5.0, 5.0]).tolist() == [
        7 / 8 / 2,  # seven in eight tie with it
        7 / 8 + 1 / 8 / 2,
        0.0,
        1.0,
    ]


def test_percentile_agrees_with_counting_random_looks():
    taste = affinities([5], WORLD)[0]
    codes = (np.random.default_rng(0).random((200_000, 12)) * SIZES).astype(np.uint8)
    drawn = utility(taste, codes)
    for wanted in np.quantile(drawn, [0.1, 0.5, 0.9]):
        assert percentile(taste, wanted) == pytest.approx((drawn < wanted).mean(), abs=0.005)


def test_the_best_look_is_liked_more_than_all_others():
    taste = affinities([9], WORLD)[0]
    best = [np.argmax(taste[s : s + n]) for s, n in zip(OFFSETS, SIZES, strict=True)]
    one = 1 / np.prod(SIZES)
    assert percentile(taste, utility(taste, np.array(best, np.uint8))) == pytest.approx(1 - one / 2)


def test_every_value_is_liked_or_disliked():
    liked, disliked = attributes(affinities([3], WORLD)[0])
    assert len(liked) + len(disliked) == 50
    assert set(liked).isdisjoint(disliked)
    assert liked[0] == VALUES[np.argmax(affinities([3], WORLD)[0])][1]


def _seen(looks: np.ndarray) -> np.ndarray:
    """How often each value was seen, (..., 50)."""
    places = looks + np.asarray(OFFSETS)
    return (places[..., None] == np.arange(50)).sum(axis=-2)


def test_taste_is_neither_trivial_nor_noise():
    """A reader that counts attributes reaches the published figures, and knowing all a ceiling."""
    people = np.arange(3000)
    taste = affinities(people, WORLD)
    liked, disliked = chosen_looks(taste, people, 9, WORLD)
    better, worse = utility(taste[:, None], liked), utility(taste[:, None], disliked)
    assert (better > worse).mean() == pytest.approx(0.975, abs=0.01)
    for pairs, expected in {1: 0.76, 2: 0.82, 4: 0.89, 8: 0.93}.items():
        counted = (_seen(liked[:, :pairs]) - _seen(disliked[:, :pairs])).sum(axis=1)
        a = (counted * _seen(liked[:, 8])).sum(axis=1)
        b = (counted * _seen(disliked[:, 8])).sum(axis=1)
        assert ((a > b) + 0.5 * (a == b)).mean() == pytest.approx(expected, abs=0.025), pairs


def test_a_pair_is_the_same_alone_and_among_many():
    people = np.arange(20)
    taste = affinities(people, WORLD)
    many, _ = chosen_looks(taste, people, 9, WORLD)
    few, _ = chosen_looks(taste[7:8], people[7:8], 3, WORLD)
    np.testing.assert_array_equal(few[0], many[7, :3])


@pytest.mark.parametrize(
    "settings", [{"archetypes": 0}, {"temperature": 0.0}, {"neutral": 1.5}, {"personal": -0.1}]
)
def test_an_impossible_world_is_refused(settings):
    with pytest.raises(BadInput):
        World(**settings)
