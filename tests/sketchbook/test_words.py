import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.errors import BadInput
from palate.sketchbook.scenes import Content, Scene, any_scene, look_of
from palate.sketchbook.vocabulary import DIMENSIONS, VALUES
from palate.sketchbook.words import PHRASES, caption, keywords, prompt_of, read, scene_of

SCENE = Scene(
    content=Content(subject="lighthouse", relation="left of", other="boat"),
    look=look_of(palette="cool", medium="watercolor", light="dusk"),
)


def test_a_caption_says_what_it_is_asked_to():
    assert caption(SCENE) == "a lighthouse left of a boat"
    assert caption(SCENE, named=("light", "medium")) == (
        "a lighthouse left of a boat, watercolor, at dusk"
    )


def test_no_phrase_serves_two_values():
    assert len(set(PHRASES.values())) == len(VALUES)


def test_keywords_stand_in_their_categories():
    said = keywords(SCENE)
    assert said["thematic"] == ("lighthouse", "boat", "plain backdrop")
    assert said["artistic_style"][0] == "watercolor"
    assert said["emotion_atmosphere"][1] == "at dusk"
    assert sum(map(len, said.values())) == 12 + 2 + 1  # every dimension, two subjects, the mood


@given(st.integers(0, 10**6), st.sets(st.sampled_from(sorted(DIMENSIONS))), st.booleans())
def test_what_a_caption_says_is_read_back_exactly(seed, named, mood):
    scene = any_scene(seed)
    reading = read(caption(scene, named=named, mood=mood))
    assert reading.content == scene.content
    assert reading.values == {dimension: scene[dimension] for dimension in named}
    assert reading.mood == (scene.mood if mood else None)
    assert reading.strange == ()


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("a drawing of a cat", "a cat"),
        ("The boat is to the left of the tree.", "a boat left of a tree"),
        ("a cup below a bird", "a bird above a cup"),
        ("A fish over a car", "a fish above a car"),
    ],
)
def test_prompts_people_write_are_understood(text, prompt):
    content = read(text).content
    assert content is not None
    assert prompt_of(content) == prompt


def test_what_is_not_understood_is_listed():
    reading = read("a cat, in the style of Klimt, sepia")
    assert reading.strange == ("in the style of klimt",)
    assert reading.values == {"palette": "sepia"}


@given(st.text(max_size=80))
def test_reading_never_fails(text):
    read(text)


def test_a_scene_obeys_its_prompt_and_draws_the_rest_from_the_seed():
    scenes = [scene_of("a cat above a cup, pixel art, gloomy mood", seed) for seed in range(8)]
    assert {s["medium"] for s in scenes} == {"pixel"}
    assert {s.mood for s in scenes} == {"gloomy"}
    assert len({s["palette"] for s in scenes}) > 2


@pytest.mark.parametrize(
    ("prompt", "complaint"),
    [
        ("a dragon", "names no subject of the drawn world"),
        ("", "names no subject"),
        ("a cat, by moonlight", "does not know 'by moonlight'"),
        ("a cat, sepia, smooth surface, at noon, clear air, cheerful mood", "has a cheerful mood"),
    ],
)
def test_an_impossible_prompt_is_refused_with_what_is_known(prompt, complaint):
    with pytest.raises(BadInput, match=complaint):
        scene_of(prompt)
