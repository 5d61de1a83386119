"""Taste and content scores: by hand, and methods side by side at toy width."""

from itertools import pairwise

import numpy as np
import pytest
from prefgen_toy import prefgen

from palate.backbones.catalog import judge
from palate.data.agents import split_of_contents
from palate.data.drawn import person
from palate.evals.taste import Scores, Wish, against, alone, scored
from palate.recipes.comparing import Comparing, compare, taste_of
from palate.sketchbook.drawing import draw
from palate.sketchbook.people import World, affinities, percentile, utility
from palate.sketchbook.scenes import CONTENTS, Content, Scene, look_from_codes, look_to_codes
from palate.types import Mark, Picture, Request

CAT = Content(subject="cat")
WISHES = [Wish(person=p, content=CAT) for p in (1, 1, 2, 2)]


def picture(scene: Scene) -> Picture:
    return Picture(pixels=draw(scene), request=Request(prompt="a"), backbone=Mark(name="none"))


def test_a_perfect_picture_and_the_worst():
    """Each dimension's best value is liked more than all but a few of fifteen million looks."""
    affinity = affinities([7], World())[0]
    starts = np.cumsum([0, 8, 6, 4, 4, 3, 5, 4, 3, 3, 4, 3, 3])
    parts = [affinity[a:b] for a, b in pairwise(starts)]
    scenes = [
        Scene(content=CAT, look=look_from_codes(pick(part) for part in parts), seed=3)
        for pick in (np.argmax, np.argmin)
    ]
    wish = Wish(person=7, content=CAT)
    found = scored([picture(scene) for scene in scenes], [wish, wish], judge())
    assert found.taste[0] > 0.97 and found.taste[1] < 0.03
    assert found.content[0]
    sight = judge().look_at(np.stack([draw(scenes[0])]))
    if sight.looks[0].tolist() == look_to_codes(scenes[0].look):
        exact = percentile(affinity, utility(affinity, sight.looks[0]))
        assert found.taste[0] == pytest.approx(float(exact))


def test_another_content_is_wrong():
    other = Scene(content=Content(subject="boat"), seed=1)
    found = scored([picture(other)], [Wish(person=1, content=CAT)], judge())
    assert not found.content.any()


def test_differences_by_hand():
    mine = Scores(taste=np.array([0.9, 0.5, 0.8, 0.2]), content=np.array([1, 1, 0, 1], bool))
    base = Scores(taste=np.array([0.5, 0.5, 0.2, 0.4]), content=np.array([1, 1, 1, 1], bool))
    found = against(mine, base, WISHES)
    assert found.taste.value == pytest.approx((0.4 + 0 + 0.6 - 0.2) / 4)
    assert found.wins.value == pytest.approx((1 + 0.5 + 1 + 0) / 4)
    assert found.content.value == pytest.approx(-0.25)
    assert found.taste.units == 2
    taste, content = alone(mine, WISHES)
    assert (taste.value, content.value) == (pytest.approx(0.6), 0.75)


def test_everybody_asks_for_what_nobody_was_trained_on():
    wishes, requests = Comparing(people=5, prompts=3).asked()
    assert len(wishes) == len(requests) == 15
    held = {CONTENTS[i] for i in np.flatnonzero(split_of_contents() == 2)}
    assert {wish.content for wish in wishes} <= held
    assert len({request.seed for request in requests}) == 15
    assert Comparing(people=5, prompts=3).asked() == (wishes, requests)
    taste = taste_of(person(wishes[0].person, 4, World()))
    assert (len(taste.liked), len(taste.disliked)) == (4, 4)


def test_methods_side_by_side():
    method = prefgen()
    asked = Comparing(people=2, prompts=1, history=1, steps=1)
    found = compare({"prefgen": method}, method.backbone, judge(), asked)
    facts = found.facts()
    assert list(facts) == ["plain", "prefgen"] and "against plain" not in facts["plain"]
    assert 0 <= facts["prefgen"]["against plain"]["wins"]["value"] <= 1
    assert found.table().count("\n") == 2
