"""Reading off latents what a generator paints."""

import re
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from palate.errors import BadInput
from palate.recipes import sdxl, table
from palate.recipes.generating import noised
from palate.recipes.proof import CLEAR, UNTIL, Proof, ahead, foretold, load_proof, misread, unlike
from palate.recipes.recipe import changed
from palate.recipes.standing import KINDS
from palate.seeds import noise_for
from palate.sketchbook.scenes import any_scene
from palate.sketchbook.vocabulary import SIZES

SCENES = [any_scene(1), any_scene(2)]
NOTHING = np.log(KINDS).mean() + np.log(SIZES).mean()  # who knows nothing


def small() -> Proof:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Proof(8, width=16, inner=16)


def ignorant() -> Proof:
    proof = small()
    for weight in proof.heads.parameters():
        nn.init.zeros_(weight)
    return proof


def test_the_right_flow_leads_to_the_picture():
    clean = noise_for([1, 2], (8, 4, 4))
    step = noised(clean, torch.Generator().manual_seed(0))
    assert torch.allclose(foretold(step.latents, step.t, step.target), clean, atol=1e-6)
    by_hand = foretold(torch.full((1, 1, 1, 1), 5.0), torch.tensor([250.0]), torch.ones(1, 1, 1, 1))
    assert by_hand.item() == 4.75


def test_rows_that_are_nearly_noise_count_as_none():
    x, proof = noise_for([1, 2], (8, 16, 16)), ignorant()
    late = 1000 * UNTIL + 1

    def read(*t: float) -> float:
        return misread(proof, ahead(proof, x, torch.tensor(t), x), SCENES).item()

    assert read(10.0, 20.0) == pytest.approx(NOTHING)
    assert read(10.0, late) == pytest.approx(NOTHING / 2)
    assert read(late, late) == 0.0


def test_it_reads_what_the_flow_leads_to_and_each_row_by_its_own_scene():
    scenes = [any_scene(9), any_scene(18)]  # which even this proof finds unlike
    clean = noise_for([1, 2], (8, 16, 16))
    step, proof = noised(clean, torch.Generator().manual_seed(1)), small()
    assert step.t.max() < 1000 * UNTIL
    told = proof.missed(clean, scenes)
    seen = ahead(proof, step.latents, step.t, step.target)
    found = misread(proof, seen, scenes)
    assert found.item() == pytest.approx((told["standing"] + told["look"]).item(), rel=1e-4)
    other = misread(proof, seen, scenes[::-1])
    assert other.item() != pytest.approx(found.item(), rel=1e-3)


def test_alike_is_what_the_right_flow_leads_to():
    clean, proof = noise_for([1, 2], (8, 16, 16)), small()
    noise, t = noise_for([3, 4], (8, 16, 16)), torch.tensor([500.0, 700.0])
    share = (t / 1000)[:, None, None, None]
    given = (proof, (1 - share) * clean + share * noise, t)

    def read(flow: torch.Tensor) -> float:
        return unlike(proof, ahead(*given, flow), clean).item()

    assert read(noise - clean) == pytest.approx(0.0, abs=1e-9)
    missed = [read(share * (noise - clean)) for share in (0.8, 0.5)]
    assert 1e-3 < missed[0] < missed[1]
    # Each depth counts 0 to 4 at a place; the other way round is as unlike as can be there.
    turned = [-one for one in proof.sees(clean)]
    proof.sees = lambda latents: turned if latents.requires_grad else [-one for one in turned]
    flow = (noise - clean).requires_grad_(True)
    assert read(flow) == pytest.approx(3 * 4.0, rel=1e-5)


def test_rows_in_which_nothing_is_clear_are_not_compared():
    clean, proof = noise_for([1, 2], (8, 16, 16)), small()
    late, half = 1000 * CLEAR + 1, 500.0

    def read(*t: float) -> float:
        some = clean[: len(t)]
        return unlike(proof, ahead(proof, some, torch.tensor(t), 0.3 * some), some).item()

    assert read(late, late) == 0.0
    assert read(half, late) == pytest.approx(read(half) / 2, rel=1e-4)


@pytest.mark.parametrize("name", ["sdxl", "flux"])
def test_base_models_can_learn_from_it(name: str):
    recipe = changed(table.recipe(f"sketchbook-{name}-debug"), ["beside.alike=0.5"])
    parts = recipe.parts()
    batch = tuple(
        torch.stack([torch.as_tensor(parts.items[i][k]) for i in range(4)]) for k in range(3)
    )
    found = parts.loss(batch, torch.Generator().manual_seed(3))
    without = changed(recipe, ["beside.alike=0.0"]).parts()
    for module, own in zip(without.modules.values(), parts.modules.values(), strict=True):
        module.load_state_dict(own.state_dict())
    plain = without.loss(batch, torch.Generator().manual_seed(3))
    assert "alike" not in plain and found["alike"].item() > 0
    told = found["loss"].item() - plain["loss"].item()
    assert told == pytest.approx(0.5 * found["alike"].item(), rel=1e-3)


def test_who_paints_learns_from_it_and_it_learns_nothing():
    recipe = changed(sdxl.DEBUG, ["beside.standing=0.0", "beside.look=0.0"])
    parts = recipe.parts()
    batch = tuple(
        torch.stack([torch.as_tensor(parts.items[i][k]) for i in range(4)]) for k in range(3)
    )

    def gradient(painted: float) -> torch.Tensor:
        made = changed(recipe, [f"beside.painted={painted}"])
        told = made.parts()
        for module, own in zip(told.modules.values(), parts.modules.values(), strict=True):
            module.load_state_dict(own.state_dict())
        found = told.loss(batch, torch.Generator().manual_seed(3))
        found["loss"].backward()
        assert ("painted" in found) == bool(painted)
        return told.modules["unet"].conv_out.weight.grad

    assert not torch.allclose(gradient(0.0), gradient(1.0), rtol=1e-3)
    proof = load_proof(recipe.sources.proof, parts.backbone.pipe.vae, "sources.proof")
    assert not any(weight.requires_grad for weight in proof.parameters()) and not proof.training


@pytest.mark.parametrize(
    ("recipe", "setting"),
    [("sketchbook-sdxl", "sources.proof"), ("sketchbook-premier", "partners.proof")],
)
def test_who_has_no_proof_is_told_how_to_get_one(recipe, setting, tmp_path):
    said = f"palate train sketchbook-proof` first, or say where it is: {setting}=FOLDER"
    with pytest.raises(BadInput, match=re.escape(said)):
        load_proof(tmp_path, 8, setting)
    assert attrgetter(setting)(table.recipe(recipe)) == Path("out/train/sketchbook-proof/model")
