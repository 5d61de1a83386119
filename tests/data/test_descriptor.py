"""The plain descriptor knows palettes and edges, and says nothing it does not know."""

import numpy as np
import pytest

from palate.data.descriptor import ColorsAndEdges, oklab
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import CONTENTS, Scene, look_of
from palate.sketchbook.vocabulary import DIMENSIONS

encode = ColorsAndEdges().encode
PALETTES = DIMENSIONS["palette"]


def scenes_of(palette, seeds):
    return [
        Scene(content=CONTENTS[s * 7 % 408], look=look_of(palette=palette), seed=s) for s in seeds
    ]


def test_oklab_by_hand():
    light, red, yellow = oklab(np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0]]], np.uint8))
    np.testing.assert_allclose(light[0], [1.0, 0.0, 0.628], atol=1e-3)
    np.testing.assert_allclose(red[0], [0.0, 0.0, 0.225], atol=1e-3)
    np.testing.assert_allclose(yellow[0], [0.0, 0.0, 0.126], atol=1e-3)


def test_a_vector_has_length_one_and_depends_on_its_picture_alone():
    pictures = np.stack([draw(scene) for scene in scenes_of("warm", range(4))])
    vectors = encode(pictures)
    assert vectors.shape == (4, ColorsAndEdges.width) and vectors.dtype == np.float32
    np.testing.assert_allclose((vectors**2).sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(encode(pictures[2:3])[0], vectors[2])
    np.testing.assert_array_equal(encode(np.zeros((1, 8, 8, 3), np.uint8)).sum(), 1)  # no edges


def test_pictures_of_one_palette_are_nearest_to_one_another():
    named = [(p, scene) for p in PALETTES for scene in scenes_of(p, range(12))]
    vectors = encode(np.stack([draw(scene) for _, scene in named]))
    palette = np.array([PALETTES.index(p) for p, _ in named])
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1)
    right = palette[alike.argmax(axis=1)] == palette
    assert right.mean() > 0.75  # by chance: 0.12
    np.fill_diagonal(alike, np.nan)
    for p in range(len(PALETTES)):
        mine = palette == p
        assert np.nanmean(alike[mine][:, mine]) > np.nanmean(alike[mine][:, ~mine])


@pytest.mark.parametrize("turned", [False, True])
def test_edges_are_told_apart_by_their_direction(turned):
    stripes = np.zeros((1, 64, 64, 3), np.uint8)
    stripes[:, :, ::4] = stripes[:, :, 1::4] = 255
    picture = np.ascontiguousarray(stripes.transpose(0, 2, 1, 3)) if turned else stripes
    edges = encode(picture)[0][384:].reshape(16, 8)
    assert (edges.argmax(axis=1) == (4 if turned else 0)).all()
