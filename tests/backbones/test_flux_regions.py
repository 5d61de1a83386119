"""Several texts in one FLUX pass: the invariants of regions, to float tolerance.

A longer sequence sums in another order, so what is the same is the same to 2e-5, not to the bit.
"""

from __future__ import annotations

import pytest
import torch
from seams import PROMPTS, asks, flux, heard, inside, text
from torch import Tensor
from torch.testing import assert_close

from palate.backbones import FLUX, Embeddings, Voice
from palate.errors import BadInput, Mismatch
from palate.ops.attention import placed
from palate.ops.regions import partition
from palate.seeds import noise_for

NEAR = {"rtol": 0, "atol": 2e-5}
LEFT = torch.zeros(8, 8)
LEFT[:, :4] = 1


def region(backbone: FLUX, prompt: str, **options: object) -> Voice:
    tokens = backbone.encode([prompt]).tokens
    return Voice(**{"tokens": tokens, "instead": True, **options})  # type: ignore[arg-type]


def look(backbone: FLUX, words: Embeddings, count: int = 1) -> Tensor:
    latents = noise_for(list(range(count)), (4, 8, 8))
    return backbone.predict(latents, torch.full((count,), 500.0), words)


# ---- the bias


def test_the_bias_by_hand() -> None:
    # A prompt of two tokens, a region of one, two places: the region has 3/4 of the first.
    bias = placed(torch.tensor([[[0.75, 0.0]]]), [2, 1])[0, 0].exp()
    expected = [
        [1, 1, 0, 1, 1],  # the prompt hears itself and the picture
        [1, 1, 0, 1, 1],
        [0, 0, 1, 1, 1],  # so does the region's text
        [0.25, 0.25, 1.5, 1, 1],  # two tokens against one: the one counts twice
        [1, 1, 0, 1, 1],
    ]
    assert_close(bias, torch.tensor(expected))


# ---- the seam


@pytest.mark.parametrize("distilled", [True, False])
def test_strength_zero_and_a_closed_window_are_the_base_model_bit_for_bit(distilled: bool) -> None:
    backbone = flux(distilled)
    plain, before = heard(backbone), inside(backbone)
    with backbone.attending(region(backbone, "fog", mask=LEFT, strength=0.0)):
        assert torch.equal(heard(backbone), plain)
    asked = asks(steps=2)
    picture = backbone.sample(asked)[0].pixels
    with backbone.attending(region(backbone, "fog", mask=LEFT, window=(0.9, 1.0))):
        assert (backbone.sample(asked)[0].pixels == picture).all()  # the last step starts at 0.5
    with backbone.attending(region(backbone, "fog", mask=LEFT)):
        assert (heard(backbone) - plain).abs().max() > 1e-3
    assert torch.equal(heard(backbone), plain) and inside(backbone) == before


def test_texts_that_all_say_the_same_are_the_prompt() -> None:
    backbone = flux(True)
    masks = partition([(0, 0, 0.5, 1), (0.5, 0, 1, 0.5)], 8, 8, feather=0.125)
    same = [region(backbone, PROMPTS[0], mask=mask, strength=0.7) for mask in masks]
    plain = heard(backbone)
    with backbone.attending(same):
        assert_close(heard(backbone), plain, **NEAR)


def test_a_region_everywhere_is_another_prompt() -> None:
    backbone = flux(True)
    words, other = backbone.encode(["a lighthouse"]), backbone.encode(["fog at sea"])
    alone = Embeddings(tokens=other.tokens, pooled=words.pooled)
    with backbone.attending(region(backbone, "fog at sea")):
        assert_close(look(backbone, words), look(backbone, alone), **NEAR)


def test_a_region_nowhere_is_no_region() -> None:
    backbone = flux(True)
    plain = heard(backbone)
    with backbone.attending(region(backbone, "fog", mask=torch.zeros(8, 8))):
        assert_close(heard(backbone), plain, **NEAR)


