"""`palate generate`: pictures from prompts, for nobody in particular or for a person."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import tastes
from palate.cli.pages import file_name, page, small
from palate.cli.speech import AsJson, check_text, progress, safe, say
from palate.errors import BadInput, Unfinished

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from palate.backbones import FLUX, SDXL
    from palate.types import Method, Picture, Profile, Request

LARGEST = 4096  # pixels a side


def generate(
    prompts: Annotated[list[str], typer.Argument(help="What to make, such as 'a cat, at dusk'.")],
    backbone: Annotated[
        str, typer.Option(help="The model: a name, a folder or a Hub id.")
    ] = "sketchbook-sdxl",
    seed: Annotated[
        int, typer.Option(min=0, max=2**62, help="Of each prompt's first picture; the next is +1.")
    ] = 0,
    count: Annotated[int, typer.Option("-n", min=1, help="Pictures for each prompt.")] = 1,
    steps: Annotated[int | None, typer.Option(help="Steps; the model's own if left out.")] = None,
    guidance: Annotated[
        float | None, typer.Option(help="How closely to follow the prompt; the model's own.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Pixels: 512, or 640x384; the model's own if left out.")
    ] = None,
    negative: Annotated[str, typer.Option(help="What not to make.")] = "",
    likes: tastes.Likes = None,
    dislikes: tastes.Dislikes = None,
    profile: tastes.ProfileFile = None,
    method: tastes.MethodName = None,
    weights: tastes.Weights = None,
    strength: Annotated[
        float, typer.Option(help="How much taste is heard: 0 not at all, 1 as published.")
    ] = 1.0,
    avoid: Annotated[
        float, typer.Option(help="How hard to push away from what is disliked.")
    ] = 0.0,
    check: Annotated[
        bool,
        typer.Option("--check", help="Try once more where a named thing is missing; instant only."),
    ] = False,
    out: Annotated[
        Path, typer.Option("--out", help="Folder to write into; made if missing.")
    ] = Path("out/pictures"),
    private: Annotated[
        bool,
        typer.Option(
            "--prompts/--no-prompts", help="Keep the prompts in the files: name, record and sheet."
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Make pictures from prompts, and to a person's taste if they show what they like.

    The same seed makes the same picture.
    """
    from palate.images import picture_png, to_png
    from palate.store import write_bytes

    check_folder(out)
    asked = _requests(prompts, count, seed, _size(size), steps, guidance, negative)
    asked = [replace(request, strength=strength, avoid=avoid) for request in asked]
    model, requests = _ready(backbone, asked)
    whom = tastes.person(model, likes, dislikes, profile, method, weights)
    if avoid and not (whom and whom[1].disliked):
        why = "the person shows no dislikes" if whom else "nobody is named who dislikes something"
        typer.echo(f"palate: nothing to avoid: {why}.", err=True)
    steer = _looking(whom) if check else partial(_steered, whom)
    files = [file_name(i, request, private) for i, request in enumerate(requests)]
    cut: dict[str, str] = {}
    shown: list[NDArray[np.uint8]] = []
    try:
        for picture, lost in _made(model, requests, steer, progress("steps")):
            write_bytes(out / files[len(shown)], picture_png(picture, private))
            _tell_cut(picture.request.prompt, lost, cut)
            shown.append(small(picture))
        write_bytes(out / "sheet.png", to_png(page(requests, shown, count, private)))
    except KeyboardInterrupt:
        raise _stopped(len(shown), len(requests), out) from None
    facts = {"pictures": len(files), "out": str(out), "files": files, "sheet": "sheet.png"}
    facts |= {"seeds": [r.seed for r in requests], "backbone": str(model.mark), "cut": cut}
    say(f"{len(files)} pictures in {out}; all on one page in {out / 'sheet.png'}.", facts, as_json)


# ---- what is asked for


def _requests(
    prompts: Sequence[str],
    count: int,
    seed: int,
    size: tuple[int | None, int | None],
    steps: int | None,
    guidance: float | None,
    negative: str,
) -> list[Request]:
    from palate.types import Request

    check_text("prompt", (*prompts, negative))
    width, height = size
    like = Request(
        prompt="",
        negative_prompt=negative,
        width=width,
        height=height,
        steps=steps,
        guidance=guidance,
    )
    seeds = range(seed, seed + count)
    return [replace(like, prompt=prompt, seed=s) for prompt in prompts for s in seeds]


