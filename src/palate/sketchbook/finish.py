"""A painted scene as the finished picture: light, medium, contrast, border, texture, in order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from palate.seeds import name_key, normal
from palate.sketchbook.media import MEDIA
from palate.sketchbook.palettes import PALETTES
from palate.sketchbook.pixelwork import Colour, Map, Pixels, blotches, colour, grid, mix, whole
from palate.sketchbook.scenes import Scene


def finish(painted: NDArray[np.uint8], scene: Scene) -> NDArray[np.uint8]:
    """A painted scene (side, side, 3 or 4) as the finished picture (side, side, 3)."""
    palette = PALETTES[scene["palette"]]
    paper, ink = colour(palette.light), colour(palette.dark)
    pixels = painted[..., :3].transpose(2, 0, 1).astype(np.float32, order="C")
    pixels = _lit(pixels, scene["light"], ink)
    pixels = MEDIA[scene["medium"]](pixels, paper, ink)
    pixels = _contrasted(pixels, scene["contrast"])
    pixels = _bordered(pixels, scene["border"], scene["shape"], paper, ink)
    if scene["texture"] != "smooth":
        pixels *= texture_map(scene["texture"], pixels.shape[-1])
    pixels += np.float32(0.5)
    np.clip(pixels, 0, 255, out=pixels)
    return np.ascontiguousarray(pixels.astype(np.uint8).transpose(1, 2, 0))


def _lit(pixels: Pixels, light: str, ink: Colour) -> Pixels:
    return (
        pixels
        if light in ("noon", "night")
        else mix(pixels, ink, shade_map(light, pixels.shape[-1]))
    )


@lru_cache(maxsize=32)
def shade_map(light: str, size: int) -> Map:
    """How much of the palette's dark covers each pixel."""
    x, y = grid(size)
    if light == "dusk":
        return whole(0.58 * np.clip(1.0 - 1.5 * y, 0, 1) + 0.1)
    cone = np.abs(x - 0.5) / (0.12 + 0.3 * y)  # a beam from above, widening
    pool = np.hypot((x - 0.5) / 0.46, (y - 0.72) / 0.34)
    inside = np.minimum(cone, pool)
    return whole(0.66 * np.clip(4.0 * (inside - 0.95), 0, 1))


def _contrasted(pixels: Pixels, contrast: str) -> Pixels:
    if contrast == "low contrast":
        return pixels * np.float32(0.66) + np.float32(50)
    if contrast == "high contrast":
        return np.clip((pixels - np.float32(128)) * np.float32(1.5) + np.float32(128), 0, 255)
    return pixels


def _bordered(pixels: Pixels, border: str, shape: str, paper: Colour, ink: Colour) -> Pixels:
    if border == "borderless":
        return pixels
    beyond, line = border_maps(border, shape, pixels.shape[-1])
    if border != "thin frame":
        pixels = mix(pixels, paper, beyond)
    return mix(pixels, ink, line)


@lru_cache(maxsize=48)
def border_maps(border: str, shape: str, size: int) -> tuple[Map, Map]:
    """How much paper, and how much of an ink line, covers each pixel."""
    if border == "thin frame":
        inward = _inside_a_window(0.045, shape, size)
        return whole(np.zeros((size, size))), _line(inward, 0.012)
    if border == "wide mat":
        inward = _inside_a_window(0.11, shape, size)
    else:
        inward = _inside_a_round(0.48, shape, size)
    return whole(np.clip(0.5 - inward * 100, 0, 1)), _line(inward, 0.004)


def _inside_a_window(inset: float, shape: str, size: int) -> NDArray[np.float64]:
    """How far each pixel lies inside a frame: corners round, cut off, or edges that wander."""
    x, y = (np.abs(at - 0.5) for at in grid(size))
    half = 0.5 - inset
    straight = half - np.maximum(x, y)
    if shape == "rounded":
        r = 0.16
        corner = r - np.hypot(np.maximum(x - half + r, 0), np.maximum(y - half + r, 0))
        return np.minimum(straight, corner)
    if shape == "angular":
        return np.minimum(straight, (2 * half - 0.13 - x - y) / np.sqrt(2))
    return straight + 0.016 * blotches("frame", size, 22)


def _inside_a_round(radius: float, shape: str, size: int) -> NDArray[np.float64]:
    """How far each pixel lies inside a circle, an octagon, or a circle that trembles."""
    x, y = (at - 0.5 for at in grid(size))
    if shape == "angular":
        turns = np.pi * (np.arange(8) + 0.5) / 4
        return radius - 0.02 - np.max([x * np.cos(t) + y * np.sin(t) for t in turns], axis=0)
    trembling = 0.012 * np.sin(17 * np.arctan2(y, x)) if shape == "wobbly" else 0.0
    return radius - np.hypot(x, y) + trembling - 0.01 * (shape == "wobbly")


def _line(away: NDArray[np.float64], half: float) -> Map:
    return whole(np.clip(1 - (np.abs(away) - half) * 100, 0, 1))


@lru_cache(maxsize=24)
def texture_map(texture: str, size: int) -> Map:
    """A factor for each pixel, about 1."""
    x, y = grid(size)
    at = np.arange(size)
    if texture == "grain":
        cell = at * 128 // size  # the same grain at every size
        speck = np.clip(normal(name_key("grain"), cell[:, None], cell), -2, 2)
        return whole(1 + 0.06 * speck)
    if texture == "paper":
        fibres = np.sin(260 * y + 7 * blotches("fibres", size, 20))
        return whole(0.96 + 0.08 * blotches("paper", size, 14) + 0.04 * fibres)
    weave = np.sin(np.pi * 32 * x) * np.sin(np.pi * 32 * y)
    return whole(0.95 + 0.1 * weave)
