"""What stands where, against what is drawn."""

import numpy as np
import pytest

from palate.sketchbook.drawing import draw
from palate.sketchbook.layout import FALLS, PARTS, layout
from palate.sketchbook.scenes import Content, Scene, any_scene, look_of
from palate.sketchbook.vocabulary import SUBJECTS

PAIR = Content(subject="cup", relation="left of", other="car")


def middle(where):
    return np.argwhere(where).mean(0)


def test_each_of_two_stands_on_its_side():
    codes = layout(Scene(content=PAIR, seed=4), 64)[..., 0]
    cup, car = (codes == 1 + SUBJECTS.index(subject) for subject in ("cup", "car"))
    assert set(np.unique(codes)) == {0, 1 + SUBJECTS.index("cup"), 1 + SUBJECTS.index("car")}
    assert middle(cup)[1] < 32 < middle(car)[1]
    assert 0.02 < cup.mean() < 0.2


def test_the_look_of_things_does_not_matter_and_their_place_does():
    plain = Scene(content=PAIR, seed=4)
    night = Scene(content=PAIR, seed=4, look=look_of(palette="neon", light="night", medium="ink"))
    leaning = Scene(content=PAIR, seed=4, look=look_of(tilt="leaning left"))
    assert np.array_equal(layout(plain, 32), layout(night, 32))
    assert not np.array_equal(layout(plain, 32), layout(leaning, 32))


def test_where_nobody_stands_another_subject_changes_nothing():
    one, other = (Scene(content=Content(subject=s), seed=9) for s in ("house", "tree"))
    nobody = (layout(one, 128)[..., 0] == 0) & (layout(other, 128)[..., 0] == 0)
    same = (draw(one) == draw(other)).all(-1)
    assert (same | ~nobody).mean() > 0.98  # the edges of things are soft
    assert same[~nobody].mean() < 0.5


@pytest.mark.parametrize("seed", range(8))
def test_parts_are_where_subjects_are(seed):
    codes = layout(any_scene(seed), 32)
    assert codes.shape == (32, 32, 3)
    assert np.array_equal(codes[..., 0] == 0, codes[..., 1] == 0)
    assert codes[..., 1].max() <= len(PARTS)


@pytest.mark.parametrize("kind", FALLS)
def test_what_falls_is_where_it_is_drawn(kind):
    there = Scene(content=PAIR, seed=4, look=look_of(ornament=kind))
    clear = Scene(content=PAIR, seed=4)
    codes = layout(there, 128)
    assert set(np.unique(codes[..., 2])) == {0, 1 + FALLS.index(kind)}
    assert np.array_equal(codes[..., :2], layout(clear, 128)[..., :2])
    assert not layout(clear, 128)[..., 2].any()
    changed = (draw(there) != draw(clear)).any(-1)
    falls = codes[..., 2] > 0
    assert changed[falls].mean() > 0.9
    assert changed[~falls].mean() < 0.06  # the edges of things are soft
