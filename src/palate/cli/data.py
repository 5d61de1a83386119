"""`palate data …`: draw the world, build data sets, read others', check any."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palate.cli.speech import AsJson, progress, say

if TYPE_CHECKING:
    from palate.sketchbook.scenes import Scene

app = typer.Typer(no_args_is_help=True, help="Draw pictures and tastes, build and check data sets.")

Out = Annotated[Path, typer.Option("--out", help="Folder to write into; made if missing.")]
Seed = Annotated[int, typer.Option(help="Another seed, another result; the same, the same.")]


@app.command()
def draw(
    prompts: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to draw, such as 'a cat above a cup, watercolor'. None: anything."
        ),
    ] = None,
    count: Annotated[int, typer.Option("-n", min=1, help="Pictures for each prompt.")] = 1,
    seed: Seed = 0,
    size: Annotated[int, typer.Option(help="Pixels a side, 32 to 1024.")] = 128,
    out: Out = Path("out/drawings"),
    as_json: AsJson = False,
) -> None:
    """Draw scenes of the Sketchbook world, with a metadata.csv and a contact sheet."""
    from palate.data.metadata import TABLE, Words, write_words
    from palate.images import to_png
    from palate.sheets import Row, sheet
    from palate.sketchbook.drawing import draw as to_pixels
    from palate.sketchbook.vocabulary import DIMENSIONS
    from palate.sketchbook.words import caption
    from palate.store import write_bytes

    scenes, pixels = _scenes(prompts, count, seed), []
    words: Words = {}
    show = progress("drawing")
    for i, scene in enumerate(scenes):
        pixels.append(to_pixels(scene, size))
        said = caption(scene, named=DIMENSIONS)
        name = f"{i:04d}-{re.sub(r'[^a-z]+', '-', said.split(',')[0])}.png"
        recipe = json.dumps({"drawn": asdict(scene)}, sort_keys=True)
        write_bytes(out / name, to_png(pixels[i], text={"palate": recipe, "prompt": said}))
        words[name] = (said, None)
        show(i + 1, len(scenes))
    write_bytes(out / TABLE, write_words(words))
    across = min(10, len(pixels))
    rows = [Row(pictures=pixels[i : i + across]) for i in range(0, len(pixels), across)]
    write_bytes(out / "sheet.png", to_png(sheet(rows)))
    facts = {"pictures": len(words), "out": str(out), "files": list(words)}
    say(f"{len(words)} pictures in {out}; all on one page in {out / 'sheet.png'}.", facts, as_json)


def _scenes(prompts: list[str] | None, count: int, seed: int) -> list[Scene]:
    from palate.sketchbook.scenes import any_scene
    from palate.sketchbook.words import scene_of

    if not prompts:
        return [any_scene(seed + i) for i in range(count)]
    return [scene_of(prompt, seed + i) for prompt in prompts for i in range(count)]


@app.command()
def person(
    number: Annotated[int, typer.Argument(min=0, help="Which person of the population.")],
    pairs: Annotated[int, typer.Option(min=1, help="Liked and disliked pictures to draw.")] = 8,
    seed: Seed = 0,
    size: Annotated[int, typer.Option(help="Pixels a side, 32 to 1024.")] = 128,
    out: Out = Path("out/taste"),
    as_json: AsJson = False,
) -> None:
    """Draw one person's taste as a folder: liked/, disliked/ and metadata.csv."""
    from palate.data.drawn import person as person_of
    from palate.data.drawn import write_taste
    from palate.sketchbook.people import World

    shown = person_of(number, pairs, World(seed=seed))
    write_taste(out, shown, size)
    facts = {"person": number, "out": str(out), "likes": shown.likes, "dislikes": shown.dislikes}
    text = (
        f"{pairs} liked and {pairs} disliked pictures of person {number} in {out}.\n"
        f"likes most: {', '.join(shown.likes[:6])}\nlikes least: {', '.join(shown.dislikes[:6])}"
    )
    say(text, facts, as_json)


@app.command()
def agents(
    out: Out,
    people: Annotated[int, typer.Option(help="How many people.")] = 50_153,
    pictures: Annotated[
        int | None, typer.Option(help="How many pictures in all, in pairs. Default: about 20 each.")
    ] = None,
    validation: Annotated[
        float, typer.Option(help="Share of people held out to choose by.")
    ] = 0.05,
    test: Annotated[float, typer.Option(help="Share of people held out to report on.")] = 0.05,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Build a population as recipes: people and their pairs of pictures, in Parquet shards."""
    from palate.data.agents import PICTURES_EACH, Population, build
    from palate.sketchbook.people import World

    population = Population(
        people=people,
        pictures=pictures or 2 * round(PICTURES_EACH * people / 2),
        validation=validation,
        test=test,
        world=World(seed=seed),
    )
    shards = build(out, population, progress("shards"))
    facts = {"people": people, "pictures": population.pictures, "out": str(out)}
    text = f"{people} people and {population.pictures} pictures, as recipes, in {out}."
    say(text, {**facts, "shards": len(shards)}, as_json)
