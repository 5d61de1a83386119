"""What every method promises on every class of base model. A new method is a new line in TOYS."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from prefgen_toy import PLAN, prefgen, reader, taste
from premier_toy import premier

from palate import store
from palate.backbones.tiny import tiny_flux, tiny_sdxl
from palate.errors import BadTaste, Mismatch
from palate.generate import generate, plain
from palate.methods.instant.method import Instant
from palate.methods.instant.understanding import ByReader
from palate.methods.table import METHODS, serves
from palate.methods.table import method as by_name
from palate.methods.viper.method import Viper
from palate.methods.words import method as words
from palate.types import Mark, Method, Request, Taste

ALONE = replace(PLAN, sizes=replace(PLAN.sizes, components=("img",)))
TOYS: dict[str, Callable[[Any], Method]] = {
    "instant": lambda backbone: Instant(backbone, ByReader(reader())),
    "ip-adapter": lambda backbone: prefgen(ALONE, backbone),
    "prefgen": lambda backbone: prefgen(backbone=backbone),
    "premier": premier,
    "viper": lambda backbone: Viper(backbone, reader()),
    "viper-code": lambda backbone: Viper(backbone, reader(), "code"),
    "words": lambda backbone: words.Words(backbone, reader()),
}
BACKBONES = {
    "sdxl": tiny_sdxl,
    "flux": tiny_flux,
    "flux, guided": lambda: tiny_flux(distilled=False),
}
ASKED = Request(prompt="a cat", steps=2, seed=3)


@cache
def built(name: str, backbone: str) -> Any:
    return TOYS[name](BACKBONES[backbone]())


PAIRS = [(name, backbone) for name in TOYS for backbone in BACKBONES]
SERVED = [(name, backbone) for name, backbone in PAIRS if serves(name, backbone[:4].upper())]


@pytest.fixture(params=SERVED, ids=str)
def method(request):
    return built(*request.param)


def test_every_method_is_held_to_this():
    assert TOYS.keys() == METHODS.keys()
    assert {name for name, _ in SERVED} == TOYS.keys()
    assert all(built(*pair).mark.name == pair[0] for pair in SERVED)


@pytest.mark.parametrize(("name", "backbone"), sorted({*PAIRS} - {*SERVED}))
def test_a_method_says_which_base_models_it_serves(name, backbone):
    for refused in (lambda lent: by_name(name, lent), TOYS[name]):
        with pytest.raises(Mismatch, match="-class models, and tiny-sdxl is SDXL-class"):
            refused(BACKBONES[backbone]())


def test_it_is_a_method_and_its_profile_says_whose_it_is(method):
    assert isinstance(method, Method)
    person = method.read(taste(range(2), range(4, 6)))
    assert (person.method, person.backbone) == (method.mark, method.backbone.mark)
    assert (person.liked, person.disliked) == (2, 2)


def test_strength_zero_is_the_base_model_and_it_comes_back(method):
    person = method.read(taste(range(2)))
    base = plain(ASKED, backbone=method.backbone)[0].pixels
    silent = generate(person, replace(ASKED, strength=0.0), method=method)[0]
    assert np.array_equal(silent.pixels, base)
    generate(person, ASKED, method=method)
    assert np.array_equal(plain(ASKED, backbone=method.backbone)[0].pixels, base)


def test_people_in_one_batch_do_not_meet(method):
    people = [method.read(taste(range(2))), method.read(taste(range(7, 9), range(3, 5)))]
    asked = [ASKED, replace(ASKED, seed=4, strength=0.5)]
    together = generate(people, asked, method=method)
    for person, request, picture in zip(people, asked, together, strict=True):
        alone = generate(person, request, method=method)[0]
        assert np.abs(alone.pixels.astype(int) - picture.pixels).max() <= 1


def test_a_picture_says_how_it_was_made(method):
    person = method.read(taste(range(2)))
    (picture,) = generate(person, ASKED, method=method)
    assert picture.request == method.backbone.complete(ASKED)
    assert picture.method == method.mark and picture.backbone == method.backbone.mark
    assert picture.profile == Mark(
        name=method.mark.name, fingerprint=store.profile_fingerprint(person)
    )


def test_a_profile_is_a_file_and_as_good_as_the_taste(method, tmp_path):
    mine = taste(range(2), range(4, 6))
    person = method.read(mine)
    store.save_profile(tmp_path / "me.palate.safetensors", person)
    kept = store.load_profile(tmp_path / "me.palate.safetensors")
    one, other, anew = (
        generate(who, ASKED, method=method)[0].pixels for who in (person, kept, mine)
    )
    assert np.array_equal(one, other)
    # Read again, what is remembered of the first time is taken up: the same but for rounding.
    assert np.abs(one.astype(int) - anew).max() <= 1


@pytest.mark.parametrize("sides", [(range(1),), (range(10), range(10, 20))], ids=["one", "many"])
def test_few_and_many_pictures_will_do(method, sides):
    person = method.read(taste(*sides))
    assert (person.liked, person.disliked) == (len(sides[0]), len(sides[1:] and sides[1]))
    assert generate(person, ASKED, method=method)[0].pixels.shape == (64, 64, 3)


def test_the_same_picture_again_and_again_will_do(method):
    (one,) = taste(range(1)).liked
    assert method.read(Taste(liked=(one,) * 3)).liked == 3


def test_whose_it_is_not_is_refused(method):
    person = method.read(taste(range(1)))
    for change in ({"method": Mark(name="another")}, {"backbone": Mark(name="another")}):
        with pytest.raises(Mismatch, match=r"made for the .* another, and this is"):
            generate(replace(person, **change), ASKED, method=method)
    with pytest.raises(BadTaste, match="no pictures"):
        Taste(liked=())
