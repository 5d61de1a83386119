"""Rounds: a file that says everything, and every way to spoil it by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example as such_as
from hypothesis import given, settings
from hypothesis import strategies as st
from prefgen_toy import example, taste

from palate.errors import BadFile, BadInput, BadPicture, NewerFile
from palate.methods.instant.keywords import Keyword, Keywords
from palate.methods.instant.layout import planned
from palate.methods.instant.session import Session, begun
from palate.methods.instant.understanding import ByRule
from palate.types import Example, Mark, Taste

PROMPT = 'a "lighthouse" left of a {boat}\nat sea'
KEYWORDS = Keywords(visual_elements=(Keyword(text="cool colors", weight=0.5, evidence="blue"),))


def session(**options) -> Session:
    plan = planned(PROMPT, KEYWORDS)
    return replace(begun(PROMPT, taste(range(2), range(4, 5)), KEYWORDS, plan, seed=7), **options)


def test_a_session_is_a_file_and_comes_back_as_it_was(tmp_path: Path) -> None:
    now = session().answered("warmer, and the boat further left", ByRule())
    now.save(tmp_path / "talk.json")
    assert Session.load(tmp_path / "talk.json") == now
    once = (tmp_path / "talk.json").read_bytes()
    now.save(tmp_path / "talk.json")
    assert (tmp_path / "talk.json").read_bytes() == once
    assert [r.side for r in now.references] == ["liked", "liked", "disliked"]


def test_rounds_keep_the_seed_the_untouched_and_the_history() -> None:
    first = session()
    second = first.answered("warmer, the boat further left", ByRule())
    third = second.answered("more film grain", ByRule())
    assert second.plan.regions[0] == first.plan.regions[0]
    assert second.plan.regions[1].box != first.plan.regions[1].box
    assert third.plan.regions == second.plan.regions
    assert third.request() == first.request() and third.request().seed == 7
    assert [r.said for r in third.history] == ["warmer, the boat further left", "more film grain"]
    assert third.history[0].changes == (
        "warm colors: wanted, in place of cool colors",
        "a boat: moved left",
    )
    assert third.undone().undone() == first
    with pytest.raises(BadInput, match="no round to undo"):
        first.undone()
    with pytest.raises(BadInput, match="Nothing was said"):
        first.answered(" \n", ByRule())


def test_keywords_are_edited_with_no_model_and_the_texts_follow() -> None:
    first = session()
    grown = first.edited(first.keywords.added("film grain", "artistic_style"))
    assert grown.plan.enriched_prompt == f"{first.plan.enriched_prompt}, film grain"
    less = grown.edited(grown.keywords.removed("cool colors"))
    assert "cool colors" not in less.plan.enriched_prompt
    assert less.plan.enriched_prompt.endswith(", film grain")
    both = first.edited(first.keywords.added("warm colors", "visual_elements"))
    assert both.plan.enriched_prompt.endswith("at sea, warm colors")  # not in cool ones, too
    assert less.plan.regions == first.plan.regions
    louder = first.edited(first.keywords.weighed("cool colors", 1.0))
    assert louder.plan == first.plan and louder.keywords != first.keywords


def test_what_a_person_says_no_to_is_a_negative_prompt_and_what_was_read_is_not() -> None:
    words = Keywords(avoid=(Keyword(text="fog", weight=0.4), Keyword(text="neon colors")))
    first = session(keywords=words)
    assert first.request().negative_prompt == ""
    second = first.answered("no glare, no fog", ByRule())
    assert second.request().negative_prompt == "fog, glare"
    assert second.answered("warmer", ByRule()).request() == second.request()
    assert second.undone().request() == first.request()


def test_a_session_is_a_profile_for_any_base_model() -> None:
    found = session().profile(Mark(name="instant"), Mark(name="base"))
    assert Keywords.of(found.words).visual_elements[0].text == "cool colors"
    assert (found.liked, found.disliked) == (2, 1)


def test_a_reference_that_is_no_picture_file_is_refused() -> None:
    with pytest.raises(BadPicture, match="does not exist"):
        begun("a", Taste(liked=(Example(image=Path("/nowhere.png")),)), KEYWORDS, session().plan)
    assert begun("a", Taste(liked=(example(1),)), KEYWORDS, session().plan).references[0].file == ""


def spoiled(tmp_path: Path, edit) -> Path:
    session().answered("warmer", ByRule()).save(tmp_path / "talk.json")
    data = json.loads((tmp_path / "talk.json").read_text())
    changed = edit(data)
    (tmp_path / "talk.json").write_text(json.dumps(data if changed is None else changed))
    return tmp_path / "talk.json"


EDITS = {
    "no kind": (lambda d: d.pop("kind") and None, "is no session of Palate's"),
    "a list": (lambda d: [d], "is no session of Palate's"),
    "no prompt": (lambda d: d.pop("prompt") and None, "at prompt: Field required"),
    "a number": (lambda d: d.update(prompt=3), "at prompt: Input should be a valid string"),
    "a seed": (lambda d: d.update(seed="x"), "at seed: Input should be a valid integer"),
    "another prompt": (
        lambda d: d.update(prompt="a fish"),
        "its top: The plan does not say 'fish', which the prompt asks for. Say it in",
    ),
    "strength": (lambda d: d.update(strength=-1.0), "strength is -1.0; it must be 0"),
    "nonsense": (lambda d: d.update(oops=1), "at oops: Unexpected keyword argument"),
    "a weight": (
        lambda d: d["keywords"]["visual_elements"][0].update(weight=5),
        r"keywords.visual_elements.0: The keyword 'warm colors' weighs 5.0; a weight lies above 0",
    ),
    "a box": (
        lambda d: d["plan"]["regions"][0].update(box=[900, 0, 100, 500]),
        "plan.regions.0: The box of 'a lighthouse' is .* each side is at least 100",
    ),
    "half a box": (lambda d: d["plan"]["regions"][0].update(box=[0, 0, 500]), "plan.regions.0.box"),
    "many": (
        lambda d: d["plan"].update(regions=d["plan"]["regions"] * 4),
        "plan: The plan has 8 regions; at most 6",
    ),
    "two": (
        lambda d: d["keywords"].update(avoid=d["keywords"]["visual_elements"]),
        "'warm colors' stands in the lists twice",
    ),
    "history": (lambda d: d["history"][0].update(changes="all"), "history.0.changes"),
    "a side": (lambda d: d["references"][0].update(side="loved"), "references.0.side"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_file_edited_into_nonsense_says_where(name: str, tmp_path: Path) -> None:
    edit, says = EDITS[name]
    path = spoiled(tmp_path, edit)
    with pytest.raises(BadFile, match=says) as why:
        Session.load(path)
    assert str(why.value).startswith(str(path)) and "\n" not in str(why.value)


def test_what_editors_put_in_front_of_a_file_does_no_harm(tmp_path: Path) -> None:
    session().save(tmp_path / "talk.json")
    (tmp_path / "talk.json").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "talk.json").read_bytes())
    assert Session.load(tmp_path / "talk.json") == session()


def test_what_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NewerFile, match="later Palate"):
        Session.load(spoiled(tmp_path, lambda d: d.update(version=9)))
    for data, says in ((b"\xff{", "is no JSON"), (b"[" * 9_000, "is no JSON"), (b"", "is no JSON")):
        (tmp_path / "x.json").write_bytes(data)
        with pytest.raises(BadFile, match=says):
            Session.load(tmp_path / "x.json")
    for path, says in (
        (tmp_path, "cannot be read"),
        (tmp_path / "none", "cannot be read: No such"),
    ):
        with pytest.raises(BadFile, match=says):
            Session.load(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@such_as(place="keywords", junk={"\n": None})
@given(
    place=st.sampled_from(["prompt", "seed", "keywords", "plan", "history", "references"]),
    junk=JSON,
)
def test_whatever_stands_in_a_field_is_a_session_or_a_sentence(
    tmp_path_factory, place, junk
) -> None:
    path = tmp_path_factory.mktemp("talk") / "talk.json"
    base = Session(prompt="a", keywords=KEYWORDS, plan=planned("a", KEYWORDS))
    base.save(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), place: junk}))
    try:
        Session.load(path)
    except BadFile as why:
        assert "\n" not in str(why)
