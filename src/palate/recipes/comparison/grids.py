"""Pictures side by side for the page: what people showed, and what each way made for them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from palate.images import open_picture
from palate.recipes.comparison.audience import Audience, Pixels
from palate.recipes.comparison.tables import number

Facts = Mapping[str, Any]
PEOPLE = 6  # whose pictures are shown: the first, whatever became of them
_SMALL, _LARGE = 108, 296  # pixels: twice as many as a page shows them at


def note(facts: Facts) -> str:
    """Whose pictures these are."""
    some = min(PEOPLE, facts["question"]["people"])
    return (
        f'<p class="note">The first {some} people, not chosen by hand, and the first prompt of '
        "each, from the same seed in every way. Under a picture: how many looks of a hundred its "
        "person likes less, and whether it shows what was asked for.</p>"
    )


def people_shown(facts: Facts, each: Facts, audience: Audience, out: Path) -> Iterable[str]:
    """Some people: what they showed, then what each way made for them."""
    step = facts["question"]["prompts"]
    for turn, person in enumerate(list(audience.people)[:PEOPLE]):
        sides = {"likes": audience.liked(person), "dislikes": audience.disliked(person)}
        strips = "".join(
            f'<span class="faint">{name}</span><div class="strip">{_images(some, _SMALL)}</div>'
            for name, some in sides.items()
        )
        row = turn * step
        prompt = escape(each["prompts"][row])
        made = "".join(_made(way, each, row, out) for way in facts["ways"])
        yield (
            f'<div class="person"><h3>Person {person}: “{prompt}”</h3>'
            f'<div class="shown">{strips}</div><div class="made">{made}</div></div>'
        )


def _made(way: Facts, each: Facts, row: int, out: Path) -> str:
    picture = open_picture(out / "pictures" / way["pictures"] / each["files"][row])
    found = each["ways"][way["name"]]
    right = found["content"][row] > 0
    said = (
        '<span class="right">as asked</span>'
        if right
        else '<span class="wrong">not as asked</span>'
    )
    return (
        f"<figure>{_images([picture], _LARGE)}<figcaption><b>{escape(way['name'])}</b>"
        f"taste {number('taste', found['taste'][row])}, {said}</figcaption></figure>"
    )


def _images(pictures: Iterable[Pixels], side: int) -> str:
    return "".join(f'<img alt="" src="{_data(picture, side)}">' for picture in pictures)


def _data(picture: Pixels, side: int) -> str:
    """A picture as part of the page; small ones are not blown up."""
    image, file = Image.fromarray(np.ascontiguousarray(picture)), BytesIO()
    image.thumbnail((side, side))
    image.save(file, "WEBP", quality=88)
    return f"data:image/webp;base64,{b64encode(file.getvalue()).decode()}"
