"""The twelve subjects. Each takes a few small random numbers and returns its parts, back to front.

Every subject fills a box from -1 to 1 and stands on y = 1 (y points down). Roles are the colours of
`palettes.Palette`. `v` is a function: v(k, reach) is this variant's k-th number in -reach..reach.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin
from types import MappingProxyType

from palate.sketchbook.shapes import Part, box, disc, polygon, stroke

Vary = Callable[[int, float], float]


def house(v: Vary) -> list[Part]:
    """Walls, a steep roof, a door and two windows."""
    w, eave = 0.72 + v(0, 0.06), -0.02 + v(1, 0.08)
    return [
        box("third", 0.34, -0.82, 0.56, -0.1),
        box("first", -w, eave, w, 1),
        polygon("second", (-w - 0.22, eave + 0.06), (0, -0.95 + v(2, 0.06)), (w + 0.22, eave + 0.06)),
        box("dark", -0.18, 0.42, 0.18, 1),
        box("light", -0.56, 0.26, -0.28, 0.56),
        box("light", 0.28, 0.26, 0.56, 0.56),
    ]  # fmt: skip


def tree(v: Vary) -> list[Part]:
    """A trunk and a crown of three rounds, with fruit."""
    lean = v(0, 0.08)
    return [
        polygon("third", (-0.16, 1), (-0.1, 0.1), (0.1, 0.1), (0.2, 1)),
        disc("first", -0.42 + lean, 0.02, 0.5, 0.46),
        disc("first", 0.44 + lean, 0.0, 0.5, 0.46),
        disc("first", lean, -0.46, 0.58 + v(1, 0.06), 0.52),
        disc("second", -0.4 + lean, -0.02, 0.12),
        disc("second", 0.34 + lean, 0.1, 0.12),
        disc("second", 0.06 + lean, -0.5, 0.12),
    ]


def fish(v: Vary) -> list[Part]:
    """A plump body, a forked tail, two fins and a stripe, swimming at mid height."""
    y, h = 0.1 + v(0, 0.06), 0.52 + v(1, 0.06)
    return [
        polygon("second", (0.5, y), (1.0, y - 0.5), (0.86, y), (1.0, y + 0.5)),
        polygon("second", (-0.2, y - h + 0.12), (0.12, y - h - 0.3), (0.38, y - h + 0.24)),
        polygon("second", (-0.1, y + h - 0.12), (0.18, y + h + 0.24), (0.34, y + h - 0.26)),
        polygon(
            "first", (-0.98, y), (-0.7, y - 0.7 * h), (-0.15, y - h), (0.35, y - 0.7 * h),
            (0.7, y), (0.35, y + 0.7 * h), (-0.15, y + h), (-0.7, y + 0.7 * h),
        ),
        polygon("third", (0.02, y - 0.84 * h), (0.24, y - 0.72 * h), (0.24, y + 0.72 * h), (0.02, y + 0.84 * h)),
        disc("light", -0.56, y - 0.12, 0.17),
        disc("dark", -0.59, y - 0.12, 0.09),
    ]  # fmt: skip


def boat(v: Vary) -> list[Part]:
    """A hull, a mast, two sails and a wave."""
    top = -0.95 + v(0, 0.06)
    return [
        stroke("dark", 0.09, (0.0, 0.5), (0.0, top)),
        polygon("light", (-0.08, top + 0.08), (-0.08, 0.34), (-0.78 + v(1, 0.08), 0.34)),
        polygon("second", (0.08, top + 0.28), (0.08, 0.34), (0.66 + v(2, 0.08), 0.34)),
        polygon("first", (-0.95, 0.42), (0.98, 0.42), (0.66, 0.92), (-0.6, 0.92)),
        stroke("third", 0.12, (-1.0, 0.96), (-0.66, 0.86), (-0.33, 0.98), (0, 0.86), (0.33, 0.98), (0.66, 0.86), (1.0, 0.96)),
    ]  # fmt: skip


def flower(v: Vary) -> list[Part]:
    """A bent stem, two leaves, six petals round a heart."""
    x, y = v(0, 0.08), -0.32
    ring = [2 * pi * i / 6 + 0.3 + v(1, 0.3) for i in range(6)]
    return [
        stroke("third", 0.12, (0.0, 1.0), (0.06 - x, 0.5), (x, y)),
        polygon("third", (0.02, 0.86), (-0.3, 0.42), (-0.66, 0.4), (-0.42, 0.74)),
        polygon("third", (0.04, 0.74), (0.36, 0.34), (0.7, 0.34), (0.46, 0.64)),
        *(disc("first", x + 0.4 * cos(t), y + 0.4 * sin(t), 0.29) for t in ring),
        disc("second", x, y, 0.25),
    ]


def mountain(v: Vary) -> list[Part]:
    """Two peaks with snow, the smaller behind."""
    x, h = -0.16 + v(0, 0.08), -0.9 + v(1, 0.06)
    return [
        polygon("second", (-0.02, 1), (0.52, -0.3 + v(2, 0.1)), (1.05, 1)),
        polygon("first", (-1.05, 1), (x, h), (0.72, 1)),
        polygon(
            "light", (x, h), (x + 0.26, h + 0.56), (x + 0.1, h + 0.46), (x, h + 0.66),
            (x - 0.12, h + 0.48), (x - 0.28, h + 0.6),
        ),
        polygon("third", (0.1, 1), (0.34, 0.6), (0.62, 1)),
    ]  # fmt: skip


def cup(v: Vary) -> list[Part]:
    """A cup on a saucer, steaming, with a band."""
    w, top = 0.58 + v(0, 0.06), -0.24 + v(1, 0.05)
    return [
        disc("second", 0, 0.86, 0.98, 0.17),
        stroke("first", 0.17, (w - 0.06, 0.0), (w + 0.34, -0.02), (w + 0.32, 0.46), (w - 0.16, 0.5)),
        polygon("first", (-w, top), (w, top), (0.72 * w, 0.82), (-0.72 * w, 0.82)),
        polygon("third", (-0.92 * w, 0.16), (0.92 * w, 0.16), (0.86 * w, 0.38), (-0.86 * w, 0.38)),
        disc("dark", 0, top, w, 0.11),
        stroke("light", 0.09, (-0.24, -0.42), (-0.36, -0.58), (-0.14, -0.74), (-0.26, -0.92)),
        stroke("light", 0.09, (0.2, -0.42), (0.08, -0.58), (0.3, -0.74), (0.18, -0.92)),
    ]  # fmt: skip


def car(v: Vary) -> list[Part]:
    """A small car, facing left: cabin, windows, wheels, a headlight."""
    roof = -0.44 + v(0, 0.06)
    return [
        polygon("second", (-0.62, 0.12), (-0.38, roof), (0.42, roof), (0.72, 0.12)),
        polygon("light", (-0.46, 0.08), (-0.3, roof + 0.14), (-0.04, roof + 0.14), (-0.04, 0.08)),
        polygon("light", (0.08, 0.08), (0.08, roof + 0.14), (0.34, roof + 0.14), (0.52, 0.08)),
        polygon("first", (-1.0, 0.26), (-0.84, 0.08), (0.88, 0.06), (1.0, 0.28), (0.98, 0.76), (-1.0, 0.76)),
        box("third", -0.98, 0.5, 0.98, 0.6),
        disc("light", -0.88, 0.32, 0.11),
        disc("dark", -0.52, 0.74, 0.28),
        disc("dark", 0.54, 0.74, 0.28),
        disc("light", -0.52, 0.74, 0.11),
        disc("light", 0.54, 0.74, 0.11),
    ]  # fmt: skip


def bird(v: Vary) -> list[Part]:
    """A round bird on two legs, facing left, a wing and a long tail."""
    y = 0.06 + v(0, 0.05)
    return [
        stroke("dark", 0.08, (-0.12, 0.5), (-0.14, 0.98)),
        stroke("dark", 0.08, (0.14, 0.5), (0.16, 0.98)),
        polygon("second", (0.3, y + 0.06), (1.0, y - 0.4 + v(1, 0.1)), (0.98, y - 0.06), (0.5, y + 0.36)),
        disc("first", 0.04, y + 0.12, 0.6, 0.5),
        disc("first", -0.42, y - 0.44, 0.37),
        polygon("third", (-0.72, y - 0.58), (-1.05, y - 0.4), (-0.72, y - 0.28)),
        polygon("second", (-0.18, y - 0.04), (0.5, y - 0.02), (0.32, y + 0.4), (0.02, y + 0.38)),
        disc("light", -0.5, y - 0.52, 0.12),
        disc("dark", -0.52, y - 0.52, 0.065),
    ]  # fmt: skip


def castle(v: Vary) -> list[Part]:
    """Two towers with pointed roofs, a wall with battlements, a gate and a flag."""
    h = -0.26 + v(0, 0.06)
    teeth = [box("first", x, -0.06, x + 0.16, 0.2) for x in (-0.44, -0.2, 0.04, 0.28)]
    return [
        stroke("dark", 0.05, (0.72, -0.7), (0.72, -1.06)),
        polygon("third", (0.72, -1.06), (0.36, -0.96), (0.72, -0.84)),
        *teeth,
        box("first", -0.5, 0.12, 0.5, 1),
        box("first", -0.94, h, -0.48, 1),
        box("first", 0.48, h, 0.94, 1),
        polygon("second", (-1.04, h + 0.04), (-0.71, -0.9 + v(1, 0.05)), (-0.38, h + 0.04)),
        polygon("second", (0.38, h + 0.04), (0.71, -0.9 + v(1, 0.05)), (1.04, h + 0.04)),
        polygon("dark", (-0.22, 1), (-0.22, 0.54), (0, 0.36), (0.22, 0.54), (0.22, 1)),
        box("light", -0.79, 0.08, -0.63, 0.38),
        box("light", 0.63, 0.08, 0.79, 0.38),
    ]  # fmt: skip


def cat(v: Vary) -> list[Part]:
    """A sitting cat: pointed ears, whiskers, a raised tail."""
    y = -0.34
    ear = -0.98 + v(0, 0.04)
    return [
        stroke("second", 0.2, (0.36, 0.88), (0.86, 0.84), (0.92, 0.34), (0.74 + v(1, 0.08), -0.02)),
        polygon("first", (-0.58, 1), (-0.5, 0.3), (-0.3, -0.06), (0.3, -0.06), (0.5, 0.3), (0.58, 1)),
        disc("light", 0, 0.62, 0.26, 0.34),
        polygon("first", (-0.58, y - 0.04), (-0.54, ear), (-0.08, y - 0.36)),
        polygon("first", (0.58, y - 0.04), (0.54, ear), (0.08, y - 0.36)),
        disc("first", 0, y, 0.58, 0.46),
        disc("light", -0.22, y - 0.06, 0.14, 0.16),
        disc("light", 0.22, y - 0.06, 0.14, 0.16),
        disc("dark", -0.22, y - 0.06, 0.07, 0.12),
        disc("dark", 0.22, y - 0.06, 0.07, 0.12),
        polygon("third", (-0.1, y + 0.14), (0.1, y + 0.14), (0, y + 0.27)),
        stroke("dark", 0.045, (-0.24, y + 0.2), (-0.78, y + 0.1)),
        stroke("dark", 0.045, (-0.24, y + 0.28), (-0.76, y + 0.34)),
        stroke("dark", 0.045, (0.24, y + 0.2), (0.78, y + 0.1)),
        stroke("dark", 0.045, (0.24, y + 0.28), (0.76, y + 0.34)),
    ]  # fmt: skip


def lighthouse(v: Vary) -> list[Part]:
    """A banded tower on a rock, its lamp throwing two beams."""
    w = 0.36 + v(0, 0.03)

    def band(role: str, top: float, bottom: float) -> Part:
        left, right = (w - 0.13 * (0.9 - y) / 1.4 for y in (top, bottom))
        return polygon(role, (-left, top), (left, top), (right, bottom), (-right, bottom))

    return [
        stroke("glow", 0.1, (0.3, -0.7), (0.98, -0.86)),
        stroke("glow", 0.1, (0.3, -0.6), (0.98, -0.54)),
        stroke("glow", 0.1, (-0.3, -0.7), (-0.98, -0.86)),
        stroke("glow", 0.1, (-0.3, -0.6), (-0.98, -0.54)),
        polygon("third", (-0.82, 1), (-0.56, 0.76), (0.5, 0.72), (0.84, 1)),
        band("light", -0.46, 0.84),
        band("first", -0.46, -0.12),
        band("first", 0.2, 0.5),
        box("glow", -0.17, -0.8, 0.17, -0.48),
        box("dark", -0.36, -0.54, 0.36, -0.43),
        polygon("first", (-0.26, -0.76), (0, -1.05), (0.26, -0.76)),
        box("dark", -0.09, 0.58, 0.09, 0.84),
    ]


DRAWN_BY = MappingProxyType(
    {
        "house": house,
        "tree": tree,
        "fish": fish,
        "boat": boat,
        "flower": flower,
        "mountain": mountain,
        "cup": cup,
        "car": car,
        "bird": bird,
        "castle": castle,
        "cat": cat,
        "lighthouse": lighthouse,
    }
)
