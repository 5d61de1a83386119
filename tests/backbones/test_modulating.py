"""FLUX's seam, beyond what the contract asks of every seam."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from seams import asks, delta, flux, heard, person
from torch import Tensor
from torch.testing import assert_close

from palate.backbones import FLUX, Delta
from palate.errors import BadInput, Mismatch

SILENT = 1e-6  # a delta of zero: S rows through a linear layer instead of one (measured: 4e-7)


@pytest.mark.parametrize("blocks", ["double", "all"])
def test_a_delta_of_zero_is_the_base_model(blocks: Any) -> None:
    backbone = flux(True)
    plain = heard(backbone)
    with backbone.modulating(Delta(shared=torch.zeros(1, 48, 32), blocks=blocks)):
        assert_close(heard(backbone), plain, rtol=0, atol=SILENT)


# ---- against the equations, written out for one block


def factors(norm: Any, y: Tensor, count: int) -> tuple[Tensor, ...]:
    return norm.linear(F.silu(y)).chunk(count, dim=-1)


def double_block(block: Any, image: Tensor, words: Tensor, y: Tensor, yi: Tensor) -> Any:
    """A two-stream block with a modulation y for the image and y_i for each text token."""
    shift, scale, gate, shift_m, scale_m, gate_m = factors(block.norm1, y[:, None], 6)
    cshift, cscale, cgate, cshift_m, cscale_m, cgate_m = factors(block.norm1_context, yi, 6)
    i, t = block.attn(
        hidden_states=block.norm1.norm(image) * (1 + scale) + shift,
        encoder_hidden_states=block.norm1_context.norm(words) * (1 + cscale) + cshift,
    )
    image, words = image + gate * i, words + cgate * t
    image = image + gate_m * block.ff(block.norm2(image) * (1 + scale_m) + shift_m)
    inner = block.norm2_context(words) * (1 + cscale_m) + cshift_m
    return words + cgate_m * block.ff_context(inner), image


def single_block(block: Any, image: Tensor, words: Tensor, y: Tensor, yi: Tensor) -> Any:
    """A single-stream block: text first, each token with its own y_i."""
    x = torch.cat([words, image], dim=1)
    each = torch.cat([yi, y[:, None].expand_as(image)], dim=1)
    shift, scale, gate = factors(block.norm, each, 3)
    normed = block.norm.norm(x) * (1 + scale) + shift
    both = torch.cat([block.attn(hidden_states=normed), block.act_mlp(block.proj_mlp(normed))], 2)
    x = x + gate * block.proj_out(both)
    return x[:, : words.shape[1]], x[:, words.shape[1] :]


@pytest.mark.parametrize("blocks", ["double", "all"])
def test_it_is_the_equation_block_by_block(blocks: Any) -> None:
    backbone, lent = flux(True), delta([0], 0.7, blocks)
    model = backbone.pipe.transformer
    y, words, image = person([1], 32), person([2], 48, 32), person([3], 16, 32)
    directions = lent.shared[:, :, None] + lent.each
    modulated = [*model.transformer_blocks, *model.single_transformer_blocks][: lent.each.shape[2]]
    with backbone.modulating(lent):
        heard(backbone)  # a pass, so that everybody knows whose turn it is
        for number, block in enumerate(modulated):
            rule = double_block if hasattr(block, "norm1_context") else single_block
            want = rule(block, image, words, y, y[:, None] + 0.7 * directions[:, :, number])
            got = block(image, words, y)
            assert_close(got, want, rtol=1e-5, atol=1e-5)


def test_only_the_two_stream_blocks_hear_a_delta_for_double() -> None:
    backbone = flux(True)
    model = backbone.pipe.transformer
    with backbone.modulating(delta([0], 1.0, "double")):
        assert all("forward" in vars(b.norm1_context) for b in model.transformer_blocks)
        assert not any("forward" in vars(b.norm1) for b in model.transformer_blocks)
        assert not any("forward" in vars(b.norm) for b in model.single_transformer_blocks)


def test_a_direction_for_one_token_turns_that_token_alone() -> None:
    backbone = flux(True)
    norm = backbone.pipe.transformer.transformer_blocks[0].norm1_context
    single = backbone.pipe.transformer.single_transformer_blocks[0].norm
    one = torch.zeros(1, 48, 32)
    one[:, 5] = 1
    y, words, joint = person([1], 32), person([2], 48, 32), person([2], 48 + 16, 32)
    plain, plain_joint = norm(words, emb=y), single(joint, emb=y)
    with backbone.modulating(Delta(shared=one, blocks="all")):
        heard(backbone)
        turned, turned_joint = norm(words, emb=y), single(joint, emb=y)
    changed = ((turned[0] - plain[0]).abs() > SILENT).any(-1)[0].nonzero().flatten().tolist()
    changed_joint = ((turned_joint[0] - plain_joint[0]).abs() > SILENT).any(-1)[0].nonzero()
    assert changed == [5] and changed_joint.flatten().tolist() == [5]
    assert torch.equal(turned_joint[0][:, 48:], plain_joint[0][:, 48:])  # the image, bit for bit


def test_nested_deltas_add_up_before_the_silu() -> None:
    backbone, one, other = flux(True), delta([0], 1.0, "double"), delta([1], 1.0, "double")
    both = Delta(shared=one.shared + other.shared, each=one.each + other.each)
    with backbone.modulating(both):
        summed = heard(backbone)
    with backbone.modulating(one), backbone.modulating(other):
        assert_close(heard(backbone), summed, rtol=0, atol=1e-5)


def test_two_faces_of_one_pipeline_can_lend_it_at_once() -> None:
    backbone, one, other = flux(True), delta([0], 1.0, "all"), delta([1], 1.0, "double")
    with backbone.modulating(one), backbone.modulating(other):
        want = heard(backbone)
    with backbone.modulating(one), FLUX(backbone.pipe).modulating(other):
        assert torch.equal(heard(backbone), want)


def test_the_negative_pass_is_the_base_models() -> None:
    backbone, out = flux(False), []
    latents_of = backbone.pipe.transformer.register_forward_hook(
        lambda _, __, made: out.append(made[0])
    )
    options = {"num_inference_steps": 1, "height": 64, "width": 64, "max_sequence_length": 48}
    backbone.pipe.set_progress_bar_config(disable=True)

    def passes() -> list[Tensor]:
        out.clear()
        stream = torch.Generator().manual_seed(0)
        backbone.pipe("a cat", negative_prompt="", true_cfg_scale=3.0, generator=stream, **options)
        return list(out)

    plain = passes()
    with backbone.modulating(delta([0], 1.0, "all")):
        steered, again = passes(), passes()
    latents_of.remove()
    assert torch.equal(steered[1], plain[1]) and not torch.equal(steered[0], plain[0])
    assert torch.equal(steered[0], again[0])


def test_the_negative_half_of_our_own_pass_is_the_base_models_too() -> None:
    backbone, out = flux(False), []
    handle = backbone.pipe.transformer.register_forward_hook(
        lambda _, __, made: out.append(made[0])
    )
    request = asks(2, steps=1, guidance=3.0)
    backbone.sample(request)
    with backbone.modulating(delta([0, 1], 1.0, "all")):
        backbone.sample(request)
    handle.remove()
    plain, steered = (made.chunk(2) for made in out)
    assert torch.equal(steered[0], plain[0]) and not torch.equal(steered[1], plain[1])


# ---- from some share of the steps on


def outputs(backbone: FLUX, make: Any) -> list[Tensor]:
    """What the transformer says, step by step."""
    out: list[Tensor] = []
    model = backbone.pipe.transformer
    handle = model.register_forward_hook(lambda _, __, made: out.append(made[0]))
    with torch.no_grad():
        make()
    handle.remove()
    return out


def in_a_pipeline(backbone: FLUX) -> None:
    backbone.pipe.set_progress_bar_config(disable=True)
    stream = torch.Generator().manual_seed(0)
    options = {"num_inference_steps": 4, "height": 64, "width": 64, "max_sequence_length": 48}
    backbone.pipe("a cat", generator=stream, **options)


@pytest.mark.parametrize("whose", ["ours", "a stock pipeline's"])
def test_before_its_window_a_delta_is_silent(whose: str) -> None:
    backbone = flux(True)
    late = replace(delta([0], 1.0, "all"), window=(0.5, 1.0))

    def make() -> None:
        backbone.sample(asks(steps=4)) if whose == "ours" else in_a_pipeline(backbone)

    plain = outputs(backbone, make)
    with backbone.modulating(late):
        turned = outputs(backbone, make)
    same = [torch.equal(a, b) for a, b in zip(plain, turned, strict=True)]
    assert same == [True, True, False, False]


def test_where_no_picture_is_made_there_are_no_windows() -> None:
    backbone = flux(True)
    lent = delta([0], 1.0, "all")
    with backbone.modulating(lent):
        want = heard(backbone)
    with backbone.modulating(replace(lent, window=(0.5, 1.0))):
        assert torch.equal(heard(backbone), want)


# ---- one direction for all that follows


def shortened(lent: Delta, count: int) -> tuple[Delta, Delta]:
    """The first few directions, the last holding onward; and the same for each token."""
    parts = {name: getattr(lent, name).detach() for name in ("shared", "each")}
    places = torch.arange(48).clamp(max=count - 1)
    short = {name: part[:, :count] for name, part in parts.items()}
    long = {name: part[:, places] for name, part in parts.items()}
    how: Any = {"strength": lent.strength, "blocks": lent.blocks}
    return Delta(**short, **how, onward=True), Delta(**long, **how)


@torch.no_grad()
@pytest.mark.parametrize("blocks", ["double", "all"])
@pytest.mark.parametrize("count", [1, 5, 48])
def test_the_last_direction_may_hold_onward(blocks: Any, count: int) -> None:
    backbone = flux(True)
    short, long = shortened(delta([0, 1], (0.7, 1.0), blocks), count)
    with backbone.modulating(long):
        want = heard(backbone, 2)
    with backbone.modulating(short):
        assert_close(heard(backbone, 2), want, rtol=0, atol=1e-5)


@torch.no_grad()
def test_onward_holds_beside_longer_deltas_and_people_who_ask_for_nothing() -> None:
    backbone = flux(False)
    short, long = shortened(delta([0, 1], (0.0, 1.0), "all"), 5)
    other = shortened(delta([2, 3], (1.0, 0.0), "all"), 9)
    with backbone.modulating(long), backbone.modulating(other[1]):
        want = heard(backbone, 2)
    with backbone.modulating(short), backbone.modulating(other[0]):
        assert_close(heard(backbone, 2), want, rtol=0, atol=1e-5)
    plain = heard(backbone, 2)
    with backbone.modulating(short):
        assert torch.equal(heard(backbone, 2)[0], plain[0])


def test_alike_tokens_cost_one() -> None:
    """The linear layer of a norm sees ten rows for two pictures of 48 tokens, not 96."""
    backbone, rows = flux(True), []
    short, _ = shortened(delta([0, 1], 1.0, "double"), 5)
    linear = backbone.pipe.transformer.transformer_blocks[0].norm1_context.linear
    handle = linear.register_forward_hook(
        lambda _, given, __: rows.append(given[0][..., 0].numel())
    )
    with backbone.modulating(short), torch.no_grad():
        heard(backbone, 2)
    handle.remove()
    assert rows == [2 * 5]  # four tokens of each picture one by one, and all others as one


def test_more_directions_than_tokens_are_refused_onward_too() -> None:
    long = Delta(shared=torch.ones(1, 60, 32), onward=True)
    with (
        flux(True).modulating(long) as lent,
        pytest.raises(Mismatch, match="60 text tokens and the prompt has 48"),
    ):
        lent.sample(asks())


# ---- refusals


@pytest.mark.parametrize(
    ("lent", "words"),
    [
        (Delta(shared=torch.zeros(1, 48, 30)), "30 wide; this model's modulation is 32"),
        (Delta(each=torch.zeros(1, 48, 4, 32)), "for 4 blocks; blocks='double' modulates 2"),
        (Delta(each=torch.zeros(1, 48, 2, 32), blocks="all"), "2 blocks; blocks='all' modulates 4"),
    ],
)
def test_a_delta_for_another_model_is_refused_before_sampling(lent: Delta, words: str) -> None:
    with pytest.raises(Mismatch, match=words), flux(True).modulating(lent):
        pass


def test_a_delta_for_other_embeddings_is_refused() -> None:
    with (
        flux(True).modulating(Delta(shared=torch.ones(1, 20, 32))) as lent,
        pytest.raises(Mismatch, match="20 text tokens and the prompt has 48"),
    ):
        lent.sample(asks())


def test_a_delta_of_nothing_and_one_of_two_minds_are_refused() -> None:
    with pytest.raises(BadInput, match="no direction"):
        Delta()
    with pytest.raises(Mismatch, match="differ"):
        Delta(shared=torch.zeros(1, 48, 32), each=torch.zeros(1, 40, 2, 32))
