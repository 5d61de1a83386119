"""What a vision LLM is sent: pictures as data URLs, words, and its own reply to be mended."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Message = dict[str, Any]


def content(text: str, pictures: Sequence[Pixels], side: int = 768) -> list[dict[str, Any]]:
    """A user's turn: pictures as data URLs, then text."""
    shown = [{"type": "image_url", "image_url": {"url": data_url(p, side)}} for p in pictures]
    return [*shown, {"type": "text", "text": _sendable(text)}]


def data_url(pixels: Pixels, side: int) -> str:
    """A picture as JPEG, its longer side at most so many pixels; nothing of its file's metadata."""
    image, file = Image.fromarray(pixels), BytesIO()
    image.thumbnail((side, side))
    image.save(file, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def again(reply: str, wrong: str) -> list[Message]:
    """What was said and what is wrong with it, so that it may be mended."""
    return [
        {"role": "assistant", "content": _sendable(re.sub(r"\s+", " ", reply))[:2000] or "{}"},
        {
            "role": "user",
            "content": _sendable(
                f"Your reply {wrong}. Answer again: one JSON object of the schema."
            ),
        },
    ]


def _sendable(text: str) -> str:
    """Without what no UTF-8 can say: lone surrogates come from broken names and broken replies."""
    return text.encode("utf-8", "replace").decode()
