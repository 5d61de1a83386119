"""Encoded bytes to an upright RGB picture, with nothing else of the file left.

Trusts nothing: the format is told by content, the size is checked before a pixel is decoded, every
pixel is decoded before the picture is believed. Whatever Pillow raises on junk becomes `Unfit`.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO

import PIL.WebPImagePlugin  # noqa: F401  else Image.open loads all 43 formats to find WebP
from PIL import Image
from PIL.Image import DecompressionBombError, DecompressionBombWarning, Transpose

from palate.images.kinds import describe, kind_of

MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000
MAX_SIDE = 16_384  # also the most WebP can hold
ALLOWED = (
    "Give a JPEG, PNG, WebP or GIF of at most "
    f"{MAX_BYTES // 10**6} MB, {MAX_PIXELS // 10**6} megapixels and {MAX_SIDE:,} pixels a side."
)

_TURNS = {  # EXIF orientation -> what puts the picture upright
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_ROWS = 256  # worked on at a time where a second copy of 40 Mpx would not fit in 512 MB
_PNG_END = b"IEND\xaeB`\x82"
_one_at_a_time = threading.Lock()  # catch_warnings swaps a list that all threads share


class Unfit(Exception):
    """Why this is no picture we accept, worded to follow the picture's name."""


def decode(data: bytes) -> Image.Image:
    """The (first) picture in these bytes: mode RGB, sRGB, upright."""
    image = read_header(data)
    try:
        image.load()
        if image.format == "PNG" and _PNG_END not in data:
            raise Unfit("is truncated")  # Pillow is content once the pixels are there
        turn = _TURNS.get(_orientation(image))
        image = _to_rgb(image)
        return image.transpose(turn) if turn is not None else image
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(_reason(error)) from error


def read_header(data: bytes) -> Image.Image:
    """The picture with its size checked and no pixel decoded yet."""
    check_bytes(len(data))
    kind = kind_of(data)
    if kind is None:
        raise Unfit(f"is {describe(data)}")
    try:
        with _pillow_warnings():
            image = Image.open(BytesIO(data), formats=[kind])
    except Exception as error:
        raise Unfit(_reason(error)) from error
    check_size(*image.size)
    return image


def check_bytes(count: int) -> None:
    """Refuse nothing at all and too much."""
    if not count:
        raise Unfit("is empty")
    if count > MAX_BYTES:
        raise Unfit(f"is {count / 1e6:.1f} MB")


def check_size(width: int, height: int) -> None:
    """Refuse what would take too much memory to decode, or too long a row to work with."""
    if width < 1 or height < 1 or max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise Unfit(f"is {width} x {height} = {width * height / 1e6:.1f} Mpx")


@contextmanager
def _pillow_warnings() -> Iterator[None]:
    """Bombs are errors; remarks on junk metadata are nobody's concern, we drop it."""
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", DecompressionBombWarning)
        yield


def _reason(error: Exception) -> str:
    if isinstance(error, DecompressionBombError | DecompressionBombWarning):
        pixels = re.search(r"\d+", str(error))  # Pillow says the count, in its message only
        return f"is {int(pixels[0]) / 1e6:.1f} Mpx" if pixels else "is far too large"
    if isinstance(error, MemoryError):
        return "needs more memory to decode than it may have: make it smaller, or a JPEG"
    return "is truncated or damaged"


def _orientation(image: Image.Image) -> int:
    with _pillow_warnings(), suppress(Exception):  # junk EXIF: the picture itself may be fine
        return image.getexif().get(0x0112, 1)
    return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16-bit grey; convert() would clip it at 255
        image = image.point(lambda level: level * (1 / 257) + 0.5).convert("L")
    elif image.has_transparency_data:
        image = _on_white(image)
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    if profile and b"sRGB" not in profile:
        image = _to_srgb(image, profile)
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    key = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 255:  # of 16 bits, while Pillow kept 8 of each pixel
        image.info["transparency"] = tuple(part >> 8 for part in key)
    page = Image.new("RGB", image.size, "white")
    for top in range(0, image.height, _ROWS):
        band = image.crop((0, top, image.width, min(top + _ROWS, image.height))).convert("RGBA")
        page.paste(band, (0, top), mask=band.getchannel("A"))
    return page


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Phones save Display P3, presses CMYK. A profile that makes no sense is left out."""
    from PIL import ImageCms

    with suppress(Exception):
        target = ImageCms.createProfile("sRGB")
        done = ImageCms.profileToProfile(image, BytesIO(profile), target, outputMode="RGB")
        return done or image
    return image
