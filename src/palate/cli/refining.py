"""`palate refine`: a talk about one picture, round by round, kept in one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli import tastes
from palate.cli.generating import check_folder
from palate.cli.speech import AsJson, check_text, progress, safe, say
from palate.errors import BadInput

if TYPE_CHECKING:
    from palate.methods.instant.session import Session
    from palate.methods.instant.understanding import Understanding


def refine(
    file: Annotated[Path, typer.Argument(help="The session, a JSON file; begun with --prompt.")],
    words: Annotated[
        str, typer.Argument(help="What to change, such as 'warmer, and the boat further left'.")
    ] = "",
    prompt: Annotated[str | None, typer.Option(help="Begin: what the picture is to show.")] = None,
    likes: tastes.Likes = None,
    dislikes: tastes.Dislikes = None,
    add: Annotated[list[str] | None, typer.Option(help="A keyword to add by hand.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A keyword to take out.")] = None,
    weigh: Annotated[
        list[str] | None, typer.Option(help="A keyword and its weight, as 'film grain=0.5'.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the last round.")] = False,
    server: Annotated[
        str | None, typer.Option(help="A vision LLM's address, http://HOST:PORT/v1; else by rule.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model that server is asked for.")] = None,
    reader: Annotated[
        str, typer.Option(help="Who looks at the pictures when there is no server.")
    ] = "sketchbook-reader",
    backbone: Annotated[str, typer.Option(help="The base model.")] = "sketchbook-sdxl",
    seed: Annotated[int, typer.Option(min=0, max=2**62, help="Begin: of every picture.")] = 0,
    steps: Annotated[int | None, typer.Option(help="Steps; the model's own if left out.")] = None,
    draw: Annotated[bool, typer.Option(help="Whether to make the picture, too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Begin a picture with --prompt and --likes, then say in words how it is to be.

    Every round is a whole new plan with the same seed; what nobody spoke of stays as it was. With
    the file alone, everything that was understood is listed.
    """
    check_folder(file.parent)
    check_text("prompt", [prompt or ""])
    check_text("change", [words, *(add or ()), *(remove or ()), *(weigh or ())])
    asked = bool(words or add or remove or weigh or undo)
    if prompt is None:
        from palate.methods.instant.session import Session

        now = _edited(Session.load(file), add or (), remove or (), weigh or (), undo)
        now = now.answered(words, _understanding(server, model, None)) if words else now
    else:
        if asked:
            raise BadInput(
                "Begin with --prompt alone; then say in a second command what to change."
            )
        if file.exists():
            raise BadInput(f"{file} is there already. Give another file to begin anew.")
        if likes is None:
            raise BadInput("There is no reference. Give --likes FOLDER with one picture or more.")
        now = _begun(prompt, likes, dislikes, _understanding(server, model, reader), seed)
    picture = _drawn(now, backbone, file, steps) if draw else None
    now.save(file)
    told = _facts(now) | {"session": str(file), "picture": picture and str(picture)}
    say("\n".join(_lines(now, file, picture, whole=not asked)), told, as_json)


def _begun(
    prompt: str, likes: Path, dislikes: Path | None, by: Understanding, seed: int
) -> Session:
    from palate.data.folder import taste_from_piles
    from palate.methods.instant.method import understood
    from palate.methods.instant.session import begun

    taste = taste_from_piles(likes, dislikes)
    keywords = understood(taste, by)
    return begun(prompt, taste, keywords, by.plan(prompt, keywords), seed=seed)


def _edited(now: Session, add: Any, remove: Any, weigh: Any, undo: bool) -> Session:
    """By hand, each a round of its own."""
    from palate.methods.instant.sayings import category_of

    if undo:
        now = now.undone()
    for keyword in remove:
        now = now.edited(now.keywords.removed(keyword), f"{keyword}: taken out by hand")
    for keyword in add:
        more = now.keywords.added(keyword, category_of(keyword))
        now = now.edited(more, f"{keyword}: added by hand")
    for pair in weigh:
        keyword, weight = _weighed(pair)
        other = now.keywords.weighed(keyword, weight)
        now = now.edited(other, f"{keyword}: weighs {weight:g} by hand")
    return now


def _weighed(pair: str) -> tuple[str, float]:
    keyword, _, weight = pair.rpartition("=")
    try:
        return keyword, float(weight)
    except ValueError:
        raise BadInput(
            f"{pair!r} is no keyword and weight. Write it as 'film grain=0.5'."
        ) from None


def _understanding(server: str | None, model: str | None, reader: str | None) -> Understanding:
    """A server if one is named, here or in the environment; else a reader, else rules."""
    import os

    from palate.methods.instant import understanding

    if server or model or os.environ.get("PALATE_VLM_URL"):
        from palate.backbones.servers import Server
        from palate.backbones.vlm import Endpoint

        endpoint = Endpoint(Server.from_environment(url=server, model=model))
        if not endpoint.probe():
            typer.echo(
                f"palate: {endpoint.server} keeps to no schema; replies are checked.", err=True
            )
        return understanding.ByServer(endpoint)
    if reader is None:
        return understanding.ByRule()
    from palate.backbones.catalog import reader as load_reader

    return understanding.ByReader(load_reader(reader))


def _drawn(now: Session, name: str, file: Path, steps: int | None) -> Path:
    """The picture of this round, beside the session."""
    from palate.backbones.catalog import backbone
    from palate.generate import signed
    from palate.images import picture_png
    from palate.methods.instant.method import Instant
    from palate.methods.instant.understanding import ByRule
    from palate.store import write_bytes

    lent = backbone(name)
    method, request = Instant(lent, ByRule()), now.request(steps=steps)
    person = now.profile(method.mark, lent.mark)
    if request.negative_prompt and not lent.guided(lent.complete(request)):
        typer.echo(
            "palate: this model hears no negative prompt; what to avoid is left out.", err=True
        )
    with method.steer([person], [request], plans=[now.plan]) as steered:
        (picture,) = steered.sample([request], on_step=progress("steps"))
    out = file.with_suffix(f".{len(now.history)}.png")
    write_bytes(out, picture_png(signed(picture, method, person)))
    return out


def _facts(now: Session) -> dict[str, Any]:
    from dataclasses import asdict

    changes = now.history[-1].changes if now.history else ()
    found = {"round": len(now.history), "changes": list(changes), "seed": now.seed}
    return found | {"keywords": asdict(now.keywords), "plan": asdict(now.plan)}


def _lines(now: Session, file: Path, picture: Path | None, whole: bool) -> list[str]:
    """What stands now, for people; every keyword when nothing was to be changed."""
    facts = _facts(now)
    lines = [f"Round {facts['round']}: {safe(now.plan.enriched_prompt)}"]
    lines += [f"  {safe(change)}" for change in facts["changes"]]
    for category, keyword in now.keywords.all() if whole else ():
        told = f"{keyword.weight:.2f}  {keyword.text}"
        lines.append(f"  {category:19}{safe(told)}" + f"  ({safe(keyword.evidence)})")
    lines += [f"  {safe(r.entity):19}{r.box}" for r in now.plan.regions]
    return [*lines, f"In {file}" + (f"; drawn as {picture}." if picture else ".")]
