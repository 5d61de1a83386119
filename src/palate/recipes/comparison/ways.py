"""What is compared: a method, for a base model, at a strength.

    METHOD[=FOLDER][:BACKBONE][@STRENGTH][~AVOID]

    words    instant@0.5    prefgen=out/train/sketchbook-prefgen/model@1.5~0.5    premier:tiny-flux

`plain` is the base model alone; one of each base model rides along unasked.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from palate.backbones import catalog
from palate.errors import BadInput, MissingPart, unknown
from palate.methods.table import METHODS
from palate.methods.table import method as load_method
from palate.types import Mark, Method, Request

PLAIN = "plain"
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+|inf|nan)"
_FORM = re.compile(
    r"(?P<method>[A-Za-z][\w-]*)(?:=(?P<folder>[^:]+?))?(?::(?P<backbone>.+?))?"
    rf"(?:@(?P<strength>{_NUMBER}))?(?:~(?P<avoid>{_NUMBER}))?"
)


@dataclass(frozen=True, kw_only=True)
class Said:
    """A way in words, before anything is loaded."""

    method: str
    backbone: str
    folder: str | None = None
    strength: float = 1.0
    avoid: float = 0.0

    def name(self, usual: str, *, whole: bool = False) -> str:
        """As short as it can be said; whole, with the folder of its weights."""
        parts = [self.method]
        parts += [f"={self.folder}"] if whole and self.folder else []
        parts += [f":{self.backbone}"] if self.backbone != usual else []
        parts += [f"@{self.strength:.12g}"] if self.strength != 1 else []
        parts += [f"~{self.avoid:.12g}"] if self.avoid else []
        return "".join(parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Way:
    """One way to make pictures, ready; no method is the base model alone."""

    name: str
    backbone: Any
    method: Method | None = None
    strength: float = 1.0
    avoid: float = 0.0

    def facts(self, steps: int | None = None) -> dict[str, Any]:
        """Everything its pictures depend on, but people and prompts."""
        like = self.backbone.complete(Request(prompt="", steps=steps))
        return {
            "method": vars(self.method.mark) if self.method else None,
            "parts": {name: vars(mark) for name, mark in _parts(self.method).items()},
            "backbone": vars(self.backbone.mark),
            **{name: getattr(like, name) for name in ("width", "height", "steps", "guidance")},
            **({"strength": self.strength, "avoid": self.avoid} if self.method else {}),
            **({"regional": self.backbone.defaults.regional} if self.method else {}),
        }

    def key(self, steps: int | None = None) -> str:
        """The name of its folder: another model, weight or setting, another folder."""
        said = json.dumps(self.facts(steps), sort_keys=True).encode()
        plainly = re.sub(r"[^\w.@~-]+", "-", self.name.partition("=")[0])
        return f"{plainly}-{sha256(said).hexdigest()[:10]}"


def parsed(text: str, usual: str) -> Said:
    """What somebody typed; `usual` is the base model where none is named."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise BadInput(
            f"{text!r} is no way to make pictures. Write METHOD, or more of "
            "METHOD=FOLDER:BACKBONE@STRENGTH~AVOID, such as words, instant@0.5, prefgen=my/weights "
            "or premier:sketchbook-flux@1.5."
        )
    name, folder, backbone, strength, avoid = found.groups()
    if name not in (PLAIN, *METHODS):
        raise unknown("method", name, [PLAIN, *METHODS])
    if name == PLAIN and (folder or strength or avoid):
        raise BadInput(f"{text!r}: the base model alone has no weights and no strength; say plain.")
    loud, away = float(strength or 1), float(avoid or 0)
    Request(prompt="", strength=loud, avoid=away)  # says what a strength may be
    return Said(method=name, folder=folder, backbone=backbone or usual, strength=loud, avoid=away)


def whole(texts: Sequence[str], usual: str) -> dict[str, Said]:
    """All ways by their names: the plain ones first, none twice."""
    asked = [parsed(text, usual) for text in texts]
    if twice := [said for said, times in Counter(asked).items() if times > 1]:
        raise BadInput(f"{twice[0].name(usual, whole=True)} is given twice; give each way once.")
    plains = [Said(method=PLAIN, backbone=b) for b in dict.fromkeys(s.backbone for s in asked)]
    every = [*plains, *(said for said in asked if said.method != PLAIN)]
    if len(every) < 2:
        raise BadInput(
            "Only plain would be made, and nothing to hold it against. Give a method, one of: "
            f"{', '.join(sorted(METHODS))}; or a second base model, as plain:tiny-flux."
        )
    short = Counter(said.name(usual) for said in every)
    return {said.name(usual, whole=short[said.name(usual)] > 1): said for said in every}


def ready(said: dict[str, Said]) -> list[Way]:
    """Everything loaded, each base model and each method once."""
    lent = {b: catalog.backbone(b) for b in dict.fromkeys(one.backbone for one in said.values())}
    found: dict[tuple[str, str | None, str], Method | None] = {}
    for one in said.values():
        which = (one.method, one.folder, one.backbone)
        if which not in found:
            found[which] = _method(one, lent[one.backbone])
    return [
        Way(
            name=name,
            backbone=lent[one.backbone],
            method=found[one.method, one.folder, one.backbone],
            strength=one.strength,
            avoid=one.avoid,
        )
        for name, one in said.items()
    ]


def _method(said: Said, backbone: Any) -> Method | None:
    if said.method == PLAIN:
        return None
    folder = Path(said.folder).expanduser() if said.folder else None
    try:
        return load_method(said.method, backbone, folder)
    except MissingPart as missing:
        raise MissingPart(f"{missing} Here that is {said.method}=FOLDER.") from None


def _parts(method: Method | None) -> dict[str, Mark]:
    """Marks of the models a method holds: its own mark need not tell another reader."""
    held = vars(method) if method else {}
    marks = {name: getattr(part, "mark", None) for name, part in held.items()}
    return {name: mark for name, mark in marks.items() if isinstance(mark, Mark)}
