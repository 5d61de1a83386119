"""What generators paint by themselves, from noise, and what a proof says of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from palate.recipes import flux, prefgen, premier, sdxl
from palate.recipes.captions import Telling
from palate.recipes.proof import Proof
from palate.recipes.reads import Reads
from palate.recipes.recipe import changed
from palate.recipes.unaided import Asked, Unaided, evenly, led, noise_at
from palate.recipes.wanting import asked_for
from palate.seeds import noise_for
from palate.sketchbook.scenes import Scene, any_scene, look_to_codes
from palate.sketchbook.vocabulary import DIMENSIONS, OFFSETS
from palate.sketchbook.words import PHRASES

SCENES = [any_scene(seed) for seed in range(4)]
CLEAN = noise_for([1, 2, 3, 4], (8, 16, 16))
ALL = Asked.of(SCENES, np.ones((4, 12), bool))
RECIPES = {
    "sdxl": changed(sdxl.DEBUG, ["unaided.rows=3"]),
    "flux": changed(flux.DEBUG, ["unaided.rows=3"]),
    "prefgen": changed(prefgen.DEBUG, ["unaided.rows=3", "unaided.hops=2"]),
    "prefgen on flux": changed(prefgen.FLUX_DEBUG, ["unaided.rows=3", "unaided.hops=2"]),
    "premier": changed(premier.DEBUG, ["unaided.rows=3", "unaided.hops=2", "start=small"]),
}


def small() -> Proof:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Proof(8, width=16, inner=16).requires_grad_(False)


def knowing(clean: Tensor) -> Any:
    """The flow of somebody who knows the picture: n - x, whatever the noise."""
    return lambda latents, t: (latents - clean) / (t / 1000)[:, None, None, None]


def test_steps_begin_anew_by_hand():
    x, luck = noise_for([5, 6, 7, 8], (8, 16, 16)), torch.Generator().manual_seed(0)
    ends = torch.tensor([0.2, 0.6, 0.1, 0.4])
    found = led(knowing(CLEAN), x, torch.ones(4), ends, 3, luck)
    luck.manual_seed(0)
    last = [torch.randn(CLEAN.shape, generator=luck) for _ in range(3)][-1]
    share = ends[:, None, None, None]
    torch.testing.assert_close(found, (1 - share) * CLEAN + share * last)


def test_most_steps_are_at_high_noise_by_hand():
    # 3 u / (1 + 2 u) at u = 1, 0.75, 0.5, 0.25 and 0
    shares = [1.0, 0.9, 0.75, 0.5, 0.0]
    ways = torch.tensor([1.0, 0.75, 0.5, 0.25, 0.0])
    assert noise_at(ways).tolist() == pytest.approx(shares)
    assert evenly(noise_at(ways)).tolist() == pytest.approx(ways.tolist())
    seen: list[float] = []

    def flow(latents: Tensor, t: Tensor) -> Tensor:
        seen.extend(t.tolist())
        return torch.zeros_like(latents)

    ends = (torch.ones(1), torch.tensor([0.5]))
    led(flow, torch.zeros(1, 1, 1, 1), *ends, 3, torch.Generator().manual_seed(0))
    assert seen == pytest.approx([1000.0, 900.0, 750.0])


def test_only_the_last_flow_learns():
    gain = torch.ones((), requires_grad=True)
    seen: list[bool] = []

    def flow(latents: Tensor, t: Tensor) -> Tensor:
        said = gain * latents
        seen.append(said.requires_grad)
        return said

    unaided = Unaided(rows=4, hops=3)
    found = unaided.paint(flow, CLEAN, torch.Generator().manual_seed(0))
    unaided.misread(small(), found, SCENES, ALL).backward()
    assert seen == [False, False, False, True]
    assert gain.grad is not None and gain.grad.abs() > 0


def test_who_knows_the_picture_is_read_as_the_picture_is():
    proof, told = small(), small().missed(CLEAN, SCENES)
    hinted = proof.missed(CLEAN[:2], SCENES[:2])["standing"]
    named = told["look"] + told["arranged"]

    def read(share: float, asked: Asked = ALL) -> float:
        unaided = Unaided(rows=4, hinted=share)
        luck = torch.Generator().manual_seed(1)
        found = unaided.paint(knowing(CLEAN), CLEAN, luck)
        return unaided.misread(proof, found, SCENES, asked).item()

    assert read(0.0) == pytest.approx(named.item(), rel=1e-4)
    assert read(0.5) == pytest.approx((named + hinted).item(), rel=1e-4)
    nothing = Asked.of(SCENES, np.zeros((4, 12), bool))
    assert read(0.0, nothing) == pytest.approx(told["arranged"].item(), rel=1e-4)


def test_only_what_is_named_counts():
    proof = small()
    one = np.zeros((4, 12), bool)
    one[2, 5] = True
    asked = Asked.of(SCENES, one)
    value = look_to_codes(SCENES[2].look)[5]
    says = proof.heads(proof(CLEAN))[1][5][2].log_softmax(0)[value]
    assert proof.heads.look_missed(proof(CLEAN), asked.values, asked.named).item() == pytest.approx(
        -says.item(), rel=1e-5
    )


def test_rows_are_the_last_of_a_batch():
    assert Unaided(rows=3).some(8) == slice(5, 8)
    assert Unaided(rows=9).some(8) == slice(0, 8)


def test_without_a_proof_there_is_nothing_to_say():
    reads = Reads(proof=None, painted=1.0, unaided=Unaided(weight=1.0))

    def never(some: slice) -> Any:
        raise AssertionError("nobody reads it")

    assert reads.of_drawings(CLEAN, torch.ones(4), CLEAN, SCENES) == {}
    assert reads.of_its_own(never, CLEAN, SCENES, torch.Generator()) == {}


def test_values_asked_for_by_their_numbers():
    found = asked_for([[], [OFFSETS[0] + 2, OFFSETS[11] + 1]])
    assert found.named.sum(1).tolist() == [0, 2]
    assert found.named[1].nonzero().flatten().tolist() == [0, 11]
    assert found.values[1, [0, 11]].tolist() == [2, 1]


def test_captions_name_what_they_say_they_name():
    telling = Telling(nothing=1.0, mood=0.0, capital=0.0)
    captions, named = telling.told(SCENES, torch.Generator().manual_seed(2))
    assert all(captions) and 0 < named.sum() < named.size
    for text, scene, row in zip(captions, SCENES, named, strict=True):
        assert _said(text, scene) == [d for d, n in zip(DIMENSIONS, row, strict=True) if n]


def _said(text: str, scene: Scene) -> Sequence[str]:
    return [d for d in DIMENSIONS if PHRASES[scene[d]] in text.split(", ")[1:]]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_learn_from_it(name: str):
    def learned(weight: float) -> tuple[dict[str, Tensor], Tensor]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # the same toys in both
            parts = changed(RECIPES[name], [f"unaided.weight={weight}"]).parts()
        batch = default_collate([parts.items[i] for i in range(4)])
        found = parts.loss(batch, torch.Generator().manual_seed(3))
        found["loss"].backward()
        grads = [
            w.grad for m in parts.modules.values() for w in m.parameters() if w.grad is not None
        ]
        return found, torch.cat([grad.flatten() for grad in grads])

    without, plain = learned(0.0)
    with_it, pulled = learned(5.0)
    assert "unaided" not in without and with_it["unaided"].item() > 0
    assert with_it["loss"].item() > without["loss"].item()
    assert (pulled - plain).norm() > 1e-3 * plain.norm()


def test_premier_leaves_the_first_steps_to_the_base_model():
    recipe = RECIPES["premier"]
    parts: Any = recipe.parts()
    method, backbone = parts.method, parts.method.backbone
    text = backbone.encode(["a cat", "a cup"])
    turned = method.modulator(method.users(torch.tensor([0, 1])), text.tokens, text.tokens[:1])
    flow = parts.loss._paints(turned, text)
    x = noise_for([1, 2], tuple(CLEAN.shape[1:]))
    with torch.no_grad():
        late, early = torch.full((2,), 900.0), torch.full((2,), 500.0)
        plain = [backbone.predict(x, t, text, backbone.defaults.guidance) for t in (late, early)]
        assert torch.equal(flow(x, late), plain[0])
        assert not torch.allclose(flow(x, early), plain[1], atol=1e-6)
        one = flow(x, torch.tensor([900.0, 500.0]))
        torch.testing.assert_close(one[0], plain[0][0])
