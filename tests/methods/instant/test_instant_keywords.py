"""Keywords: weighed by hand, ranked, edited, and gathered from liked and disliked pictures."""

from dataclasses import replace

import pytest

from palate.errors import BadInput, UnknownName
from palate.methods.instant.contrast import gathered, sureness
from palate.methods.instant.keywords import Keyword, Keywords, distinct, keyword, tidy
from palate.types import Word


def word(text: str, weight: float = 1.0) -> Keyword:
    return Keyword(text=text, weight=weight)


KEYWORDS = Keywords(
    artistic_style=(word("watercolor", 0.9), word("fine outline", 0.4)),
    emotion_atmosphere=(word("calm mood", 0.9),),
    thematic=(word("rolling hills", 0.7),),
    visual_elements=(word("cool colors", 1.0),),
    avoid=(word("rain", 0.8),),
)


def test_the_strongest_comes_first_and_ties_go_by_category() -> None:
    ranked = [k.text for k in KEYWORDS.ranked()]
    assert ranked == ["cool colors", "watercolor", "calm mood", "rolling hills", "fine outline"]
    assert KEYWORDS.added("zebra", "visual_elements").ranked()[0].text == "zebra"
    assert [k.text for k in KEYWORDS.ranked(avoid=True)] == ["rain"]
    assert "rolling hills" not in [k.text for k in KEYWORDS.ranked(theme=False)]


def test_people_edit_them_without_a_model() -> None:
    more = KEYWORDS.added(" Film  grain, ", "artistic_style", 0.5)
    assert [k.text for k in more.artistic_style] == ["watercolor", "Film grain", "fine outline"]
    assert KEYWORDS.removed("WATERCOLOR").artistic_style == (word("fine outline", 0.4),)
    louder = KEYWORDS.weighed("fine outline", 1.0)
    assert [k.text for k in louder.artistic_style] == ["fine outline", "watercolor"]
    moved = KEYWORDS.added("rain", "emotion_atmosphere")
    assert moved.avoid == () and [k.text for k in moved.emotion_atmosphere] == ["rain", "calm mood"]


def test_as_a_profiles_words_and_back() -> None:
    words = KEYWORDS.added("glow", "thematic").words()
    assert Word(text="glow", category="thematic", evidence="said by hand") in words
    assert Keywords.of(words).thematic[0].evidence == "said by hand"
    words = KEYWORDS.words()
    assert words[-1] == Word(text="rain", weight=-0.8, category="avoid")
    assert Keywords.of(words) == KEYWORDS
    edited = [replace(words[0], weight=7.0), Word(text="glow"), Word(text="fog", weight=-0.2)]
    assert [(c, k.text, k.weight) for c, k in Keywords.of(edited).all()] == [
        ("artistic_style", "watercolor", 1.0),
        ("visual_elements", "glow", 1.0),
        ("avoid", "fog", 0.2),
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: word(""), "must be one line of 1 to 80 letters"),
        (lambda: word("a\nb"), "must be one line"),
        (lambda: word("x" * 81), "must be one line"),
        (lambda: word("sepia", 0.0), "weighs 0.0; a weight lies above 0"),
        (lambda: word("sepia", float("nan")), "weighs nan"),
        (lambda: Keywords(avoid=(word("Fog"),), thematic=(word("fog"),)), "'fog' stands .* twice"),
        (lambda: KEYWORDS.removed("smoke"), "No keyword named 'smoke'. Known: calm mood"),
        (lambda: KEYWORDS.added("smoke", "smell"), "No category named 'smell'"),
        (lambda: Keywords.of([Word(text="x", category="y")]), "No category named 'y'"),
    ],
)
def test_what_no_keyword_can_be_is_said(wrong, says: str) -> None:
    with pytest.raises((BadInput, UnknownName), match=says):
        wrong()


def test_what_a_model_says_is_tidied_cut_and_clipped() -> None:
    assert tidy(' "Soft,\n light." ') == "Soft light"
    assert keyword("Soft,\x00 light.", 3.0, "a  lamp") == Keyword(
        text="Soft light", weight=1.0, evidence="a lamp"
    )
    assert len(keyword("very " * 40).text) <= 80
    assert (
        keyword(" .,") is None and keyword("a", float("inf")) is None and keyword("a", -1) is None
    )
    assert distinct([word("fog", 0.2), None, word("Fog", 0.5), word("mist", 0.9)]) == (
        word("mist", 0.9),
        word("Fog", 0.5),
    )


def test_without_dislikes_a_keyword_weighs_its_share() -> None:
    found = gathered([Keywords(artistic_style=(word("ink"),)), Keywords()], [])
    assert found.artistic_style[0].weight == 0.5
    assert found.artistic_style[0].evidence == "in 1 of 2 liked"


def test_sureness_by_hand() -> None:
    # One of one liked and none of one disliked: log 3 - log(1/3) = 2.1972; the error is
    # sqrt(2/3 + 2 + 2 + 2/3) = 2.3094; z = 0.9514, and a normal number stays within with 0.6586.
    assert sureness(1, 1, 0, 1) == pytest.approx(0.6586, abs=1e-4)
    assert sureness(0, 1, 1, 1) == pytest.approx(-0.6586, abs=1e-4)
    assert sureness(8, 8, 8, 8) == 0


def test_a_minor_preference_beats_a_common_thing() -> None:
    """Two of eight against none, five of eight against three: the same difference of shares."""
    both, rare, none = (
        Keywords(visual_elements=tuple(map(word, w))) for w in (["a", "b"], ["a"], [])
    )
    liked = [both, both, *[rare] * 3, none, none, none]  # b in two, a in five
    disliked = [rare] * 3 + [none] * 5  # a in three
    found = {k.text: k.weight for k in gathered(liked, disliked).visual_elements}
    assert found["b"] == pytest.approx(0.7494, abs=1e-4)
    assert found["a"] == pytest.approx(0.6501, abs=1e-4)


def test_what_both_sides_share_says_nothing_and_what_is_disliked_is_avoided() -> None:
    liked = [Keywords(thematic=(word("cat"),), artistic_style=(word("ink"),))] * 4
    disliked = [Keywords(thematic=(word("cat"),), visual_elements=(word("neon colors"),))] * 4
    found = gathered(liked, disliked)
    assert found.thematic == () and [k.text for k in found.artistic_style] == ["ink"]
    assert [k.text for k in found.avoid] == ["neon colors"]
    assert found.avoid[0].evidence == "in 0 of 4 liked, in 4 of 4 disliked"
