"""What a picture looks like, without any model: its colors, and which way its edges run where.

The plain baseline for "nearest pictures". It knows palettes, contrast, texture and rough layout; it
does not know what a cat is. Made by hand, nothing is learned.

Half of it is how often each color occurs, in boxes of Oklab (a space where equal steps look about
equal; Ottosson 2020, coefficients from bottosson.github.io/posts/oklab). The other half is, for
each of 4 x 4 tiles, how strong its edges are in eight directions. Both are square roots of shares,
so that a dot product is the overlap of two histograms (Bhattacharyya's) and no box drowns the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_LIGHT, _CHROMA = 6, 8  # boxes of lightness; boxes of green-red and of blue-yellow
_REACH = 0.32  # sRGB lies within ±0.32 on both color axes
_TILES, _WAYS = 4, 8

_BYTE = np.arange(256) / 255
_LINEAR = np.where(_BYTE <= 0.04045, _BYTE / 12.92, ((_BYTE + 0.055) / 1.055) ** 2.4)
_LINEAR = _LINEAR.astype(np.float32)


class ColorsAndEdges:
    """A vector of length 1 for each picture: 384 colors, 128 edges."""

    name = "colors-and-edges-1"
    width = _LIGHT * _CHROMA**2 + _TILES**2 * _WAYS

    def encode(self, pixels: NDArray[np.uint8], /) -> Floats:
        """Pixels (n, h, w, 3) to (n, 512); a picture's vector does not depend on the others."""
        return np.stack([_describe(picture) for picture in pixels])


def _describe(picture: NDArray[np.uint8]) -> Floats:
    lab = oklab(picture)
    halves = (_roots(_colors(lab)), _roots(_edges(lab[0])))
    both = np.concatenate(halves)
    return (both / np.sqrt((both**2).sum())).astype(np.float32)


def oklab(picture: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """sRGB bytes (h, w, 3) to lightness 0..1, green-red and blue-yellow, each (h, w)."""
    r, g, b = (_LINEAR[picture[..., channel]] for channel in range(3))
    l = np.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)  # noqa: E741  its name
    m = np.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    s = np.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
        0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
    )


def _colors(lab: tuple[NDArray[Any], ...]) -> NDArray[np.float64]:
    light, red, yellow = lab
    place = _box(light, _LIGHT)
    for axis in (red, yellow):
        place = place * _CHROMA + _box((axis + _REACH) / (2 * _REACH), _CHROMA)
    return np.bincount(place.ravel(), minlength=_LIGHT * _CHROMA**2).astype(np.float64)


def _edges(light: NDArray[Any]) -> NDArray[Any]:
    down, across = np.gradient(light)
    strength = np.hypot(down, across)
    way = _box(np.arctan2(down, across) / np.pi % 1.0, _WAYS)  # half a turn: an edge has no sign
    row, column = (_tile(side) for side in light.shape)
    place = (row[:, None] * _TILES + column) * _WAYS + way
    return np.bincount(place.ravel(), strength.ravel(), minlength=_TILES**2 * _WAYS)


def _box(share: NDArray[Any], count: int) -> NDArray[np.intp]:
    return np.clip((share * count).astype(np.intp), 0, count - 1)


def _tile(side: int) -> NDArray[np.intp]:
    return np.arange(side) * _TILES // side


def _roots(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total = counts.sum()
    return np.sqrt(counts / total) if total > 0 else counts  # a blank picture has no edges
