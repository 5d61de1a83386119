"""Saying what stands where beside a flow."""

import numpy as np
import pytest
import torch
from torch import nn

from palate.recipes.standing import KINDS, SIZE, Beside, Standing, hearing, unflattened
from palate.sketchbook.layout import layout
from palate.sketchbook.scenes import any_scene, look_to_codes
from palate.sketchbook.vocabulary import SIZES


def test_who_knows_nothing_is_surprised_by_the_logarithm_of_how_many_there_are():
    head = Standing(3, 16)
    for weight in head.parameters():
        nn.init.zeros_(weight)
    missed = head.missed(torch.ones(2, 3, 16, 16), [any_scene(1), any_scene(2)])
    assert missed["standing"].item() == pytest.approx(np.log(KINDS).mean())
    assert missed["look"].item() == pytest.approx(np.log(SIZES).mean())
    parts = {"flow": torch.tensor(1.0), **missed}
    total = Beside(standing=3.0, look=2.0).total(parts).item()
    assert total == pytest.approx(1 + 3 * np.log(KINDS).mean() + 2 * np.log(SIZES).mean())


@pytest.mark.parametrize("side", [16, 8])
def test_who_is_told_the_answer_is_not_surprised(side):
    scene = any_scene(3)
    codes = torch.from_numpy(layout(scene, SIZE)).long()
    told = torch.cat([nn.functional.one_hot(codes[..., n], k) for n, k in enumerate(KINDS)], -1)
    finer = SIZE // side
    features = nn.functional.pixel_unshuffle(9.0 * told.permute(2, 0, 1)[None].float(), finer)
    head = Standing(features.shape[1], side)
    with torch.no_grad():
        head.places.weight.copy_(torch.eye(features.shape[1])[:, :, None, None])
        head.places.bias.zero_()
    assert head.missed(features, [scene])["standing"].item() < 0.01
    assert head.missed(features.flip(3), [scene])["standing"].item() > 1


def test_who_is_told_the_look_is_not_surprised():
    scene = any_scene(3)
    told = [nn.functional.one_hot(torch.tensor(code), size)
            for code, size in zip(look_to_codes(scene.look), SIZES, strict=True)]  # fmt: skip
    features = 9.0 * torch.cat(told).float()[None, :, None, None].expand(1, -1, 16, 16)
    head = Standing(features.shape[1], 16)
    with torch.no_grad():
        head.look.weight.copy_(torch.eye(features.shape[1]))
        head.look.bias.zero_()
    assert head.missed(features, [scene])["look"].item() < 0.01
    assert head.missed(features.flip(1), [scene])["look"].item() > 1


def test_a_layer_is_heard_only_while_it_is_asked_for():
    layer = nn.Linear(2, 2)
    with hearing(layer) as heard:
        layer(torch.ones(1, 2))
    layer(torch.zeros(1, 2))
    assert len(heard) == 1 and torch.equal(heard[0], torch.ones(1, 2))


def test_places_in_rows_come_back_in_order():
    rows = torch.arange(4.0)[None, :, None].expand(1, 4, 3)
    assert unflattened(rows)[0, 1].tolist() == [[0, 1], [2, 3]]
