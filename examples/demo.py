"""`make demo`: sixty scenes of the drawn world, and three people's likes and dislikes."""

from __future__ import annotations

import argparse
from pathlib import Path

from palate.data.drawn import Person, person
from palate.images import to_png
from palate.sheets import Row, sheet
from palate.sketchbook.drawing import draw
from palate.sketchbook.people import World
from palate.sketchbook.scenes import any_scene
from palate.sketchbook.words import PHRASES
from palate.store import write_bytes

PEOPLE = (125, 36, 140)  # of the first three hundred, some whose taste is easy to see
PAIRS = 8


def main() -> None:
    """Draw both pages and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/demo"))
    out = parser.parse_args().out
    drawn = [draw(any_scene(seed)) for seed in range(60)]
    scenes = [Row(pictures=drawn[i : i + 10]) for i in range(0, 60, 10)]
    write_bytes(out / "scenes.png", to_png(sheet(scenes)))
    rows = [row for number in PEOPLE for row in rows_of(number, person(number, PAIRS, World()))]
    write_bytes(out / "people.png", to_png(sheet(rows, margin=230)))
    print(f"Sixty scenes: {out / 'scenes.png'}")  # noqa: T201 - a demo speaks
    print(f"Three people and their taste: {out / 'people.png'}")  # noqa: T201


def rows_of(number: int, shown: Person) -> list[Row]:
    """A liked row and a disliked row; in a column, both are the same prompt."""
    likes, dislikes = (
        ", ".join(PHRASES[value] for value in most[:7]) for most in (shown.likes, shown.dislikes)
    )
    return [
        Row(pictures=[draw(s) for s in shown.liked], title=f"Person {number} likes", note=likes),
        Row(pictures=[draw(s) for s in shown.disliked], title="and dislikes", note=dislikes),
    ]


if __name__ == "__main__":
    main()
