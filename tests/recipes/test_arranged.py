"""Who a picture shows and how they stand, held against what is painted."""

import numpy as np
import pytest
import torch
from torch import nn

from palate.recipes.arranged import Arranged
from palate.recipes.proof import Proof
from palate.recipes.unaided import Asked, Unaided
from palate.seeds import noise_for
from palate.sketchbook.scenes import Content, Scene
from palate.sketchbook.vocabulary import SUBJECTS

PAIR = Scene(content=Content(subject="cat", relation="right of", other="cup"))
ALONE = Scene(content=Content(subject="boat"))
SEEN = noise_for([1, 2], (16, 8, 8))


def ignorant(says: dict[int, float] | None = None) -> Arranged:
    """One that says the same of every picture: nothing, or what it is made to."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = Arranged(16)
    last = head.says[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    for place, value in (says or {}).items():
        last.bias.data[place] = value
    return head


def test_who_knows_nothing_by_hand():
    # Three layouts and twelve subjects, once or twice; the mean of one picture of each sort.
    found = ignorant().missed(SEEN, [PAIR, ALONE])
    assert found.item() == pytest.approx((2 * np.log(3) + 3 * np.log(12)) / 2)
    assert ignorant().missed(SEEN[:1], [ALONE]).item() == pytest.approx(np.log(3) + np.log(12))


def test_left_comes_first():
    cup, cat = SUBJECTS.index("cup"), SUBJECTS.index("cat")
    head = ignorant({2: 20.0, 3 + cup: 20.0, 15 + cat: 20.0})
    assert head.best(SEEN) == [("beside", "cup", "cat")] * 2 == [PAIR.content.arrangement] * 2
    assert head.missed(SEEN, [PAIR, PAIR]).item() < 1e-6
    other = Scene(content=Content(subject="cat", relation="left of", other="cup"))
    assert head.missed(SEEN, [other, other]).item() == pytest.approx(40.0)
    assert ignorant({0: 9.0, 3 + SUBJECTS.index("boat"): 9.0}).best(SEEN)[0] == ("alone", "boat")


def test_it_sees_where_things_are():
    head = ignorant()
    nn.init.normal_(head.says[-1].weight, generator=torch.Generator().manual_seed(0))
    left, right = torch.zeros(1, 16, 8, 8), torch.zeros(1, 16, 8, 8)
    left[..., :4], right[..., 4:] = 3.0, 3.0
    assert not torch.allclose(head(left)["first"], head(right)["first"], atol=1e-3)


def test_what_is_painted_from_noise_is_read_for_it():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        proof = Proof(8, width=16, inner=16)
    found, scenes = noise_for([1, 2], (8, 16, 16)), [PAIR, ALONE]
    asked = Asked.of(scenes, np.ones((2, 12), bool))

    def read(share: float) -> float:
        return Unaided(arranged=share, hinted=0.0).misread(proof, found, scenes, asked).item()

    missed = proof.arranged.missed(proof(found), scenes).item()
    assert missed > 0.1
    assert read(2.0) - read(0.0) == pytest.approx(2 * missed, rel=1e-4)
