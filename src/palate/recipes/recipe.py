"""What a recipe is: a value that says what to train, how, and what to keep of it."""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import (
    Any,
    Literal,
    Protocol,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

import torch
from torch import nn

from palate import store
from palate.errors import BadInput, unknown
from palate.learn.facts import Fact
from palate.learn.fit import fit
from palate.learn.sampler import Items
from palate.learn.settings import Fit
from palate.recipes.card import write_card


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a training works on: modules to train, items, and the loss of a batch of them."""

    modules: Mapping[str, nn.Module]
    items: Items
    loss: Callable[..., Any]


@runtime_checkable
class Recipe(Protocol):
    """A complete named run. Its fields are its settings; all have their final values."""

    summary: str
    fit: Fit

    def parts(self) -> Parts:
        """Build everything that is trained."""
        ...

    def keep(self, parts: Parts, folder: Path) -> None:
        """Write the trained model as a folder that its class's from_pretrained reads."""
        ...

    def measure(self, parts: Parts) -> dict[str, float]:
        """How good it is, on what it never saw."""
        ...


def cook(
    recipe: Recipe,
    out: Path,
    on_fact: Callable[[Fact], None] = lambda fact: None,
    *,
    name: str | None = None,
    minutes: float | None = None,
) -> dict[str, Any]:
    """Train into out/run, then write out/model and out/measured.json; called again, goes on.

    With `minutes` it stops after about so many, and keeps and measures what there is by then. No
    two work in one folder at a time; processes that train together are one.
    """
    with store.Lock(out) if os.environ.get("RANK", "0") == "0" else nullcontext():
        return _cooked(recipe, out, on_fact, name or out.name, minutes)


def _cooked(
    recipe: Recipe, out: Path, on_fact: Callable[[Fact], None], name: str, minutes: float | None
) -> dict[str, Any]:
    with torch.random.fork_rng(devices=[]):
        # For weights that a recipe leaves to torch.
        torch.default_generator.manual_seed(recipe.fit.seed)
        parts = recipe.parts()
    began, last = time.perf_counter(), None
    for last in fit(parts.modules, parts.items, parts.loss, recipe.fit, run=out / "run"):
        on_fact(last)
        if minutes is not None and time.perf_counter() - began >= 60 * minutes:
            break
    assert last is not None
    with last.averaged():
        recipe.keep(parts, out / "model")
        measured = recipe.measure(parts)
    write_card(out / "model", name, recipe.summary, recipe.fit, measured, last.step)
    took = (time.perf_counter() - began) / 60
    found = {"steps": last.step, "minutes of the last sitting": round(took, 1), **measured}
    store.write_json(out / "measured.json", found)
    return found


T = TypeVar("T")


def changed(value: T, words: Sequence[str]) -> T:
    """A recipe with some settings changed, all at once: "fit.steps=100", "size=64"."""
    tree = _Tree()
    for word in words:
        path, equals, text = word.partition("=")
        if not equals:
            raise BadInput(f"{word!r} changes nothing. Write it as name=value, as fit.steps=100.")
        *way, last = path.split(".")
        at = tree
        for name in way:
            at = at.setdefault(name, _Tree())
            if not isinstance(at, _Tree):
                raise _twice(name, word)
        if isinstance(at.get(last), _Tree):
            raise _twice(last, word)
        at[last] = _value(text)
    return _with(value, tree)


def _twice(name: str, word: str) -> BadInput:
    return BadInput(f"{name} is set whole and in part ({word}). Say one of the two.")


class _Tree(dict[str, Any]):
    """Changes by name; those of a setting that has settings of its own are a tree again."""


def _with(value: Any, tree: _Tree) -> Any:
    known = [field.name for field in fields(value)]
    for name, given in tree.items():
        if name not in known:
            raise unknown("setting", name, known)
        if isinstance(given, _Tree) and not is_dataclass(getattr(value, name)):
            raise BadInput(
                f"{name} has no settings of its own; {name}.{next(iter(given))} names one."
            )
    known_kinds = _kinds(type(value))
    for name, given in tree.items():
        _check(name, given, known_kinds.get(name))
    return replace(
        value,
        **{
            name: _with(getattr(value, name), given) if isinstance(given, _Tree) else given
            for name, given in tree.items()
        },
    )


def _kinds(kind: type) -> dict[str, Any]:
    """What each setting may be; nothing, where the types stand in for checkers alone."""
    try:
        return get_type_hints(kind)
    except NameError:
        return {}


def _check(name: str, given: Any, kind: Any) -> None:
    """Refuse a word that is none of those a setting knows: it would mean another, silently."""
    if get_origin(kind) is Literal and given not in get_args(kind):
        raise unknown(f"value of {name}", str(given), [str(one) for one in get_args(kind)])
    if get_origin(kind) is tuple and isinstance(given, list | tuple):
        for one in given:
            _check(name, one, get_args(kind)[0])


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
