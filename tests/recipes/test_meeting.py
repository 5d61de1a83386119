"""Trained people who are met by a few of their pictures, as somebody new would be."""

from typing import Any

import numpy as np
import pytest
import torch

from palate.errors import BadInput
from palate.methods.premier.newcomers import coefficients
from palate.recipes.gallery import known
from palate.recipes.looks import has
from palate.recipes.premier import DEBUG
from palate.recipes.premier.meeting import Gathering, Meetings
from palate.recipes.premier.turning import Turning
from palate.recipes.recipe import changed
from palate.recipes.wanting import in_words
from palate.sketchbook.vocabulary import SIZES


def gathering() -> Gathering:
    """Three people before eight pictures; each likes three and dislikes three of them."""
    stream = torch.Generator().manual_seed(0)
    points = torch.randn(8, 3, generator=stream)
    liked = [np.array(some) for some in ([0, 1, 2], [2, 3, 4], [5, 6, 7])]
    disliked = [np.array(some) for some in ([5, 6, 7], [0, 1, 7], [0, 1, 2])]
    looks = torch.zeros(8, len(SIZES), dtype=torch.long)
    looks[:3, 0] = 1  # the first three pictures have another palette than the rest
    return Gathering(
        known=known(points, (liked, disliked)), points=points, values=has(looks),
        chosen=(liked, disliked),
    )  # fmt: skip


def test_people_are_placed_by_their_pictures_as_newcomers_are():
    all_of_them = gathering()
    met = all_of_them.meet([2, 0], 3, torch.Generator())
    for row, person in enumerate((2, 0)):
        liked, disliked = (all_of_them.points[side[person]] for side in all_of_them.chosen)
        expected = coefficients(all_of_them.known, liked, disliked)
        torch.testing.assert_close(met.coefficients[row], expected)
    # Palette 1 is shown by all that person 0 likes and by none of what they do not; of person 2
    # it is the other way round, so palette 0 it is. All else both sides show alike.
    assert met.favoured == [[0], [1]]


def test_some_pictures_are_drawn_anew_each_time_and_none_of_them_twice():
    stream, everybody = torch.Generator().manual_seed(1), gathering()
    found = {tuple(everybody.meet([0], 2, stream).coefficients[0].tolist()) for _ in range(20)}
    assert 4 <= len(found) <= 9  # two of three likes, two of three dislikes
    once = everybody.meet([0], 3, stream).coefficients
    torch.testing.assert_close(once, everybody.meet([0], 3, stream).coefficients)


def test_the_last_of_a_batch_are_met():
    assert list(range(8))[Meetings(share=0.5).rows(8)] == [4, 5, 6, 7]
    assert list(range(8))[Meetings().rows(8)] == []
    assert list(range(3))[Meetings(share=1.0).rows(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["meetings.share=2.0"], "give a share from 0 to 1"),
        (["meetings.histories=(0,)"], "histories of at least 1"),
        (["meetings.share=0.5", "meetings.histories=(4,)"], "cannot be met after 4 of either"),
    ],
)
def test_meetings_that_cannot_be_are_refused(words: Any, said: str):
    with pytest.raises(BadInput, match=said):
        changed(DEBUG, words)


def test_who_is_met_is_to_look_as_those_pictures_show_and_all_who_are_known_learn(monkeypatch):
    alone = ["spread.shared=0", "spread.distinct=0"]
    made = changed(DEBUG, [*alone, "meetings.share=0.5", "meetings.histories=(2,)"]).parts()
    assert isinstance(made, Turning)
    encode, told = made.method.backbone.encode, []
    monkeypatch.setattr(
        made.method.backbone, "encode", lambda prompts: told.extend(prompts) or encode(prompts)
    )
    met: list[Any] = []
    meet = Gathering.meet
    monkeypatch.setattr(Gathering, "meet", lambda *given: met.append(meet(*given)) or met[-1])
    mine = [row for row in range(len(made.items)) if made.items[row][1] == 0][:2]
    batch = torch.utils.data.default_collate([made.items[row] for row in mine])
    made.loss(batch, torch.Generator().manual_seed(0))["loss"].backward()
    (shown,) = met[0].favoured
    assert len(told) == 2 and told[1].endswith(", " + in_words(shown))
    table = made.modules["users"].table  # person 0 alone is there, and met as a mean of all
    assert table.grad is not None and (table.grad.flatten(1).norm(dim=1) > 0).all()
