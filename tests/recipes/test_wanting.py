"""Saying the look a person wants beside a flow: chances by hand, and who knows them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from palate.recipes.crowd import looks_of
from palate.recipes.looks import CHANCE
from palate.recipes.prefgen import DEBUG
from palate.recipes.standing import last_layer
from palate.recipes.wanting import (
    Wanting,
    Wishes,
    favoured,
    in_words,
    pooled,
    tallies,
    width_of,
    wishes,
)
from palate.sketchbook.people import World, affinities, chosen_looks
from palate.sketchbook.vocabulary import OFFSETS, SIZES, VALUES
from palate.sketchbook.words import PHRASES

SHOWN = torch.zeros(2, 12, dtype=torch.long)  # the first value of every dimension


def told(chances):
    """A head that passes on logarithms of chances."""
    wanting = Wanting(len(CHANCE))
    wanting.look[0] = nn.Identity()
    with torch.no_grad():
        wanting.look[1].weight.copy_(torch.eye(len(CHANCE)))
        wanting.look[1].bias.zero_()
    return wanting, chances.clamp_min(1e-9).log()


def test_wishes_are_the_shares_of_what_people_choose():
    """Of 4,000 pictures that one person likes, as many have each value."""
    people, world = np.array([3]), World()
    chosen, _ = chosen_looks(affinities(people, world), people, 4000, world)
    places = torch.from_numpy(chosen[0].astype(np.int64)) + torch.tensor(OFFSETS)
    shares = torch.bincount(places.flatten(), minlength=len(CHANCE)) / 4000
    assert (wishes(people)[0] - shares).abs().max() < 0.03
    torch.testing.assert_close(
        torch.stack([part.sum() for part in wishes(people)[0].split(SIZES)]), torch.ones(12)
    )


def test_who_knows_the_chances_misses_nothing_at_full_noise():
    wanted = wishes(np.array([3, 8]))
    wanting, features = told(wanted)
    full = torch.ones(2)
    assert wanting.missed(features, SHOWN, wanted, full).item() == pytest.approx(0, abs=1e-5)
    assert wanting.missed(features.flip(0), SHOWN, wanted, full).item() > 0.01


def test_without_noise_only_the_picture_counts():
    wanted = wishes(np.array([3, 8]))
    silent, none = torch.zeros(2, len(CHANCE)), torch.zeros(2)
    missed = told(CHANCE)[0].missed(silent, SHOWN, wanted, none)
    assert missed.item() == pytest.approx(np.log(SIZES).mean(), abs=1e-5)


@pytest.mark.parametrize("kind", ["sdxl", "flux"])
def test_it_hears_what_the_flow_is_read_from(kind):
    from palate.backbones.tiny import tiny_flux, tiny_sdxl

    backbone = tiny_flux() if kind == "flux" else tiny_sdxl()
    layer, width = last_layer(backbone), width_of(backbone)
    assert width == (layer.in_features if kind == "flux" else layer.in_channels)
    shape = (2, 5, width) if kind == "flux" else (2, width, 4, 4)
    features = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert pooled(features).shape == (2, width)
    torch.testing.assert_close(pooled(features + 1), pooled(features) + 1)


def test_favourites_are_one_to_a_dimension_in_the_order_of_captions():
    liked = affinities(np.array([3, 8]), World())
    for values, row in zip(favoured(liked, most=4), liked, strict=True):
        best = [
            max(range(start, start + size), key=row.__getitem__)
            for start, size in zip(OFFSETS, SIZES, strict=True)
        ]
        strongest = sorted(best, key=row.__getitem__, reverse=True)[:4]
        assert values == sorted(strongest)


def test_histories_show_what_is_liked_oftener_than_disliked():
    looks = torch.zeros(2, 3, 12, dtype=torch.long)
    looks[0, :, 0] = torch.tensor([1, 2, 2])  # palettes of what is liked
    looks[0, 0, 1], looks[1, :, 2] = 3, 1
    found = tallies(looks, [np.array([0]), np.arange(3)])
    palette, medium, backdrop = OFFSETS[:3]
    assert found[0, palette + 1] == 1 and found[1, palette : palette + 3].tolist() == [-3, 1, 2]
    assert (found[:, medium + 3] == 1).all() and found[:, backdrop].tolist() == [1, 3]
    values = [[palette + 1, medium + 3, backdrop], [palette + 2, medium + 3, backdrop]]
    assert favoured(found) == values  # of the other dimensions nothing is known
    assert in_words(values[0]) == ", ".join(PHRASES[VALUES[value][1]] for value in values[0])


HISTORIES = replace(DEBUG._histories(), people=2, history=2, targets=1, each=2)


def test_of_a_history_only_its_own_pairs_are_told():
    wishes_, looks = Wishes.of(HISTORIES), looks_of(HISTORIES.crowd)
    for person, number in enumerate(HISTORIES.crowd.numbers()):
        whole, part = HISTORIES.places(int(number))
        assert whole.tolist() == [0, 1] and set(part) <= {0, 1}
        assert wishes_.favoured[person] == favoured(tallies(looks[person], [whole, part]))


def test_nobody_wants_nothing():
    wishes_ = Wishes.of(HISTORIES)
    who, history, keep = torch.tensor([1, 0]), torch.tensor([1, 0]), torch.tensor([1.0, 0.0])
    assert wishes_.looks.shape == (2, 1, 12)
    shown = in_words(wishes_.favoured[1][1])
    assert wishes_.told(["a cat", "a cup"], who, history, keep) == [f"a cat, {shown}", "a cup"]
    assert wishes_.told(["", ""], who, history, keep) == [shown, ""]
    torch.testing.assert_close(wishes_.known(who, keep), torch.stack([wishes_.wanted[1], CHANCE]))
