"""Plans: what a prompt names, where it goes, and every kind of bad box."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.errors import BadInput
from palate.methods.instant.entities import named, unsaid, words_of
from palate.methods.instant.keywords import Keyword, Keywords
from palate.methods.instant.layout import SAID, planned
from palate.methods.instant.plan import MOST, SMALLEST, Plan, Region, Sketch, made, overlap, region
from palate.methods.instant.settled import agreeing, told, unsettled

WORDS = Keywords(
    visual_elements=(Keyword(text="cool colors"),),
    emotion_atmosphere=(Keyword(text="at night", weight=0.5),),
)


@pytest.mark.parametrize(
    ("prompt", "entities", "cells"),
    [
        ("a lighthouse left of a boat, watercolor", ("a lighthouse", "a boat"), ((0, 0), (1, 0))),
        ("a cat to the right of two red cups", ("a cat", "two red cups"), ((1, 0), (0, 0))),
        ("A bird above the castle at dusk", ("A bird", "the castle"), ((0, 0), (0, 1))),
        ("a boat under a bridge", ("a boat", "a bridge"), ((0, 1), (0, 0))),
        ("a cat, a dog and a bird", ("a cat", "a dog", "a bird"), ((0, 0), (1, 0), (2, 0))),
        ('a "cat" {and} a dog\nleft of the car', ("a cat", "a dog", "the car"), None),
        ("a picture of a cat", ("a cat",), ((0, 0),)),
        ("un gato y un perro", (), ()),
        ("猫と犬", (), ()),
        ("", (), ()),
    ],
)
def test_what_a_prompt_names_and_where_it_stands(prompt, entities, cells) -> None:
    found = named(prompt)
    assert found.entities == entities
    assert cells is None or found.cells == cells


def test_what_a_thing_has_is_said_with_it_and_the_scene_with_the_whole() -> None:
    found = named("a girl with a pearl earring left of a cat in the snow, oil on canvas")
    assert found.phrases == ("a girl with a pearl earring", "a cat")
    assert found.entities == ("a girl", "a cat")
    assert found.rest == "in the snow, oil on canvas"


def test_words_in_any_script() -> None:
    assert words_of("The CAT, the Straße & 猫_2") == ("cat", "strasse", "猫", "2")
    assert unsaid("a red cat", "A Red dog") == ("cat",)


def test_a_plan_by_rule_by_hand() -> None:
    plan = planned("a cat left of a dog, in the snow", WORDS)
    assert plan.enriched_prompt == "a cat left of a dog, in the snow, cool colors, at night"
    assert plan.background_prompt == "in the snow, cool colors, at night"
    assert [(r.entity, r.box) for r in plan.regions] == [
        ("a cat", (20, 20, 480, 980)),
        ("a dog", (520, 20, 980, 980)),
    ]


def test_one_thing_may_stand_where_it_likes() -> None:
    assert planned("a cat", WORDS).regions == ()
    assert planned("", Keywords()).enriched_prompt == "a picture"


def test_what_the_prompt_settles_is_not_overruled() -> None:
    night, noon = planned("a cat, at night", WORDS), planned("a cat in warm colors", WORDS)
    assert night.enriched_prompt == "a cat, at night, cool colors"
    assert noon.enriched_prompt == "a cat in warm colors, at night"
    assert unsettled("a cat, at noon", [Keyword(text="at night")]) == []  # both are light


def test_of_one_matter_the_strongest_speaks() -> None:
    said = ["warm colors", "odd colors", "rain", "soft light", "neon colors", "in the rain", "glow"]
    kept = agreeing([Keyword(text=text) for text in said])
    assert [word.text for word in kept] == ["warm colors", "rain", "soft light", "glow"]


def test_keywords_are_told_as_captions_tell_them() -> None:
    ranked = ["glow", "calm mood", "leaning left", "soft light", "watercolor", "cool colors"]
    order = [word.text for word in told([Keyword(text=text) for text in ranked])]
    assert order == [
        "cool colors", "watercolor", "leaning left", "calm mood", "glow", "soft light"
    ]  # fmt: skip


def test_a_plan_says_as_many_keywords_as_a_caption_the_strongest() -> None:
    words = tuple(Keyword(text=f"thing{i:02d}", weight=1 - i / 100) for i in range(SAID + 3))
    texts = planned("a cat", Keywords(visual_elements=words)).enriched_prompt.split(", ")
    assert texts == ["a cat", *(word.text for word in words[:SAID])]


def test_forty_entities_are_six_regions_and_nobody_is_lost() -> None:
    prompt = ", ".join(f"a thing{i}" for i in range(40))
    plan = planned(prompt, Keywords())
    assert len(plan.regions) == MOST
    assert all(f"thing{i}" in plan.enriched_prompt for i in range(40))
    assert all(f"thing{i}" in plan.background_prompt for i in range(6, 40))


def test_a_prompt_longer_than_a_plan_is_cut_between_words_or_within() -> None:
    for prompt in ("a " * 3000, "ab " * 3000):
        plan = planned(prompt, WORDS)
        assert 1990 < len(plan.enriched_prompt) <= 2000
    long = [Sketch(entity="a " * 3000, prompt="ab " * 3000, box=(0, 0, 500, 500))]
    assert len(made("a cat", "a cat", "x " * 3000, long).regions[0].entity) == 1999


BOXES = {
    "outside": ((-300, 200, 400, 2000), (0, 200, 400, 1000)),
    "beyond": ((2000, 2000, 3000, 3000), (900, 900, 1000, 1000)),
    "inverted": ((800, 700, 200, 100), (200, 100, 800, 700)),
    "tiny": ((500, 500, 503, 501), (451, 450, 551, 550)),
    "fractions": ((0.4, 10.5, 499.6, 990.0), (0, 10, 500, 990)),
}


@pytest.mark.parametrize("name", BOXES)
def test_bad_boxes_are_mended(name: str) -> None:
    given_box, mended = BOXES[name]
    found = region(Sketch(entity="a cat", prompt="a cat", box=given_box))
    assert found is not None and found.box == mended


def test_what_is_no_box_is_no_region() -> None:
    for box in ((0, 0, 500), (0, 0, math.nan, 500), (0, 0, math.inf, 500)):
        assert region(Sketch(entity="a cat", prompt="a cat", box=box)) is None
    assert region(Sketch(entity=" \n", prompt="", box=(0, 0, 500, 500))) is None


def test_two_boxes_in_one_place_become_one_that_says_both() -> None:
    sketches = [
        Sketch(entity="a cat", prompt="a cat", box=(0, 0, 500, 500)),
        Sketch(entity="a hat", prompt="a red hat", box=(10, 0, 510, 500), z=3),
        Sketch(entity="a dog", prompt="a dog", box=(400, 0, 900, 500)),
    ]
    plan = made("a cat and a dog", "a cat and a dog", "a room", sketches)
    first, second = plan.regions
    assert (first.prompt, first.box, first.z) == ("a cat and a red hat", (0, 0, 510, 500), 3)
    assert second.entity == "a dog"
    assert overlap((0, 0, 500, 500), (250, 0, 750, 500)) == pytest.approx(1 / 3)


def test_the_words_of_the_request_come_back_when_a_model_forgets_them() -> None:
    plan = made("ein Fuchs im Schnee", "a fox, oil", "snow", ())
    assert plan.enriched_prompt == "ein Fuchs im Schnee, a fox, oil"
    only_cat = [Sketch(entity="a cat", prompt="a cat", box=(0, 0, 500, 1000))]
    forgot = made("a cat left of a dog", "a cat left of a dog", "a room", only_cat)
    assert forgot.background_prompt == "a room, a dog"


def test_what_lies_in_front_is_painted_last() -> None:
    def at(name: str, side: int, z: int) -> Region:
        return Region(entity=name, prompt=name, box=(0, 0, side, side), z=z)

    plan = Plan(
        enriched_prompt="x",
        background_prompt="x",
        regions=(at("front", 300, 2), at("small", 200, 0), at("large", 900, 0)),
    )
    assert [r.entity for r in plan.back_to_front] == ["large", "small", "front"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"box": (0, 0, 50, 500)}, "each side is at least 100"),
        ({"box": (600, 0, 100, 500)}, "left, top, right, bottom"),
        ({"box": (0, 0, 1200, 500)}, "must lie in 0 to 1000"),
        ({"entity": ""}, "The entity of a region is ''"),
        ({"prompt": "a\ncat"}, "must be one line"),
    ],
)
def test_a_region_that_cannot_be_is_refused(options, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Region(**{"entity": "a", "prompt": "a", "box": (0, 0, 500, 500), **options})


def test_a_plan_with_seven_regions_is_refused() -> None:
    some = tuple(Region(entity=str(i), prompt="a", box=(0, 0, 500, 500)) for i in range(7))
    with pytest.raises(BadInput, match="has 7 regions; at most 6"):
        Plan(enriched_prompt="a", background_prompt="a", regions=some)


NUMBERS = st.floats(width=32) | st.integers(-5000, 5000)
SKETCHES = st.builds(
    Sketch,
    entity=st.text(max_size=20),
    prompt=st.text(max_size=20),
    box=st.lists(NUMBERS, max_size=5),
    z=st.integers(),
)


@settings(deadline=None, max_examples=150)
@given(
    prompt=st.text(max_size=60), sketches=st.lists(SKETCHES, max_size=12), said=st.text(max_size=60)
)
def test_whatever_is_said_becomes_a_plan_that_covers_the_prompt(prompt, sketches, said) -> None:
    plan = made(prompt, said, said, sketches)
    assert not unsaid(prompt, plan.enriched_prompt)
    assert len(plan.regions) <= MOST
    for one in plan.regions:
        left, top, right, bottom = one.box
        assert min(one.box) >= 0 and max(one.box) <= 1000
        assert right - left >= SMALLEST and bottom - top >= SMALLEST
