import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from palate.errors import BadInput
from palate.sketchbook.drawing import GOLDEN, draw, fingerprint
from palate.sketchbook.scenes import CONTENTS, Content, Scene, any_scene, look_of
from palate.sketchbook.vocabulary import DIMENSIONS, SUBJECTS


def test_the_world_looks_as_it_always_did():
    assert fingerprint() == GOLDEN


def test_another_process_draws_the_same_bytes():
    code = "from palate.sketchbook.drawing import fingerprint; print(fingerprint(5))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == fingerprint(5)


def test_what_was_drawn_before_does_not_matter():
    alone = draw(any_scene(7))
    for seed in range(20):
        draw(any_scene(seed))
    np.testing.assert_array_equal(draw(any_scene(7)), alone)


def test_a_drawing_is_square_bytes():
    for size in (32, 100, 128, 256):
        picture = draw(any_scene(1), size)
        assert picture.shape == (size, size, 3)
        assert picture.dtype == np.uint8


@pytest.mark.parametrize("size", [0, 31, 1025])
def test_an_unreasonable_size_is_refused_with_what_is_allowed(size):
    with pytest.raises(BadInput, match="32 to 1024"):
        draw(any_scene(0), size)


def _differ(a, b) -> float:
    """The share of pixels that changed by more than an eye would forgive."""
    return float((np.abs(a.astype(int) - b.astype(int)).max(axis=-1) > 12).mean())


@pytest.mark.parametrize("dimension", list(DIMENSIONS))
def test_every_value_can_be_seen(dimension):
    """Between any two values of a dimension, at least one pixel in a hundred changes."""
    base = {"palette": "warm", "outline": "fine outline", "backdrop": "hills"}
    drawn = {
        value: draw(
            Scene(content=Content(subject="castle"), look=look_of(**(base | {dimension: value})))
        )
        for value in DIMENSIONS[dimension]
    }
    for a, b in combinations(drawn, 2):
        assert _differ(drawn[a], drawn[b]) > 0.01, (a, b)


@pytest.mark.parametrize("shape", DIMENSIONS["shape"])
def test_no_two_subjects_look_alike(shape):
    look = look_of(shape=shape, outline="fine outline")
    drawn = [draw(Scene(content=Content(subject=s), look=look, seed=3)) for s in SUBJECTS]
    for a, b in combinations(range(len(drawn)), 2):
        assert _differ(drawn[a], drawn[b]) > 0.04, (SUBJECTS[a], SUBJECTS[b])


def test_left_of_means_left_and_right_of_right():
    """Swap the first subject for another, and see where the picture changes."""

    def middle(relation: str) -> tuple[float, float]:
        content = Content(subject="fish", relation=relation, other="mountain")
        both = draw(Scene(content=content, look=look_of(palette="cool"), seed=5)).astype(int)
        other = Content(subject="tree", relation=relation, other="mountain")
        swapped = draw(Scene(content=other, look=look_of(palette="cool"), seed=5)).astype(int)
        y, x = np.nonzero(np.abs(both - swapped).max(axis=-1) > 30)  # only the first subject moved
        return float(x.mean()) / 128, float(y.mean()) / 128

    assert middle("left of")[0] < 0.4
    assert middle("right of")[0] > 0.6
    assert middle("above")[1] < 0.4


def test_the_seed_moves_little_things_only():
    scene = Scene(content=Content(subject="boat"), look=look_of(palette="jewel"), seed=1)
    again = Scene(content=scene.content, look=scene.look, seed=2)
    assert 0.01 < _differ(draw(scene), draw(again)) < 0.6


def test_there_are_408_prompts_and_no_two_alike():
    assert len(CONTENTS) == 12 + 12 * 3 * 11 == len(set(CONTENTS))
