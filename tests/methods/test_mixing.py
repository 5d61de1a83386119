"""Several people in one profile, by hand."""

from dataclasses import replace

import pytest
import torch

from palate.errors import BadInput, Mismatch
from palate.methods.mixing import between, mixed
from palate.types import Mark, Profile, Word


def person(user: float, *words: Word, away: bool = False) -> Profile:
    tensors = {"user": torch.full((2, 3), user, dtype=torch.bfloat16)}
    tensors |= {"away": torch.ones(1)} if away else {}
    return Profile(
        method=Mark(name="premier", fingerprint="1" * 16),
        backbone=Mark(name="tiny-flux"),
        tensors=tensors,
        words=words,
        liked=3,
        disliked=1,
    )


def test_a_mix_by_hand():
    found = mixed([person(2.0), person(6.0)], [1.0, 3.0])
    assert found.tensors["user"].dtype == torch.bfloat16
    assert (found.tensors["user"] == 5).all()
    assert (mixed([person(2.0), person(6.0)]).tensors["user"] == 4).all()
    assert (mixed([person(2.0), person(6.0)], [2.0, -1.0]).tensors["user"] == -2).all()
    assert (found.liked, found.disliked, found.method) == (6, 2, person(0).method)


def test_words_are_mixed_too():
    ink, warm = Word(text="ink", weight=2.0), Word(text="warm", weight=1.0)
    found = mixed([person(0, ink, warm), person(0, replace(ink, weight=-1.0))], [0.5, 0.5])
    assert found.words == (replace(ink, weight=0.5), replace(warm, weight=0.5))
    assert mixed([person(0, ink), person(0, replace(ink, weight=-2.0))]).words == ()


def test_what_not_everybody_has_is_left_out():
    assert set(mixed([person(0, away=True), person(0)]).tensors) == {"user"}
    assert set(mixed([person(0, away=True)] * 2).tensors) == {"user", "away"}


def test_the_way_between_two_people():
    way = between(person(0.0), person(8.0), 5)
    assert [profile.tensors["user"][0, 0].item() for profile in way] == [0, 2, 4, 6, 8]
    with pytest.raises(BadInput, match="way of 1 steps"):
        between(person(0.0), person(8.0), 1)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0], "2 profiles and 1 weights. Give one for each"),
        ([1.0, -1.0], r"weights are 1, -1; .* sum is not 0"),
        ([1.0, float("nan")], "must be numbers"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights, said):
    with pytest.raises(BadInput, match=said):
        mixed([person(1.0), person(2.0)], weights)
    with pytest.raises(BadInput, match="nobody to mix"):
        mixed([])


@pytest.mark.parametrize("what", ["method", "backbone"])
def test_profiles_that_do_not_belong_together_are_named(what):
    other = replace(person(1.0), **{what: Mark(name="another", fingerprint="2" * 16)})
    with pytest.raises(Mismatch) as problem:
        mixed([person(1.0), other])
    mine = {"method": r"premier (11111111)", "backbone": "tiny-flux"}[what]
    assert f"by the {what} {mine} and one by another (22222222)" in str(problem.value)


def test_tensors_of_other_shapes_are_refused():
    odd = replace(person(1.0), tensors={"user": torch.zeros(4)})
    with pytest.raises(Mismatch, match=r"user is \(2, 3\) and \(4,\) in these profiles"):
        mixed([person(1.0), odd])
