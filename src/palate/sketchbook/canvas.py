"""Drawing a scene with skia: backdrop, light in the sky, subjects, ornaments.

Everything here is flat colour with smooth edges; media, light falling on things, contrast, borders
and textures are pixel work and live in `finish`. Paths are made once and kept: a picture is a few
dozen fills.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import pi

import numpy as np
import skia
from numpy.typing import NDArray

from palate.seeds import name_key, uniform
from palate.sketchbook.brushes import VARIANTS, Numbers, brush, colours, lay_out, nth, path_in
from palate.sketchbook.ornaments import ornament
from palate.sketchbook.palettes import Palette
from palate.sketchbook.scenery import BACKDROP, backdrop, hills, in_the_sky
from palate.sketchbook.scenes import Scene
from palate.sketchbook.shapes import grown, in_language
from palate.sketchbook.subjects import DRAWN_BY

OUTLINE = {"no outline": 0.0, "fine outline": 0.045, "bold outline": 0.11}  # of half a subject
SCALE = {"close-up": 1.25, "mid shot": 0.9, "wide shot": 0.65}
SCENE, VARIANT = name_key("scene"), name_key("variant")

Outlines = tuple[tuple[str, skia.Path, skia.Path | None], ...]  # role, its shape, that and outline


def paint(scene: Scene, size: int) -> NDArray[np.uint8]:
    """The scene in flat colour, (size, size, 4)."""
    numbers = uniform(scene.seed, SCENE, np.arange(12))
    palette = colours(scene["palette"], scene["light"], int(numbers[0] * 3))
    pixels = backdrop(*(scene[d] for d in BACKDROP), size).copy()
    with skia.Surface(pixels, colorType=skia.kRGBA_8888_ColorType) as canvas:
        lay_out(canvas, size, scene["tilt"])
        in_the_sky(canvas, scene, palette, numbers)
        hills(canvas, scene, palette, numbers)
        subjects(canvas, scene, palette, numbers)
        if scene["ornament"] != "clear air":
            ornament(canvas, scene["ornament"], palette, nth(numbers[10]))
    return pixels


def subjects(canvas: skia.Canvas, scene: Scene, palette: Palette, numbers: Numbers) -> None:
    """One subject or two, each in its own colours."""
    turn = int(numbers[0] * 3)
    wear = (
        palette,
        colours(scene["palette"], scene["light"], turn + 1),
    )  # two subjects never wear the same
    for (_, parts), wears in zip(standing(canvas, scene, numbers), wear, strict=False):
        for role, shape, outlined in parts:
            if outlined is not None:
                canvas.drawPath(outlined, brush(palette.dark))
            canvas.drawPath(shape, brush(getattr(wears, role)))


def standing(canvas: skia.Canvas, scene: Scene, numbers: Numbers) -> Iterator[tuple[str, Outlines]]:
    """Each subject and its parts, the canvas moved to its place, facing either way."""
    for i, (subject, (x, y, half)) in enumerate(
        zip(scene.content.subjects, places(scene), strict=True)
    ):
        play = 0.05 * (numbers[4 + 2 * i : 6 + 2 * i] - 0.5)
        variant = nth(numbers[8 + i])
        canvas.save()
        canvas.translate(x + float(play[0]), y + float(play[1]))
        canvas.scale(-half if variant % 2 else half, half)  # odd variants face the other way
        yield subject, outlines_of(subject, scene["shape"], scene["outline"], variant)
        canvas.restore()


def places(scene: Scene) -> list[tuple[float, float, float]]:
    """Where each subject stands: centre x, centre y, half its side; the picture is 1 x 1."""
    scale = SCALE[scene["framing"]]
    relation = scene.content.relation
    if relation is None:
        return [(0.5, 0.56, 0.32 * scale)]
    half = 0.227 * min(scale, 1.08)  # two must fit side by side even close up
    if relation == "above":
        return [(0.5, 0.5 - 1.12 * half, half), (0.5, 0.52 + 1.12 * half, half)]
    left, right = (0.5 - 1.14 * half, 0.58, half), (0.5 + 1.14 * half, 0.58, half)
    return [left, right] if relation == "left of" else [right, left]


@lru_cache(maxsize=2048)
def outlines_of(subject: str, shape: str, outline: str, variant: int) -> Outlines:
    """A subject's parts as skia paths, back to front."""
    key = name_key(subject)

    def vary(k: int, reach: float) -> float:
        return reach * (2 * float(uniform(VARIANT, key, variant, k)) - 1)

    by, as_path = OUTLINE[outline], path_in(shape)
    parts = []
    for i, part in enumerate(DRAWN_BY[subject](vary)):
        points = in_language(part, shape, 2 * pi * variant / VARIANTS + 1.7 * i)
        parts.append((part.role, as_path(points), as_path(grown(points, by)) if by else None))
    return tuple(parts)
