"""Who tells drawings from what was painted, and what a generator hears of it."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from palate.recipes import flux, prefgen, premier, sdxl
from palate.recipes.critic import KNOWN, Critic, apart, known
from palate.recipes.proof import Proof
from palate.recipes.recipe import changed
from palate.recipes.unaided import Asked, Unaided
from palate.recipes.wanting import asked_for
from palate.seeds import noise_for
from palate.sketchbook.scenes import PLAIN_LOOK, Content, Scene
from palate.sketchbook.vocabulary import OFFSETS, SUBJECTS, VALUES

DRAWN = noise_for([1, 2, 3, 4], (8, 16, 16))
PAINTED = 0.7 * noise_for([5, 6, 7, 8], (8, 16, 16)) + 0.3
RECIPES = {
    "sdxl": sdxl.DEBUG,
    "flux": flux.DEBUG,
    "prefgen": prefgen.DEBUG,
    "prefgen on flux": prefgen.FLUX_DEBUG,
    "premier": changed(premier.DEBUG, ["start=small"]),
}
NOTHING = torch.zeros(4, KNOWN)


def small() -> Critic:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Critic(Proof(8, width=16, inner=16))


def luck() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_apart_by_hand():
    assert apart(torch.tensor([1.0, 3.0]), torch.tensor([-1.0, -2.0])).item() == 0.0
    # Missed by 0, 1 and 1.5 of drawings; by 0 and 3 of what was painted.
    said = torch.tensor([2.0, 0.0, -0.5]), torch.tensor([-2.0, 2.0])
    assert apart(*said).item() == pytest.approx(2.5 / 3 + 3 / 2)


def test_what_is_known_by_hand():
    cat, cup = SUBJECTS.index("cat"), SUBJECTS.index("cup")
    scenes = [
        Scene(content=Content(subject="cat", relation="right of", other="cup"), look=PLAIN_LOOK),
        Scene(content=Content(subject="cup"), look=PLAIN_LOOK),
    ]
    named = np.zeros((2, 12), bool)
    named[1, 1] = True  # the second dimension begins after the eight values of the first
    asked = Asked.of(scenes, named)
    rows = known(scenes, asked)
    how, first = len(VALUES), len(VALUES) + 3  # alone, stacked, beside
    second = first + len(SUBJECTS)
    assert rows[0].nonzero().flatten().tolist() == [how + 2, first + cup, second + cat]
    assert rows[1].nonzero().flatten().tolist() == [8, how, first + cup]


def test_each_learns_its_own_part():
    critic, painted = small(), PAINTED.clone().requires_grad_(True)
    found = critic.found(DRAWN, painted, NOTHING, luck())
    found["told"].backward(retain_graph=True)
    assert painted.grad is None and critic.score.weight.grad is not None
    critic.zero_grad()
    found["taken"].backward()
    assert painted.grad is not None and painted.grad.abs().max() > 0
    assert all(weight.grad is None for weight in critic.parameters())


def test_it_learns_to_tell_and_a_picture_learns_to_be_taken():
    critic = small()
    learns = torch.optim.Adam(critic.parameters(), lr=3e-3)
    for _ in range(30):
        learns.zero_grad()
        critic.found(DRAWN, PAINTED, NOTHING, luck())["told"].backward()
        learns.step()
    with torch.no_grad():
        assert critic(DRAWN, NOTHING).mean() > critic(PAINTED, NOTHING).mean() + 0.5
    painted = PAINTED.clone().requires_grad_(True)
    before = critic.found(DRAWN, painted, NOTHING, luck())["taken"]
    before.backward()
    assert painted.grad is not None
    nearer = painted.detach() - 1e-2 * painted.grad / painted.grad.norm()
    assert critic.found(DRAWN, nearer, NOTHING, luck())["taken"] < before


def test_it_can_hold_what_is_asked_for_against_a_picture():
    critic = small()
    torch.nn.init.normal_(critic.about.weight, generator=luck())
    rows = torch.eye(KNOWN)[:4]
    with torch.no_grad():
        assert not torch.allclose(critic(DRAWN, rows), critic(DRAWN, rows.roll(1, 0)))


def test_its_slope_counts():
    steady = small()
    for weight in (steady.score.weight, steady.score.bias):
        assert weight is not None
        torch.nn.init.zeros_(weight)
    told = steady.found(DRAWN, PAINTED, NOTHING, luck())["told"]
    assert told.item() == pytest.approx(2.0)  # it says 0 everywhere: 1 + 1, and no slope
    assert small().found(DRAWN, DRAWN, NOTHING, luck())["told"].item() > 2.0


def test_weights_by_hand():
    parts = {name: torch.tensor(2.0) for name in ("flow", "unaided", "told", "taken")}
    assert Unaided(weight=0.5, drawn=0.25).total(parts) == 1 + 0.5 + 2
    assert Unaided().total({"flow": torch.tensor(2.0)}) == 0


def test_favourites_that_a_drawing_does_not_have_are_left_out():
    scene = Scene(content=Content(subject="cup"))
    asked = asked_for([[OFFSETS[0], OFFSETS[3] + 1]])  # it has the first of these, not the other
    row = known([scene], asked)[0, : len(VALUES)]
    assert row.nonzero().flatten().tolist() == [OFFSETS[0]]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_learn_with_it(name: str):
    more = ["unaided.drawn=0.5", "unaided.rows=3", "unaided.hops=2"]
    parts = changed(RECIPES[name], more).parts()
    batch = default_collate([parts.items[i] for i in range(4)])
    found: dict[str, Tensor] = parts.loss(batch, luck())
    found["loss"].backward()
    assert found["told"].item() > 0 and "taken" in found
    critic = parts.modules["critic"]
    assert all(weight.grad is not None for weight in critic.parameters() if weight.requires_grad)


def test_without_it_nothing_is_trained_beside():
    assert "critic" not in sdxl.DEBUG.parts().modules
