"""How one of our pictures was made, written into it and read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from palate import __version__
from palate.errors import BadPicture
from palate.images.decode import ALLOWED, Unfit, read_header
from palate.images.opening import name_of, read_bytes
from palate.types import Mark, Picture, Request

_NUMBER = (int, float)
_REQUEST: dict[str, tuple[type, ...]] = {  # the fields of a Request and what they may hold
    "prompt": (str,),
    "negative_prompt": (str,),
    "width": (int, type(None)),
    "height": (int, type(None)),
    "steps": (int, type(None)),
    "guidance": (*_NUMBER, type(None)),
    "seed": (int,),
    "strength": _NUMBER,
    "avoid": _NUMBER,
}
_PRIVATE = ("prompt", "negative_prompt")


def to_png(pixels: NDArray[np.uint8], *, text: Mapping[str, str] | None = None) -> bytes:
    """Pixels (H, W, 3) as PNG, with text chunks if any. The same input gives the same bytes."""
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3, pixels.shape
    chunks = PngInfo()
    for key, value in (text or {}).items():
        chunks.add_text(key, value)
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", pnginfo=chunks)
    return file.getvalue()


def provenance(picture: Picture, *, private: bool = True) -> dict[str, Any]:
    """Everything needed to make the picture again. `private=False` leaves out words and names."""
    request = {name: getattr(picture.request, name) for name in _REQUEST}
    if not private:
        request = {name: value for name, value in request.items() if name not in _PRIVATE}
    profile = _mark(picture.profile)
    if profile and not private:
        profile.pop("name")  # people call a profile by a person's name
    return request | {
        "ai_generated": True,
        "software": f"palate {__version__}",
        "backbone": _mark(picture.backbone),
        "method": _mark(picture.method),
        "profile": profile,
    }


def picture_png(picture: Picture, private: bool = True) -> bytes:
    """The picture as a PNG that says how it was made and that a machine made it."""
    record = provenance(picture, private=private)
    return to_png(
        picture.pixels,
        text={
            "Software": record["software"],
            "ai_generated": "true",
            "palate": json.dumps(record, sort_keys=True),  # ASCII: any reader shows it
        },
    )


def read_provenance(source: Path | bytes, *, name: str | None = None) -> dict[str, Any]:
    """What `provenance` said when the picture was saved."""
    called = name_of(source, name)
    try:
        raw = read_header(read_bytes(source, called)).info.get("palate")
    except Unfit as why:
        raise BadPicture(f"{called} {why}. {ALLOWED}") from None
    if not isinstance(raw, str):
        raise BadPicture(
            f"{called} does not say how it was made. Palate writes that into the PNG files it "
            "makes; a program that saved the picture again may have dropped it."
        )
    try:
        record = json.loads(raw)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise BadPicture(f"{called} says how it was made, but the record is damaged.")
    return record


def request_of(provenance: Mapping[str, Any]) -> Request:
    """The request to make the picture again, from what `read_provenance` returned."""
    if missing := [name for name in _PRIVATE if name not in provenance]:
        raise BadPicture(
            f"This picture was saved without its {' and '.join(missing)} (private text was left "
            "out), so it cannot be made again from the file alone. Give the words yourself."
        )
    for name, types in _REQUEST.items():
        if type(provenance.get(name, types)) not in types:
            raise BadPicture(
                f"This picture's record is damaged: its {name} is {provenance.get(name)!r}."
            )
    return Request(**{name: provenance[name] for name in _REQUEST})


def _mark(mark: Mark | None) -> dict[str, str] | None:
    return {"name": mark.name, "fingerprint": mark.fingerprint} if mark else None
