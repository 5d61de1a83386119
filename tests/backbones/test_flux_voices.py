"""Voices in FLUX's double blocks, beyond what the contract asks of every seam."""

from __future__ import annotations

import pytest
import torch
from seams import flux, flux_voice, loud_adapter, person, text
from torch import Tensor
from torch.testing import assert_close

from palate.backbones import Voice
from palate.errors import BadInput
from palate.ops.attention import attend, split_heads
from palate.seeds import noise_for

FIRST = "transformer_blocks.0.attn"


def asked_and_said(lent: Voice | None) -> tuple[Tensor, Tensor, Tensor]:
    """What the first double block's `to_q` asks, and what it says to the picture and the text."""
    backbone, kept = flux(True), {}
    attention = backbone.attentions[FIRST]
    handles = [
        attention.to_q.register_forward_hook(lambda _, __, q: kept.update(query=q)),
        attention.register_forward_hook(lambda _, __, out: kept.update(said=out)),
    ]
    latents, words = noise_for([0], (4, 8, 8)), text(backbone, 1)
    try:
        with backbone.attending([lent] if lent else []):
            backbone.predict(latents, torch.full((1,), 500.0), words)
    finally:
        for handle in handles:
            handle.remove()
    return kept["query"], *kept["said"]


def test_a_voice_speaks_to_the_normed_query_before_the_output_projection() -> None:
    attention, lent = flux(True).attentions[FIRST], flux_voice([0], True, 0.5)
    query, plain, words = asked_and_said(None)
    _, voiced, still = asked_and_said(lent)
    q = attention.norm_q(split_heads(query, attention.heads))
    keys_values = lent.adapter.keys_and_values(FIRST, lent.tokens)
    k, v = (split_heads(x, attention.heads) for x in keys_values)
    assert_close(voiced - plain, 0.5 * attend(q, k, v) @ attention.to_out[0].weight.T)
    assert torch.equal(still, words), "a voice speaks to the picture, not to the prompt"


def test_a_voice_may_keep_to_some_blocks() -> None:
    only = {"": 0.0, "transformer_blocks.1": 1.0}
    lent = Voice(tokens=person([0], 5, 24), adapter=loud_adapter(flux(True)), layers=only)
    assert torch.equal(asked_and_said(lent)[1], asked_and_said(None)[1])


def test_a_voice_in_the_left_half_changes_nothing_outside() -> None:
    left = torch.zeros(8, 8)
    left[:, :4] = 1
    lent = Voice(tokens=person([0], 5, 24), adapter=loud_adapter(flux(True)), mask=left)
    changed = (asked_and_said(lent)[1] != asked_and_said(None)[1]).any(-1).view(4, 4)
    assert changed.tolist() == [[True, True, False, False]] * 4


def test_without_an_adapter_there_are_no_keys_to_share() -> None:
    with (
        pytest.raises(BadInput, match="no cross-attention whose keys"),
        flux(True).attending(Voice(tokens=person([0], 77, 64))),
    ):
        pass
