"""The rival: a LoRA of their own for each person, on the real classes at toy width."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from prefgen_toy import taste

from palate import store
from palate.backbones.tiny import tiny_flux
from palate.backbones.tuning import size, tuning
from palate.errors import BadInput, Mismatch
from palate.generate import generate, plain
from palate.learn.settings import Fit
from palate.methods.premier.tuned import Tuned, Tuning
from palate.types import Method, Request

ASKED = Request(prompt="a cat", steps=2, seed=3)
SOON = Tuning(
    rank=2, fit=Fit(steps=8, batch=4, lr=0.02, weight_decay=0.0, checkpoint_steps=None)
)  # fmt: skip


@pytest.fixture(scope="module")
def method() -> Tuned:
    return Tuned(tiny_flux(), SOON)


@pytest.fixture(scope="module")
def people(method: Tuned) -> Any:
    return [method.read(taste(range(3))), method.read(taste(range(7, 10), range(2)))]


def test_at_full_size_a_person_takes_what_the_paper_says() -> None:
    """FLUX.1-dev: 19 blocks of 153,600 and 38 of 64,512 numbers; in bf16 10.7 MB."""
    from diffusers import FluxTransformer2DModel

    with torch.device("meta"):
        whole = FluxTransformer2DModel(guidance_embeds=True)
    assert size(whole, 1) == 19 * 153_600 + 38 * 64_512 == 5_369_856
    assert size(whole, 4) == 4 * size(whole, 1)


def test_a_change_is_silent_at_first_and_taken_off_again() -> None:
    backbone = tiny_flux()
    model, before = backbone.pipe.transformer, plain(ASKED, backbone=backbone)[0].pixels
    layers, state = list(model.modules()), {n: w.clone() for n, w in model.state_dict().items()}
    wanted = size(model, 2)
    with tuning(model, 2) as change:
        assert sum(weight.numel() for weight in change.values()) == wanted == 2 * 4544
        assert all(weight.requires_grad for weight in change.values())
        assert np.array_equal(plain(ASKED, backbone=backbone)[0].pixels, before)
        with torch.no_grad():
            for weight in change.values():
                weight.add_(0.3)
        assert not np.array_equal(plain(ASKED, backbone=backbone)[0].pixels, before)
    assert list(model.modules()) == layers
    assert all(torch.equal(weight, state[name]) for name, weight in model.state_dict().items())
    assert not any(weight.requires_grad for weight in model.parameters())
    assert np.array_equal(plain(ASKED, backbone=backbone)[0].pixels, before)


def test_a_model_that_carries_a_lora_is_refused() -> None:
    model = tiny_flux().pipe.transformer
    with tuning(model, 1), pytest.raises(BadInput, match="carries a LoRA already"):
        tuning(model, 1).__enter__()
    with pytest.raises(BadInput, match="rank of a LoRA is 0"):
        tuning(model, 0).__enter__()


def test_a_person_is_heard_and_weighs_what_it_says(method: Tuned, people: Any) -> None:
    assert isinstance(method, Method)
    base = plain(ASKED, backbone=method.backbone)[0].pixels
    one, other = (generate(person, ASKED, method=method)[0].pixels for person in people)
    assert not np.array_equal(one, base) and not np.array_equal(one, other)
    assert sum(t.nbytes for t in people[0].tensors.values()) == method.bytes
    assert all(t.dtype == torch.bfloat16 for t in people[0].tensors.values())
    assert people[1].liked == 3 and people[1].disliked == 2
    still = plain(ASKED, backbone=method.backbone)[0].pixels
    assert np.array_equal(still, base)


def test_many_people_in_a_batch_get_their_own(method: Tuned, people: Any) -> None:
    off = replace(ASKED, strength=0.0, seed=4)
    rows = [(people[0], ASKED), (people[1], ASKED), (people[0], off), (people[0], ASKED)]
    both = generate([p for p, _ in rows], [r for _, r in rows], method=method)
    for (person, request), picture in zip(rows, both, strict=True):
        alone = generate(person, request, method=method)[0].pixels.astype(int)
        assert np.abs(alone - picture.pixels).max() <= 1  # rounding to bytes
    assert np.array_equal(both[2].pixels, plain(off, backbone=method.backbone)[0].pixels)


def test_strength_is_a_dial(method: Tuned, people: Any) -> None:
    base = plain(ASKED, backbone=method.backbone)[0].pixels.astype(int)
    moved = [
        np.abs(
            generate(people[0], replace(ASKED, strength=s), method=method)[0].pixels - base
        ).mean()
        for s in (0.1, 1.0)
    ]
    assert 0 < moved[0] < moved[1]


def test_it_is_kept_and_found_again(method: Tuned, people: Any, tmp_path: Any) -> None:
    store.save_profile(tmp_path / "me.palate.safetensors", people[0])
    found = store.load_profile(tmp_path / "me.palate.safetensors")
    one, again = (generate(p, ASKED, method=method)[0].pixels for p in (people[0], found))
    assert np.array_equal(one, again)


def test_what_it_cannot_do_is_said(method: Tuned, people: Any) -> None:
    with pytest.raises(BadInput, match="cannot avoid"):
        generate(people[0], replace(ASKED, avoid=1.0), method=method)
    wider = Tuned(method.backbone, replace(SOON, rank=3))
    with pytest.raises(Mismatch, match="made for the method lora"):
        generate(people[0], ASKED, method=wider)
    with pytest.raises(Mismatch, match=r"made for another model or rank; .* differs"):
        tuning(method.backbone.pipe.transformer, 3, people[0].tensors).__enter__()
