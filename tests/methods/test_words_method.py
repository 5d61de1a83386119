"""Words: weights by hand, prompts by hand, and the whole at toy width."""

from dataclasses import replace

import numpy as np
import pytest
from prefgen_toy import reader, taste

from palate.backbones.tiny import tiny_sdxl
from palate.errors import Mismatch
from palate.generate import generate, plain
from palate.methods.phrases import weighed
from palate.methods.words.method import Words, added
from palate.types import Mark, Profile, Request, Word

WORDS = (
    Word(text="sepia", weight=0.75),
    Word(text="rain", weight=-0.5),
    Word(text="dusk", weight=0.25),
)
PERSON = Profile(method=Words.mark, backbone=tiny_sdxl().mark, words=WORDS)


def test_weights_by_hand():
    liked = [["sepia", "dusk"], ["sepia", "sepia"], ["sepia"], ["rain", "sepia"]]
    disliked = [["rain"], ["rain", "sepia"]]
    assert weighed(liked, disliked) == [
        Word(text="rain", weight=-0.75),
        Word(text="sepia", weight=0.5),
        Word(text="dusk", weight=0.25),
    ]
    assert weighed([["a"]], []) == [Word(text="a", weight=1.0)]
    assert weighed([["a"]], [["a"]]) == []


def test_prompts_by_hand():
    request = Request(prompt="a cat")
    assert added(request, PERSON).prompt == "a cat, sepia, dusk"
    assert added(replace(request, strength=0.2), PERSON).prompt == "a cat, sepia"
    assert added(replace(request, strength=0.0), PERSON) == replace(request, strength=0.0)
    assert added(replace(request, avoid=1.0), PERSON).negative_prompt == "rain"


def test_pictures_are_those_of_the_longer_prompt():
    method = Words(tiny_sdxl(), reader())
    asked = [Request(prompt="a cat", steps=2), Request(prompt="a cat", steps=2, strength=0.0)]
    loud, silent = generate([PERSON, PERSON], asked, method=method)
    longer = replace(asked[0], prompt="a cat, sepia, dusk")
    base = plain([longer, asked[1]], backbone=method.backbone)
    assert np.array_equal(loud.pixels, base[0].pixels)
    assert np.array_equal(silent.pixels, base[1].pixels)
    assert loud.request.prompt == "a cat"


def test_words_that_do_not_fit_beside_the_prompt_are_left_out():
    """A letter is a token here and 75 fit: beside 66 there is room for ", sepia" alone."""
    method, most = Words(tiny_sdxl(), reader()), "a" * 66
    for prompt, whole in (
        ("a cat", "a cat, sepia, dusk"),
        (most, f"{most}, sepia"),
        ("a" * 80,) * 2,
    ):
        with method.steer([PERSON], [Request(prompt=prompt)]) as lent:
            assert [request.prompt for request in lent._said] == [whole]


def test_it_reads_any_taste():
    profile = Words(tiny_sdxl(), reader()).read(taste(range(2), range(3, 4)))
    assert (profile.liked, profile.disliked) == (2, 1)
    assert profile.reader == reader().mark


def test_what_is_wrong_is_said():
    method = Words(tiny_sdxl(), reader())
    with pytest.raises(Mismatch, match="made for the method prefgen, and this is words"):
        generate(replace(PERSON, method=Mark(name="prefgen")), Request(prompt="a"), method=method)
    with (
        pytest.raises(Mismatch, match="not the requests the base model was lent for"),
        method.steer([PERSON], [Request(prompt="a")]) as lent,
    ):
        lent.sample([Request(prompt="b")])
