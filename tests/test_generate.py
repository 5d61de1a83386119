"""The path, walked by a method of two lines over a toy backbone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from palate.backbones import SDXL, Voice
from palate.backbones.tiny import tiny_sdxl
from palate.errors import Mismatch
from palate.generate import generate, plain
from palate.store import profile_fingerprint
from palate.types import Example, Mark, Method, Profile, Request, Taste

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


@dataclass
class Loud:
    """Speaks with one token, which is how many pictures somebody liked."""

    backbone: SDXL
    mark: Mark = field(default_factory=lambda: Mark(name="loud"))
    read_so_far: int = 0

    def read(self, taste: Taste) -> Profile:
        self.read_so_far += 1
        token = torch.full((1, 64), float(len(taste.liked)))
        return Profile(method=self.mark, backbone=self.backbone.mark, tensors={"token": token})

    @contextmanager
    def steer(self, profiles: Sequence[Profile], requests: Sequence[Request]) -> Iterator[SDXL]:
        tokens = torch.stack([profile.tensors["token"] for profile in profiles])
        strength = tuple(request.strength for request in requests)
        with self.backbone.attending(Voice(tokens=tokens, instead=True, strength=strength)) as lent:
            yield lent


def taste(liked: int) -> Taste:
    return Taste(liked=(Example(image=b"unread"),) * liked)


@pytest.fixture(scope="module")
def loud() -> Loud:
    return Loud(tiny_sdxl())


def test_a_method_is_a_method(loud: Loud) -> None:
    assert isinstance(loud, Method)


def test_one_person_one_request(loud: Loud) -> None:
    (picture,) = generate(taste(2), Request(prompt="a cat"), method=loud)
    (base,) = plain(Request(prompt="a cat"), backbone=loud.backbone)
    assert not np.array_equal(picture.pixels, base.pixels)
    assert picture.method == loud.mark and base.method is None


def test_a_taste_is_read_once_for_many_requests(loud: Loud) -> None:
    before = loud.read_so_far
    pictures = generate(taste(2), [Request(prompt="a cat"), Request(prompt="a cup")], method=loud)
    assert len(pictures) == 2 and loud.read_so_far == before + 1


def test_people_and_requests_go_in_pairs_and_a_profile_is_taken_as_it_is(loud: Loud) -> None:
    people, request = [taste(1), loud.read(taste(3))], Request(prompt="a cat", seed=5)
    one, other = generate(people, [request, request], method=loud)
    assert not np.array_equal(one.pixels, other.pixels)
    (alone,) = generate(people[1], request, method=loud)
    assert abs(alone.pixels.astype(int) - other.pixels).max() <= 1
    assert other.profile == Mark(name="loud", fingerprint=profile_fingerprint(people[1]))


def test_strength_zero_is_the_plain_path(loud: Loud) -> None:
    request = Request(prompt="a cat", strength=0.0)
    (steered,) = generate(taste(2), request, method=loud)
    (base,) = plain(request, backbone=loud.backbone)
    assert np.array_equal(steered.pixels, base.pixels)


def test_people_without_a_partner_are_refused(loud: Loud) -> None:
    requests = [Request(prompt="a cat")] * 3
    with pytest.raises(Mismatch, match="2 people and 3 requests"):
        generate([taste(1), taste(2)], requests, method=loud)
