"""Eight palettes, each a handful of colours that belong together."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from types import MappingProxyType

RGB = tuple[int, int, int]


def _rgb(code: str) -> RGB:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Colours by the part they play. Subjects are drawn in first, second and third."""

    sky: RGB  # top of the backdrop
    low: RGB  # bottom of the backdrop
    ground: RGB
    first: RGB
    second: RGB
    third: RGB
    dark: RGB  # outlines and shadows
    light: RGB  # windows, sails, paper
    glow: RGB  # sun, moon and stars

    def turned(self, by: int) -> Palette:
        """The same colours with first, second and third changing places: variety by seed."""
        colours = (self.first, self.second, self.third)
        first, second, third = (colours[(i + by) % 3] for i in range(3))
        return replace(self, first=first, second=second, third=third)

    def at_night(self) -> Palette:
        """The scenery mostly gone into the dark, subjects a little, what glows not at all."""
        depth = {"sky": 0.72, "low": 0.58, "ground": 0.46}
        depth |= dict.fromkeys(("first", "second", "third", "light"), 0.3)
        return replace(self, **{n: blend(getattr(self, n), self.dark, d) for n, d in depth.items()})


def blend(a: RGB, b: RGB, share: float) -> RGB:
    """A colour on the way from a to b."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _palette(*codes: str) -> Palette:
    names = (f.name for f in fields(Palette))
    return Palette(**dict(zip(names, map(_rgb, codes), strict=True)))


PALETTES = MappingProxyType(
    {
        #                      sky       low       ground    first     second    third     dark      light     glow
        "warm": _palette("FBDFB4", "F7BE86", "EBA05E", "CB3A2A", "F28A1E", "8C2B38", "3A1512", "FFF7E3", "FFD23C"),
        "cool": _palette("BFE3F0", "97CCE3", "6FAECF", "1F5FA8", "179A93", "5450BE", "0E2242", "F4FCFF", "FFFFFF"),
        "pastel": _palette("F9DCEB", "D2E3F8", "BFE5CB", "F083AC", "86AEEE", "F5D67A", "665C88", "FFFEF8", "FFE795"),
        "neon": _palette("1A0A3A", "43107A", "15266A", "FF2C92", "1FF2E4", "F8F22A", "080314", "F7F1FF", "B6FF3B"),
        "earthy": _palette("E2E0C6", "BDC598", "94A163", "A84B26", "50702F", "D19C35", "2F2418", "F9F4E4", "EFC052"),
        "monochrome": _palette("D4D4D4", "BFBFBF", "A6A6A6", "5E5E5E", "262626", "F0F0F0", "0C0C0C", "FFFFFF", "FFFFFF"),
        "jewel": _palette("2B2A5C", "632D70", "175C4A", "C4173F", "0FA56C", "E2AE2C", "120B24", "F8EAC8", "FFD867"),
        "sepia": _palette("F0DFBD", "DDC494", "C2A06B", "75492A", "A3713A", "4F3016", "2B190B", "FCF5E3", "FFF6D8"),
    }
)  # fmt: skip
