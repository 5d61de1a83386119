"""The nouns refuse what makes no sense, and never change."""

from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import numpy as np
import pytest

from palate import types
from palate.errors import BadInput, BadTaste, PalateError
from palate.types import Backbone, Example, Mark, Method, Picture, Profile, Request, Taste, Word

LIKED = Example(image=Path("a.png"), prompt="a boat")


def test_an_empty_taste_says_what_to_add():
    with pytest.raises(BadTaste, match=r"holds no pictures\. .* add a few that the person likes\."):
        Taste(liked=())


def test_dislikes_alone_are_no_taste():
    with pytest.raises(BadTaste, match=r"holds only 2 disliked pictures\."):
        Taste(liked=(), disliked=(LIKED, LIKED))


def test_one_like_is_a_taste():
    assert Taste(liked=(LIKED,)).disliked == ()


@pytest.mark.parametrize("name", ["strength", "avoid"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), -float("inf")])
def test_strengths_start_at_zero(name, value):
    with pytest.raises(BadInput, match=f"^{name} is {value}; it must be 0"):
        Request(prompt="x", **{name: value})


@pytest.mark.parametrize("name", ["width", "height", "steps"])
@pytest.mark.parametrize("value", [0, -8])
def test_sizes_and_steps_start_at_one(name, value):
    with pytest.raises(BadInput, match=f"^{name} is {value}; it must be at least 1"):
        Request(prompt="x", **{name: value})


@pytest.mark.parametrize("seed", [1.0, "1", True, None])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(BadInput, match="must be a whole number"):
        Request(prompt="x", seed=seed)


def test_a_plain_request_leaves_the_rest_to_the_backbone():
    request = Request(prompt="x")
    assert (request.width, request.height, request.steps, request.guidance) == (None,) * 4
    assert (request.strength, request.avoid, request.seed) == (1.0, 0.0, 0)


def test_zero_strength_and_odd_seeds_are_fine():
    assert Request(prompt="", strength=0, avoid=0, seed=-(2**70)).strength == 0


def test_a_bad_request_is_both_ours_and_a_value_error():
    with pytest.raises(PalateError) as caught:
        Request(prompt="x", steps=0)
    assert isinstance(caught.value, ValueError) and caught.value.exit_code == 2


MARK = Mark(name="m")
NOUNS = [
    LIKED,
    Taste(liked=(LIKED,)),
    Word(text="warm"),
    MARK,
    Profile(method=MARK, backbone=MARK),
    Request(prompt="x"),
    Picture(pixels=np.zeros((1, 1, 3), np.uint8), request=Request(prompt="x"), backbone=MARK),
]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: type(noun).__name__)
def test_nouns_are_frozen_and_named(noun):
    first = fields(noun)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(noun, first, None)
    with pytest.raises(TypeError):
        type(noun)(getattr(noun, first))  # by position


def test_a_change_is_checked_like_a_beginning():
    with pytest.raises(BadInput):
        replace(Request(prompt="x"), strength=-1.0)


def test_profiles_do_not_share_their_empty_tensors():
    one, other = (Profile(method=MARK, backbone=MARK) for _ in range(2))
    assert one.tensors is not other.tensors


def test_a_mark_shows_enough_to_tell_weights_apart():
    assert str(Mark(name="sdxl", fingerprint="0123456789abcdef")) == "sdxl (01234567)"
    assert str(Mark(name="sdxl")) == "sdxl"


def test_protocols_know_their_own():
    class Steered:
        mark = MARK

        def encode(self, prompts):
            return prompts

        def sample(self, requests):
            return []

    assert isinstance(Steered(), Backbone) and not isinstance(Steered(), Method)


def test_every_public_noun_is_documented():
    nouns = [
        value
        for value in vars(types).values()
        if getattr(value, "__module__", "") == types.__name__
    ]
    assert len(nouns) >= 9 and all(noun.__doc__ for noun in nouns)