def _size(text: str | None) -> tuple[int | None, int | None]:
    """Width and height from "512" or "640x384"."""
    if text is None:
        return None, None
    match = re.fullmatch(r"(\d{1,6})(?:[xX×](\d{1,6}))?", text.strip())
    if match is None:
        raise BadInput(f"The size is {text!r}. Write it as 512, or as 640x384 (width x height).")
    width, height = (int(side) for side in (match[1], match[2] or match[1]))
    if max(width, height) > LARGEST:
        raise BadInput(f"The size is {text}; a side may have at most {LARGEST} pixels.")
    return width, height


def check_folder(out: Path) -> None:
    """Refuse before a model is loaded what could not be written after."""
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        what = "cannot be written to" if there.is_dir() else "is a file"
        raise BadInput(f"{there} {what}. Give another folder as --out.")


def check_file(out: Path) -> None:
    """The same for a JSON file that gets others of its name beside it."""
    if out.is_dir() or out.suffix in (".txt", ".png", ".svg"):
        raise BadInput(f"{out} is no name for a JSON file; give one such as {out.stem}.json.")
    check_folder(out.parent)


def _ready(name: str, requests: Sequence[Request]) -> tuple[SDXL | FLUX, list[Request]]:
    """The model, and the requests with nothing left open; a sentence for what it cannot make."""
    from palate.backbones.catalog import backbone

    model = backbone(name)
    whole = [model.complete(request) for request in requests]
    first = whole[0]
    if first.negative_prompt:
        if not model.guided(first):
            raise BadInput(
                f"The negative prompt {first.negative_prompt!r} would not be heard: it needs "
                f"guidance above 1, and guidance is {first.guidance:g}. Raise it, or leave the "
                "negative prompt out."
            )
        _tell_cut(first.negative_prompt, model.encode([first.negative_prompt]).cut[0], {})
    return model, whole


# ---- making


Step = Callable[[int, int], None]
Steer = Callable[[Any, Sequence[Any], Any, Step], list[Any]]  # model, requests, texts, on_step


def _made(
    model: SDXL | FLUX, requests: Sequence[Request], steer: Steer, show: Step
) -> Iterator[tuple[Picture, str]]:
    """Every picture as soon as its batch is done, with the end of its prompt that did not fit."""
    from palate.backbones.sampling import texts_of

    each = model.defaults.at_once
    groups = [requests[i : i + each] for i in range(0, len(requests), each)]
    for number, some in enumerate(groups):
        text = texts_of(model, some)
        step = partial(_step, show, number, len(groups))
        yield from zip(steer(model, some, text, step), text.cut, strict=True)


def _steered(
    whom: tuple[Method, Profile] | None,
    model: SDXL | FLUX,
    some: Sequence[Request],
    text: Any,
    step: Step,
) -> list[Picture]:
    from palate.generate import signed

    if whom is None:
        return model.sample(some, text, step)
    with whom[0].steer([whom[1]] * len(some), some) as lent:
        return [signed(p, *whom) for p in lent.sample(some, on_step=step)]


def _looking(whom: tuple[Method, Profile] | None) -> Steer:
    """As instant makes pictures when it looks at them, too, and tries once more."""
    from palate.methods.instant.checking import checked
    from palate.methods.instant.method import Instant

    if whom is None or not isinstance(method := whom[0], Instant):
        raise BadInput("Only instant looks at its pictures. Give --method instant with --check.")
    person = whom[1]

    def steer(model: Any, some: Sequence[Request], text: Any, step: Step) -> list[Picture]:
        found = checked(method, [person] * len(some), some)
        for one in found:
            if one.missing:
                what = safe(", ".join(one.missing))
                prompt = safe(one.picture.request.prompt)
                typer.echo(f"palate: of {prompt!r} not to be seen in two tries: {what}", err=True)
        return [one.picture for one in found]

    return steer


def _step(show: Callable[[int, int], None], group: int, groups: int, done: int, of: int) -> None:
    show(group * of + done, groups * of)


def _tell_cut(prompt: str, lost: str, told: dict[str, str]) -> None:
    """Text that is silently dropped is a wrong picture."""
    if not lost or prompt in told:
        return
    told[prompt] = lost
    typer.echo(f"palate: too long for the model, left out: {safe(lost)!r}", err=True)


def _stopped(done: int, of: int, out: Path) -> Unfinished:
    if sys.stderr.isatty():
        typer.echo(err=True)  # past the counter
    return Unfinished(
        f"Stopped with {done} of {of} pictures done"
        + (f"; those are whole, in {out}." if done else ".")
        + " The same command starts anew and makes the same ones."
    )
