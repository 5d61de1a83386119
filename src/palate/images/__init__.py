"""Pictures nobody vouches for, turned into plain sRGB bytes; and our own, which say how they were
made.

    a path or bytes ──kinds──▶ one of four formats ──decode, or apart──▶ pixels (H, W, 3)
    a Picture ──origin──▶ PNG ──▶ the Request to make it again

Names below are imported when asked for: the decoder's own process starts without numpy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from palate.images.apart import decode_apart as decode_apart
    from palate.images.opening import open_picture as open_picture
    from palate.images.origin import picture_png as picture_png
    from palate.images.origin import provenance as provenance
    from palate.images.origin import read_provenance as read_provenance
    from palate.images.origin import request_of as request_of
    from palate.images.origin import to_png as to_png

_HOME = {
    "decode_apart": "palate.images.apart",
    "open_picture": "palate.images.opening",
    "picture_png": "palate.images.origin",
    "provenance": "palate.images.origin",
    "read_provenance": "palate.images.origin",
    "request_of": "palate.images.origin",
    "to_png": "palate.images.origin",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"palate.images has no {name!r}. It has: {', '.join(_HOME)}.")
    return getattr(import_module(_HOME[name]), name)