def test_only_the_left_half_hears_the_left_half() -> None:
    """In the first block; what it says there, later ones carry on."""
    backbone, said = flux(True), []
    first = backbone.attentions["transformer_blocks.0.attn"]
    handle = first.register_forward_hook(lambda _, __, out: said.append(out[0]))
    heard(backbone)
    with backbone.attending(region(backbone, "fog", mask=LEFT)):
        heard(backbone)
    handle.remove()
    changed = ((said[1] - said[0]).abs() > 1e-4).any(-1).view(4, 4)
    assert changed.tolist() == [[True, True, False, False]] * 4


def test_the_negative_half_hears_no_region() -> None:
    backbone, passes = flux(False), []
    handle = backbone.pipe.transformer.register_forward_hook(
        lambda _, __, out: passes.append(out[0])
    )
    backbone.sample(asks(2, steps=1, guidance=4.0))
    with backbone.attending(region(backbone, "fog", mask=LEFT)):
        backbone.sample(asks(2, steps=1, guidance=4.0))
    handle.remove()
    (plain, said), half = passes, 2
    assert_close(said[:half], plain[:half], **NEAR)
    assert (said[half:] - plain[half:]).abs().max() > 1e-3


def test_a_batch_of_three_people_is_three_single_runs() -> None:
    backbone, strengths = flux(True), (1.0, 0.0, 0.5)
    tokens = backbone.encode(["fog", "rain", "snow"]).tokens
    masks = torch.stack([LEFT, LEFT, 1 - LEFT])
    lent = Voice(tokens=tokens, instead=True, mask=masks, strength=strengths)
    with backbone.attending(lent):
        together = look(backbone, text(backbone, 3), 3)
    for who in range(3):
        alone = Voice(
            tokens=tokens[[who]], instead=True, mask=masks[[who]], strength=strengths[who]
        )
        with backbone.attending(alone):
            latents = noise_for([who], (4, 8, 8))
            row = backbone.predict(latents, torch.tensor([500.0]), text(backbone, 3).rows([who]))
        assert_close(together[who : who + 1], row, **NEAR)


def test_nested_a_region_takes_its_share_from_what_was_there() -> None:
    backbone = flux(True)
    whole, half = region(backbone, "fog"), region(backbone, "snow", mask=LEFT, strength=0.5)
    fog = Embeddings(tokens=whole.tokens, pooled=text(backbone, 1).pooled)
    with backbone.attending(half):
        expected = look(backbone, fog)
    with backbone.attending([whole, half]):
        flat = look(backbone, text(backbone, 1))
    with backbone.attending(whole), backbone.attending(half):
        nested = look(backbone, text(backbone, 1))
    assert (flat - expected).abs().max() > 1e-3  # shares of 1 and 0.5 leave the prompt nothing
    assert_close(nested, expected, **NEAR)


def test_it_holds_for_a_pipeline_somebody_calls() -> None:
    backbone = flux(True)
    backbone.pipe.set_progress_bar_config(disable=True)
    options = {"num_inference_steps": 2, "output_type": "np", "height": 64, "width": 64}
    stream = torch.Generator().manual_seed(0)
    with backbone.attending(region(backbone, "fog", mask=LEFT)) as lent:
        ours = lent.sample(asks())[0].pixels
        theirs = backbone.pipe(
            "a lighthouse", generator=stream, max_sequence_length=48, **options
        ).images[0]
    assert abs(ours - (theirs * 255).round()).max() <= 1


def test_what_no_region_can_be_is_refused() -> None:
    backbone = flux(True)
    for options, error, says in (
        ({"tokens": torch.zeros(1, 5, 64)}, Mismatch, "64 wide; this model's text takes 32"),
        ({"layers": {"": 0.5}}, BadInput, "Leave out its layers"),
    ):
        with pytest.raises(error, match=says), backbone.attending(region(backbone, "a", **options)):
            pass
