"""A named thing that is missing is tried for once more, and only that picture."""

from dataclasses import replace

import pytest
from prefgen_toy import example

from palate.backbones.tiny import tiny_sdxl
from palate.errors import BadPicture, BadTaste
from palate.methods.instant.checking import checked, missing
from palate.methods.instant.keywords import Keywords
from palate.methods.instant.method import Instant
from palate.methods.instant.understanding import ByRule
from palate.types import Example, Profile, Request, Taste


class Saying(ByRule):
    """Plans by rule and says what it is told to; stands in for eyes."""

    def __init__(self, *said: str) -> None:
        self.said = list(said)

    def describe(self, pictures):
        return [self.said.pop(0) for _ in pictures]


def method(*said: str) -> Instant:
    return Instant(tiny_sdxl(), Saying(*said))


def test_what_is_missing_by_hand() -> None:
    assert missing("two cats left of a red cup", "a cat, cups on a shelf") == ()
    assert missing("a cat left of a red cup", "Dog, teacup") == ("a cat", "a red cup")
    assert missing("something blue", "nothing") == ()


def test_only_what_lacks_something_is_made_again_with_other_noise_and_half_the_preference() -> None:
    found = method("a cat", "a dog", "a cat, a cup")
    person = Profile(method=found.mark, backbone=found.backbone.mark)
    one = Request(prompt="a cat", steps=1, seed=5)
    two = replace(one, prompt="a cat above a cup")
    first, second = checked(found, [person, person], [one, two])
    assert (first.tries, first.missing, first.picture.request.seed) == (1, (), 5)
    assert (second.tries, second.missing) == (2, ())
    assert (second.picture.request.seed, second.picture.request.strength) == (6, 0.5)


def test_a_second_try_that_is_no_better_is_not_taken() -> None:
    found = method("fog", "fog")
    person = Profile(method=found.mark, backbone=found.backbone.mark)
    (kept,) = checked(found, [person], [Request(prompt="a cat", steps=1, seed=5)])
    assert (kept.tries, kept.missing, kept.picture.request.seed) == (2, ("a cat",), 5)


def test_pictures_are_looked_at_once() -> None:
    looked: list[int] = []

    class Counting(Saying):
        def analyse(self, pictures):
            looked.append(len(pictures))
            return [Keywords() for _ in pictures]

    found = Instant(tiny_sdxl(), Counting())
    one, two = example(1), example(2)
    found.read(Taste(liked=(one, one, two)))
    found.read(Taste(liked=(two,), disliked=(one,)))
    assert looked == [2, 0, 0, 0]


def test_a_reference_that_is_no_picture_is_refused_before_anybody_is_asked() -> None:
    found = Instant(tiny_sdxl(), Saying())
    with pytest.raises(BadPicture, match="The picture"):
        found.read(Taste(liked=(Example(image=b"not a picture"),)))
    with pytest.raises(BadTaste, match="at least one liked picture"):
        Taste(liked=())
