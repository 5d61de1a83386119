"""Who likes what of the pictures everybody is shown: by hand, and as the drawn world has it."""

import numpy as np
import pytest

from palate.recipes.gallery import Gallery, drawn
from palate.seeds import uniform
from palate.sketchbook.people import World, affinities, chosen_looks, likelier
from palate.sketchbook.scenes import look_to_codes
from palate.sketchbook.vocabulary import OFFSETS, SIZES


def test_how_much_likelier_a_value_is_by_hand() -> None:
    """The softmax of ln 3, 0 … among eight palettes: 3/10, 1/10 …; each times 8."""
    affinity = np.zeros(sum(SIZES))
    affinity[0] = np.log(3)
    found = likelier(affinity, World(temperature=1.0, neutral=0.0))
    assert SIZES[0] == 8
    assert found[:9] == pytest.approx([2.4, *[0.8] * 7, 1.0])
    half = likelier(affinity, World(temperature=1.0, neutral=0.5))
    assert half[:9] == pytest.approx([1.7, *[0.9] * 7, 1.0])


def test_pictures_are_drawn_by_their_weights_and_none_twice() -> None:
    logits = np.log(np.array([6.0, 3.0, 1.0]))
    firsts = [drawn(logits, uniform(seed, np.arange(3)), 1)[0] for seed in range(2000)]
    shares = np.bincount(firsts, minlength=3) / 2000
    assert shares == pytest.approx([0.6, 0.3, 0.1], abs=0.035)  # three standard errors
    assert drawn(logits, uniform(1, np.arange(3)), 3).tolist() == [0, 1, 2]
    never = np.array([0.0, -np.inf, 0.0])
    assert all(1 not in drawn(never, uniform(seed, np.arange(3)), 2) for seed in range(50))


def shares(looks: np.ndarray) -> np.ndarray:
    """How often each of the fifty values is seen."""
    places = (looks + np.asarray(OFFSETS)).ravel()
    return np.bincount(places, minlength=sum(SIZES)) / len(looks)


@pytest.mark.slow
def test_what_is_chosen_is_what_would_have_been_drawn() -> None:
    gallery, world = Gallery(people=8, shown=3000, likes=(40, 60), dislikes=40), World()
    chosen, numbers = gallery.chosen(), gallery.numbers()
    looks = np.array([look_to_codes(scene.look) for scene in gallery.scenes])
    would = chosen_looks(affinities(numbers, world), numbers, 4000, world)
    for side in (0, 1):
        found = [shares(looks[which]) - shares(looks) for which in chosen[side]]
        wanted = [shares(some) - shares(looks) for some in would[side]]
        assert np.corrcoef(np.ravel(found), np.ravel(wanted))[0, 1] > 0.8
    for liked, disliked in zip(*chosen, strict=True):
        assert 40 <= len(liked) <= 60 and len(disliked) == 40
        assert not set(liked) & set(disliked)
