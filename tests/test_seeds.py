"""Randomness is an argument: the same key gives the same number, whatever stands beside it."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from palate import seeds


def splitmix(state: int) -> int:
    """Steele, Lea, Flood 2014, in whole numbers: what `bits` must do to one key."""
    mask = 2**64 - 1
    x = (state + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & mask
    return x ^ x >> 31


def test_bits_are_the_published_splitmix64():
    assert int(seeds.bits(0)) == splitmix(0) == 0xE220A8397B1DCDAF  # the published first output
    assert int(seeds.bits(1234567)) == splitmix(1234567) == 6457827717110365317  # and of this seed


def test_each_key_continues_where_the_last_ended():
    assert int(seeds.bits(5, 9)) == splitmix(splitmix(5) + 9 & 2**64 - 1)


def test_a_negative_key_is_its_two_complement():
    assert int(seeds.bits(-1)) == splitmix(2**64 - 1)


def test_a_persons_number_does_not_depend_on_the_batch():
    people = np.arange(50_000)
    together = seeds.uniform(7, people)
    assert together[40_000] == seeds.uniform(7, 40_000) == seeds.uniform(7, people[39_999:])[1]
    assert np.array_equal(seeds.normal(7, people[:9]), seeds.normal(7, people[::-1])[::-1][:9])


def test_keys_broadcast():
    grid = seeds.uniform(1, np.arange(3)[:, None], np.arange(4))
    assert grid.shape == (3, 4) and grid[2, 1] == seeds.uniform(1, 2, 1)


def test_the_order_of_keys_matters():
    assert seeds.uniform(1, 2) != seeds.uniform(2, 1)
    assert seeds.uniform(1) != seeds.uniform(1, 0)


def test_another_machine_draws_the_same():
    code = "from palate import seeds; print(seeds.bits(3, 4), seeds.name_key('palette'))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == [str(seeds.bits(3, 4)), str(seeds.name_key("palette"))]


def test_uniform_fills_zero_to_one():
    u = seeds.uniform(0, np.arange(100_000))
    assert 0 <= u.min() < 1e-4 and 1 - 1e-4 < u.max() < 1
    counts, _ = np.histogram(u, 10, (0, 1))
    assert np.abs(counts - 10_000).max() < 400  # four standard deviations of 95, and some


def test_neighbouring_keys_are_not_alike():
    u = seeds.uniform(np.arange(200)[:, None], np.arange(200))
    for one, other in ((u[1:], u[:-1]), (u[:, 1:], u[:, :-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02  # sd of 0.005


def test_normal_is_normal():
    z = seeds.normal(3, np.arange(100_000))
    assert np.isfinite(z).all() and abs(z.mean()) < 0.02 and abs(z.std() - 1) < 0.02
    assert abs((np.abs(z) < 1.959964).mean() - 0.95) < 0.005


@pytest.mark.parametrize(
    ("u", "index"), [(0.0, 0), (0.2, 0), (0.25, 2), (0.74, 2), (0.75, 3), (0.999, 3)]
)
def test_pick_by_hand(u, index):
    """Weights 1, 0, 2, 1 reach 1, 1, 3, 4 of 4: the second is never drawn."""
    assert seeds.pick(np.array([1.0, 0.0, 2.0, 1.0]), np.array(u)) == index


def test_pick_draws_one_for_each_row():
    weights = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    assert seeds.pick(weights, np.array([0.6, 0.1, 0.9])).tolist() == [1, 1, 0]


def test_pick_stays_inside_when_sums_round():
    weights = np.full(10, 0.1)
    assert seeds.pick(weights, np.array(1 - 2.0**-53)) == 9


def test_a_word_has_one_key():
    assert seeds.name_key("warm") != seeds.name_key("cool")
    assert 0 <= seeds.name_key("") < 2**63


# Noise of pictures


def test_the_batch_a_picture_rides_in_cannot_change_its_noise():
    together = seeds.noise_for([5, 6, 7], (2, 3))
    assert together.shape == (3, 2, 3)
    assert torch.equal(together[1], seeds.noise_for([6], (2, 3))[0])
    assert not torch.equal(together[0], together[1])


def test_a_seed_of_any_size_makes_noise():
    huge, other, small = seeds.noise_for([2**70 + 5, 2**70 + 6, -(2**70)], (8,))
    assert not torch.equal(huge, other) and torch.isfinite(small).all()


def test_global_seeds_neither_change_noise_nor_are_changed():
    before, first = torch.get_rng_state(), seeds.noise_for([1], (4,))
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert torch.equal(seeds.noise_for([1], (4,)), first)


@pytest.mark.parametrize("seed", [1.0, "1", True, None])
def test_only_whole_numbers_seed(seed):
    with pytest.raises(TypeError, match="whole number"):
        seeds.generator(seed)
