"""What every seam promises. A new seam is a new line in seams.SEAMS."""

import numpy as np
import pytest
import torch
from seams import SEAMS, Seam, asks, heard, inside

from palate.backbones import FLUX
from palate.errors import Mismatch

STOCK = {"num_inference_steps": 2, "height": 64, "width": 64}
ALONE = 2e-5  # a row of a batch against the same row alone: sums in another order
pytestmark = pytest.mark.parametrize("seam", SEAMS.values(), ids=SEAMS)


def test_strength_zero_is_the_base_model_bit_for_bit(seam: Seam) -> None:
    backbone = seam.backbone()
    plain, drawn = heard(backbone, 2), backbone.sample(asks(2))
    for strength in (0.0, (0.0, 0.0)):
        with seam.lend(backbone, seam.made_for([0, 1], strength)) as lent:
            assert torch.equal(heard(lent, 2), plain)
            for mine, base in zip(lent.sample(asks(2)), drawn, strict=True):
                assert np.array_equal(mine.pixels, base.pixels)


def test_what_is_lent_is_heard_and_handed_back(seam: Seam) -> None:
    backbone = seam.backbone()
    plain, before = heard(backbone), inside(backbone)
    with seam.lend(backbone, seam.made_for([0], 1.0)) as lent:
        assert (heard(lent) - plain).abs().max() > 1e-2
    assert torch.equal(heard(backbone), plain)
    assert inside(backbone) == before


def test_it_is_handed_back_after_an_error_too(seam: Seam) -> None:
    backbone = seam.backbone()
    plain, before = heard(backbone), inside(backbone)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        seam.lend(backbone, seam.made_for([0], 1.0)) as lent,
    ):
        lent.sample(asks(), on_step=stop)
    assert torch.equal(heard(backbone), plain)
    assert inside(backbone) == before


def test_nested_both_are_heard(seam: Seam) -> None:
    backbone = seam.backbone()
    # Half each: a region at full strength replaces what was said there before.
    one, other = seam.made_for([0], 0.5), seam.made_for([1], 0.5)
    with seam.lend(backbone, one):
        first = heard(backbone)
        with seam.lend(backbone, other):
            both = heard(backbone)
        assert torch.equal(heard(backbone), first)
    with seam.lend(backbone, other):
        second = heard(backbone)
    assert (both - first).abs().max() > 1e-2
    assert (both - second).abs().max() > 1e-2


def test_a_batch_of_three_people_is_three_single_runs(seam: Seam) -> None:
    backbone = seam.backbone()
    with seam.lend(backbone, seam.made_for([0, 1, 2], (1.0, 0.5, 0.7))):
        together, pictures = heard(backbone, 3), backbone.sample(asks(3))
    for who, strength in enumerate((1.0, 0.5, 0.7)):
        with seam.lend(backbone, seam.made_for([who], strength)):
            alone, picture = heard(backbone, 1, who), backbone.sample(asks(1, who))[0]
        torch.testing.assert_close(together[who : who + 1], alone, rtol=0, atol=ALONE)
        apart = pictures[who].pixels.astype(int) - picture.pixels
        assert abs(apart).max() <= 1  # rounding to bytes


def test_who_asks_for_nothing_gets_the_base_model_beside_others(seam: Seam) -> None:
    backbone = seam.backbone()
    plain = heard(backbone, 2)
    with seam.lend(backbone, seam.made_for([0, 1], (0.0, 1.0))):
        mixed = heard(backbone, 2)
    assert torch.equal(mixed[0], plain[0])
    assert not torch.equal(mixed[1], plain[1])


def test_one_person_may_ask_for_many_pictures(seam: Seam) -> None:
    backbone = seam.backbone()
    with seam.lend(backbone, seam.made_for([0], 1.0)):
        one_for_all = heard(backbone, 2)
    with seam.lend(backbone, seam.made_for([0, 0], 1.0)):
        one_each = heard(backbone, 2)
    torch.testing.assert_close(one_for_all, one_each, rtol=0, atol=ALONE)


def test_gradients_reach_what_is_lent_and_never_the_backbone(seam: Seam) -> None:
    backbone, lent = seam.backbone(), seam.made_for([0], 1.0)
    learned = seam.learns(lent)
    with seam.lend(backbone, lent):
        grads = torch.autograd.grad(heard(backbone).square().mean(), learned)
    assert all(grad.abs().max() > 0 for grad in grads)
    parts = [
        part for part in backbone.pipe.components.values() if isinstance(part, torch.nn.Module)
    ]
    assert not any(weight.requires_grad for part in parts for weight in part.parameters())
    assert not any(module.training for part in parts for module in part.modules())


def test_gradient_checkpointing_changes_no_gradient(seam: Seam) -> None:
    backbone, lent = seam.backbone(), seam.made_for([0], 1.0)
    model = getattr(backbone.pipe, "unet", None) or backbone.pipe.transformer

    def gradients() -> tuple[torch.Tensor, ...]:
        with seam.lend(backbone, lent):
            return torch.autograd.grad(heard(backbone).square().mean(), seam.learns(lent))

    usual = gradients()
    model.enable_gradient_checkpointing()
    try:
        for mine, other in zip(gradients(), usual, strict=True):
            torch.testing.assert_close(mine, other)
    finally:
        model.disable_gradient_checkpointing()


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_it_is_heard_with_and_without_guidance(seam: Seam, guidance: float) -> None:
    backbone, requests = seam.backbone(), asks(2, guidance=guidance)
    plain = backbone.sample(requests)
    with seam.lend(backbone, seam.made_for([0, 1], 1.0)) as lent:
        steered = lent.sample(requests)
    for mine, base in zip(steered, plain, strict=True):
        assert abs(mine.pixels.astype(int) - base.pixels).mean() > 1


def test_too_few_people_are_refused(seam: Seam) -> None:
    backbone = seam.backbone()
    with (
        seam.lend(backbone, seam.made_for([0, 1], 1.0)) as lent,
        pytest.raises(Mismatch, match=r"holds 2 pictures' worth .* 3 requests"),
    ):
        lent.sample(asks(3))


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_it_holds_for_a_pipeline_somebody_calls(seam: Seam, guidance: float) -> None:
    backbone = seam.backbone()
    words = backbone.encode([r.prompt for r in asks(2)], ["", ""])
    real_cfg = isinstance(backbone, FLUX) and not backbone.distilled
    scale = {"true_cfg_scale" if real_cfg else "guidance_scale": guidance}
    backbone.pipe.set_progress_bar_config(disable=True)
    streams = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    with seam.lend(backbone, seam.made_for([0, 1], 1.0)) as lent:
        theirs = backbone.pipe(
            **words.arguments(), **scale, **STOCK, generator=streams, output_type="np"
        ).images
        ours = lent.sample(asks(2, guidance=guidance))
    for picture, image in zip(ours, theirs, strict=True):
        assert abs(picture.pixels - np.round(image * 255)).max() <= 1
