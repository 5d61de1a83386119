import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import BadInput, UnknownName
from palate.sketchbook.scenes import (
    PLAIN_LOOK,
    Content,
    Scene,
    any_scene,
    look_from_codes,
    look_of,
    look_to_codes,
    mood_of,
)
from palate.sketchbook.vocabulary import (
    CATEGORIES,
    DIMENSIONS,
    MOOD_VOTES,
    MOODS,
    OFFSETS,
    SIZES,
    VALUES,
)


def test_twelve_dimensions_hold_fifty_values_all_different():
    assert len(DIMENSIONS) == 12
    assert sum(SIZES) == len(VALUES) == len({value for _, value in VALUES}) == 50
    assert OFFSETS[:3] == (0, 8, 14)


def test_every_dimension_belongs_to_one_category():
    named = [name for of in CATEGORIES.values() for name in of]
    assert sorted(named) == sorted([*DIMENSIONS, "subject", "mood"])


def test_moods_are_voted_for_by_known_values():
    assert set(MOOD_VOTES) <= {value for _, value in VALUES}
    assert {mood for votes in MOOD_VOTES.values() for mood in votes} == set(MOODS)


def test_a_mood_by_hand():
    # sepia: nostalgic 4; rain: gloomy 3; noon: cheerful 2, calm 1
    assert mood_of(look_of(palette="sepia", ornament="rain")) == "nostalgic"
    # cool: calm 2, gloomy 1; rain: gloomy 3; night: gloomy 1, dreamy 2 -> gloomy 5
    assert mood_of(look_of(palette="cool", ornament="rain", light="night")) == "gloomy"
    # warm: cheerful 2; noon: cheerful 2, calm 1; low contrast: calm 1, dreamy 1 -> cheerful 4
    assert mood_of(look_of(contrast="low contrast")) == "cheerful"


def test_a_tie_goes_to_the_first_mood():
    # jewel: dramatic 2; snow: calm 2; dusk: nostalgic 2, dreamy 1
    assert mood_of(look_of(palette="jewel", ornament="snow", light="dusk")) == "calm"


@given(st.tuples(*(st.integers(0, n - 1) for n in SIZES)))
def test_looks_and_codes_are_each_others_inverse(codes):
    assert look_to_codes(look_from_codes(codes)) == list(codes)


def test_a_look_needs_a_known_value_in_every_dimension():
    with pytest.raises(UnknownName, match=r"No palette named 'mauve'\. Known: cool, earthy"):
        Scene(content=Content(subject="cat"), look=look_of(palette="mauve"))
    with pytest.raises(BadInput, match="12 values; 3 were given"):
        Scene(content=Content(subject="cat"), look=PLAIN_LOOK[:3])
    with pytest.raises(UnknownName, match="No dimension named 'colour'"):
        look_of(colour="warm")


def test_content_is_whole_or_refused():
    with pytest.raises(UnknownName, match="No subject named 'dog'"):
        Content(subject="dog")
    with pytest.raises(UnknownName, match="No relation named 'inside'"):
        Content(subject="cat", relation="inside", other="house")
    with pytest.raises(BadInput, match="needs a second subject"):
        Content(subject="cat", relation="above")


def test_any_scene_is_a_function_of_its_seed():
    assert any_scene(5) == any_scene(5)
    assert len({any_scene(i) for i in range(200)}) == 200
