"""What experiments are made of, with numbers worked out by hand."""

import numpy as np
import pytest
import torch

from palate.evals.taste import Wish
from palate.recipes.claims.alignment import REAL, Way, distances, half_draws, spreads
from palate.recipes.claims.drifting import Drifting, row
from palate.recipes.claims.probes import Depth
from palate.recipes.claims.references import more
from palate.recipes.claims.rounds import missed
from palate.recipes.claims.speaking import swapped
from palate.recipes.probing import Probing
from palate.sketchbook.people import World, affinities
from palate.sketchbook.scenes import Content, look_from_codes
from palate.sketchbook.vocabulary import OFFSETS, SIZES
from palate.types import Mark, Profile


def test_the_layers_the_paper_names_are_shares_of_the_depth():
    asked = Probing(people=2, pairs=4, history=1)
    assert Depth(task="who", asked=asked)._named(32) == range(8, 21)
    assert Depth(task="like", asked=asked)._named(32) == range(29, 33)
    assert Depth(task="who", asked=asked)._named(16) == range(4, 11)
    assert Depth(task="like", asked=asked)._named(16) == range(15, 17)


def test_a_cloud_moved_is_as_far_as_it_was_moved():
    cloud = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
    far = distances({"moved": cloud + torch.tensor([3.0, 4.0, 0.0]), REAL: cloud}, draws=5)
    np.testing.assert_allclose(far["moved"], 25.0, rtol=1e-5)  # 3² + 4²; covariances are the same


def test_spread_is_the_squared_distance_from_the_middle():
    assert spreads(torch.tensor([[0.0, 0.0], [2.0, 0.0]])).tolist() == [1.0, 1.0]


def test_draws_give_an_interval_over_people():
    figure = half_draws(np.linspace(0, 1, 101), units=40)
    assert (figure.value, figure.low, figure.high) == pytest.approx((0.5, 0.025, 0.975))
    assert figure.units == 40


def test_ways_are_told_apart_by_name():
    ways = [Way(), Way(kernel="imq"), Way(factors=(0.25,)), Way(kind="both")]
    names = [str(way) for way in ways]
    assert names == ["MMD, rbf", "MMD, imq", "MMD, rbf at 0.25 of the median", "MSE and cosine"]


def test_a_single_bandwidth_is_the_kernel_it_says():
    x, y = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [2.0]])
    assert Way(factors=(1.0,)).missed(x, y) == pytest.approx(0, abs=1e-6)
    off = Way(kind="mse").missed(x, y + 1)
    assert off == pytest.approx(1.0)


def test_a_person_misses_what_costs_most_and_asks_once():
    affinity = affinities([7], World())[0]
    ends = zip(OFFSETS, SIZES, strict=True)
    worst = np.array([affinity[a : a + n].argmin() for a, n in ends])
    gaps = [np.ptp(affinity[a : a + n]) for a, n in zip(OFFSETS, SIZES, strict=True)]
    first = int(np.argmax(gaps))
    best = affinity[OFFSETS[first] : OFFSETS[first] + SIZES[first]].argmax()
    told: set[str] = set()
    wanted = look_from_codes([best if d == first else 0 for d in range(12)])[first]
    assert missed(7, worst.astype(np.uint8), told) == wanted
    assert missed(7, worst.astype(np.uint8), told) != wanted and len(told) == 2


def test_one_part_is_exchanged_and_no_other():
    def profile(value):
        tensors = {part: torch.full((2,), value) for part in ("sem", "core", "img")}
        return Profile(method=Mark(name="m"), backbone=Mark(name="b"), tensors=tensors)

    (mixed,) = swapped([profile(1.0)], [profile(2.0)], "core")
    assert [float(mixed.tensors[part][0]) for part in ("sem", "core", "img")] == [1, 2, 1]


def test_gaps_are_taken_picture_by_picture_over_people():
    wishes = [Wish(person=p, content=Content(subject="cat")) for p in (1, 1, 2)]
    gap = more([1.0, 0.5, 0.5], [0.5, 0.5, 0.5], wishes)
    assert gap.value == pytest.approx(1 / 6) and gap.units == 2


def test_a_changed_taste_is_one_persons_pairs_before_anothers():
    histories = Drifting(people=1, before=2, after=1)._histories()
    new, both, turned = (places for ((places, _),) in histories.values())
    assert new == [(1, 0)] and both == [(0, 0), (0, 1), (1, 0)] and turned[0] == (1, 0)
    pictures = [torch.arange(6.0).reshape(2, 3, 1, 1) + 10 * who for who in (0, 1)]
    told = [[(f"{who}{pair}+", f"{who}{pair}-") for pair in range(3)] for who in (0, 1)]
    question, seen = row(pictures, told, both, (1, 2))
    # liked, then disliked of each pair: person 0's pairs 0 and 1, person 1's 0; then asked 1's 2
    assert seen.flatten().tolist() == [0, 3, 1, 4, 10, 13, 12, 15]
    assert [one.prompt for one in question.shown] == ["00+", "00-", "01+", "01-", "10+", "10-"]
    assert (question.liked, question.disliked) == ("12+", "12-")
