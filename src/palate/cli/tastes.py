"""What a person gives on the command line: folders of pictures or a profile, and a method."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from palate.cli.speech import AsJson, progress, say
from palate.errors import BadInput, Mismatch, unknown

if TYPE_CHECKING:
    from palate.types import Method, Profile, Taste

Likes = Annotated[
    Path | None, typer.Option(help="Folder of pictures the person likes, or a taste folder.")
]
Dislikes = Annotated[Path | None, typer.Option(help="Folder of pictures they dislike.")]
ProfileFile = Annotated[
    Path | None, typer.Option(help="A profile that `palate read` made, in place of pictures.")
]
MethodName = Annotated[
    str | None,
    typer.Option(
        help="How to follow the taste: prefgen (if left out), premier, instant, words, ip-adapter, "
        "viper or viper-code."
    ),
]
Weights = Annotated[
    Path | None, typer.Option(help="The method's weights; those of this package if left out.")
]
DEFAULT = "prefgen"


def read(
    likes: Likes = None,
    dislikes: Dislikes = None,
    people: Annotated[
        Path | None,
        typer.Option(help="Folder of Parquet shards, one person a row; --out is a folder then."),
    ] = None,
    backbone: Annotated[str, typer.Option(help="The model it is for.")] = "sketchbook-sdxl",
    method: MethodName = None,
    weights: Weights = None,
    way: Annotated[
        str | None,
        typer.Option(
            help="How premier places a person: at-once (default), after (and fifty steps more), "
            "published (5,000 steps) or direct."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="With --people: processes; default one a core.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("me.palate.safetensors"),
    as_json: AsJson = False,
) -> None:
    """Learn a person's taste from pictures, and keep it as one small file.

    With --people, everybody's in a table of people.
    """
    if people is not None:
        if likes or dislikes:
            raise BadInput("A table of people and folders were given. Give one or the other.")
        if way:
            raise BadInput("Tables of people are read at once. Leave --way out.")
        return _read_people(people, out, method or DEFAULT, backbone, weights, workers, as_json)
    from palate.backbones.catalog import backbone as load_backbone
    from palate.store import save_profile

    found = person(load_backbone(backbone), likes, dislikes, None, method, weights, way)
    if found is None:
        raise BadInput("There is nothing to read. Give --likes FOLDER, and perhaps --dislikes.")
    mark = save_profile(out, found[1])
    told = f"{found[1].liked} liked and {found[1].disliked} disliked pictures"
    told += _but_the_most_different(*found)
    facts = {"profile": str(out), "fingerprint": mark, "method": str(found[1].method)}
    facts |= {"liked": found[1].liked, "disliked": found[1].disliked}
    say(f"{told} were read into {out} ({out.stat().st_size:,} bytes).", facts, as_json)


def _read_people(
    people: Path,
    out: Path,
    method: str,
    backbone: str,
    weights: Path | None,
    workers: int | None,
    as_json: bool,
) -> None:
    from palate.data.bulk import run
    from palate.recipes.reading import ReadPeople

    where = str(weights.absolute()) if weights else None
    work = ReadPeople(method=method, backbone=backbone, weights=where)
    built = run(people, out, work, workers=workers, progress=progress("shards"))
    left = [asdict(problem) for problem in built.problems]
    lines = [f"{built.rows} people were read into {out}; {len(left)} left out."]
    lines += [f"  {p.file} row {p.row}: {p.reason}" for p in built.problems[:20]]
    say("\n".join(lines), {"people": built.rows, "out": str(out), "left_out": left}, as_json)


def person(
    backbone: Any,
    likes: Path | None,
    dislikes: Path | None,
    profile: Path | None,
    method: str | None,
    weights: Path | None,
    way: str | None = None,
) -> tuple[Method, Profile] | None:
    """Whom to please and how; None if nobody is named."""
    if profile and (likes or dislikes):
        raise BadInput("A profile and folders were given. Give one or the other.")
    if dislikes and not likes:
        raise BadInput("Only dislikes were given. Give --likes FOLDER as well.")
    if not profile and not likes:
        if method:
            raise BadInput(f"{method} needs somebody to please: give --likes or --profile.")
        return None
    from palate.data.folder import taste_from_piles
    from palate.methods.table import method as load_method
    from palate.store.profiles import load_profile

    if profile:
        kept = load_profile(profile)
        return load_method(method or kept.method.name, backbone, weights), kept
    assert likes is not None
    taste = taste_from_piles(likes, dislikes)
    found = load_method(method or DEFAULT, backbone, weights)
    return found, _read(found, taste, way)


def _read(method: Method, taste: Taste, way: str | None) -> Profile:
    if way is None:
        return method.read(taste)
    ways = getattr(method, "ways", {})
    if way not in ways:
        raise unknown(f"way to read with {method.mark.name}", way, list(ways))
    return cast(Any, method).read(taste, ways[way])


def _but_the_most_different(method: Method, profile: Profile) -> str:
    """A reader is told so many pictures of a side at most."""
    most = getattr(getattr(method, "plan", None), "most", 0)
    if not most or max(profile.liked, profile.disliked) <= most:
        return ""
    return f" (of each side the {most} that differ most)"


def export(
    profile: Annotated[Path, typer.Option(help="A profile that `palate read` made.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
    backbone: Annotated[
        str | None, typer.Option(help="The base model; the one the profile names if left out.")
    ] = None,
    weights: Weights = None,
    as_json: AsJson = False,
) -> None:
    """Write a taste as an IP-Adapter that stock diffusers loads, with no Palate."""
    from palate.backbones.catalog import backbone as load_backbone
    from palate.methods.table import method as load_method
    from palate.store.profiles import load_profile

    person = load_profile(profile)
    lent = load_backbone(backbone or person.backbone.name)
    method = load_method(person.method.name, lent, weights)
    write = getattr(method, "export", None)
    if write is None:
        raise Mismatch(f"{person.method.name} has no adapter that could be written as a file.")
    files = [str(file) for file in write(person, out)]
    say(f"In {out}: an adapter, the person, and how to use them.", {"files": files}, as_json)
