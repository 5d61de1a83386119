"""`make demo`: the drawn world, pictures by the built-in models, and pictures to one's taste."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from palate.backbones import catalog
from palate.data.drawn import Person, person
from palate.data.folder import taste_from_folder
from palate.errors import MissingPart, PalateError
from palate.generate import generate, plain
from palate.images import open_picture, to_png
from palate.methods.table import METHODS, method, serves
from palate.sheets import Pixels, Row, sheet
from palate.sketchbook.drawing import draw
from palate.sketchbook.people import World
from palate.sketchbook.scenes import any_scene
from palate.sketchbook.words import PHRASES
from palate.store import write_bytes
from palate.types import Backbone, Example, Request

PEOPLE = (125, 36, 140)  # of the first three hundred, some whose taste is easy to see
PAIRS = 8
TASTE = Path(__file__).parent / "taste"
BACKBONES = ("sketchbook-sdxl", "sketchbook-flux")
# Contents that no model here was ever told of, and values that it was.
PROMPTS = (
    "a cup",
    "a lighthouse right of a castle, warm colors",
    "a bird left of a fish, ink drawing",
    "a house above a cat, at night",
    "a fish right of a bird, pixel art",
    "a cat left of a fish, pastel colors, falling snow",
)
ASKED = [Request(prompt=prompt, seed=seed) for seed, prompt in enumerate(PROMPTS)]
EACH, MARGIN = 5, 210


def main() -> None:
    """Make the pages, one after another, and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/demo"))
    out = parser.parse_args().out
    show(out / "scenes.png", "Sixty scenes of the drawn world", scenes())
    rows = [row for number in PEOPLE for row in rows_of(number, person(number, PAIRS, World()))]
    show(out / "people.png", "Three people, what each likes and does not", rows)
    for name in BACKBONES:
        try:
            backbone = catalog.backbone(name)
        except MissingPart as why:
            say(str(why))
            continue
        show(out / f"{name}.png", f"By {name}, for nobody in particular", made(backbone))
        rows = [*shown(), *fitting(backbone)]
        show(out / f"{name}-taste.png", f"By {name}, to the taste in {TASTE}", rows)


def scenes() -> list[Row]:
    """The world at random."""
    drawn = [draw(any_scene(seed)) for seed in range(60)]
    return [Row(pictures=drawn[i : i + 10]) for i in range(0, 60, 10)]


def rows_of(number: int, shown: Person) -> list[Row]:
    """A liked row and a disliked row; in a column, both are the same prompt."""
    likes, dislikes = (
        ", ".join(PHRASES[value] for value in most[:7]) for most in (shown.likes, shown.dislikes)
    )
    return [
        Row(pictures=[draw(s) for s in shown.liked], title=f"Person {number} likes", note=likes),
        Row(pictures=[draw(s) for s in shown.disliked], title="and dislikes", note=dislikes),
    ]


def shown() -> list[Row]:
    """What the person of the sample taste showed."""
    taste = taste_from_folder(TASTE)
    return [
        Row(pictures=opened(taste.liked), title="Somebody likes"),
        Row(pictures=opened(taste.disliked), title="and dislikes"),
    ]


def opened(examples: Iterable[Example]) -> list[Pixels]:
    """Their pixels."""
    return [open_picture(example.image) for example in examples]


def made(backbone: Backbone) -> Iterator[Row]:
    """A prompt a row, a seed a column."""
    seeds = range(EACH)
    asked = [Request(prompt=prompt, seed=seed) for prompt in PROMPTS for seed in seeds]
    pixels = [picture.pixels for picture in plain(asked, backbone=backbone)]
    for row, prompt in enumerate(PROMPTS):
        yield Row(pictures=pixels[row * EACH : (row + 1) * EACH], note=prompt)


def fitting(backbone: Backbone) -> Iterator[Row]:
    """The same prompts and seeds without a method, and with every one that can be had."""
    nobody = [picture.pixels for picture in plain(ASKED, backbone=backbone)]
    yield Row(pictures=nobody, title="nobody asked", note="; ".join(PROMPTS))
    taste = taste_from_folder(TASTE)
    for name in METHODS:
        if not serves(name, type(backbone).__name__):
            continue
        try:
            steered = generate(taste, ASKED, method=method(name, backbone))
        except PalateError as why:
            say(str(why))
            continue
        yield Row(pictures=[p.pixels for p in steered], title=name)


def show(path: Path, what: str, rows: Iterable[Row]) -> None:
    """Write a page."""
    rows = list(rows)
    titled = any(row.title or row.note for row in rows)
    write_bytes(path, to_png(sheet(rows, margin=MARGIN if titled else 0)))
    say(f"{what}: {path}")


def say(line: str) -> None:
    """A demo speaks."""
    print(line)  # noqa: T201


if __name__ == "__main__":
    main()
