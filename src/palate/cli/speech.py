"""How every command speaks: results, progress and errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from palate.errors import BadInput, PalateError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


class Group(TyperGroup):
    """Turns our errors into one sentence on stderr and an exit code."""

    def invoke(self, ctx: typer.Context) -> Any:  # pyright: ignore
        """Run the command; what we say on purpose needs no traceback."""
        try:
            return super().invoke(ctx)
        except PalateError as problem:
            typer.echo(f"palate: {problem}", err=True)
            raise typer.Exit(problem.exit_code) from None
        except OSError as problem:
            if problem.filename is None or isinstance(problem, BrokenPipeError):
                raise
            typer.echo(f"palate: {safe(str(problem.filename))}: {problem.strerror}.", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            typer.echo("palate: stopped.", err=True)
            raise typer.Exit(130) from None


def say(text: str, facts: Mapping[str, Any], as_json: bool) -> None:
    """The result: a text for people or its facts for machines."""
    typer.echo(json.dumps(dict(facts), default=str) if as_json else text)


def progress(what: str) -> Callable[[int, int], None]:
    """A counter on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        return lambda done, of: None

    def show(done: int, of: int) -> None:
        typer.echo(f"\r{what}: {done} of {of}", err=True, nl=done >= of)

    return show


def safe(text: str) -> str:
    """Pictures come from anywhere, and what they say must not steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def check_text(what: str, texts: Iterable[str]) -> None:
    """Refuse what no file and no model could hold: bytes that were typed and are no UTF-8."""
    for text in texts:
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise BadInput(f"The {what} {text!a} is not text in UTF-8. Type it again.")
