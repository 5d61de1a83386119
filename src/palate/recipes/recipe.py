"""What a recipe is: a value that says what to train, how, and what to keep of it."""

from __future__ import annotations

import ast
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import (
    Any,
    Literal,
    Protocol,
    TypeVar,
    cast,
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
    began, last, run = time.perf_counter(), None, out / "run"
    how: dict[str, Any] = {"run": run, "logs": out / "logs", "about": _lasting(recipe)}
    how["minutes"] = math.inf if minutes is None else minutes
    for last in fit(parts.modules, parts.items, parts.loss, recipe.fit, **how):
        on_fact(last)
    assert last is not None
    with last.averaged():
        recipe.keep(parts, out / "model")
        measured = recipe.measure(parts)
    write_card(out / "model", name, recipe.summary, recipe.fit, measured, last.step)
    took = (time.perf_counter() - began) / 60
    found = {"steps": last.step, "minutes of the last sitting": round(took, 1), **measured}
    store.write_json(out / "measured.json", found)
    return found


_ASIDE = ("fit", "summary", "cache", "tested")  # what changes nothing that is learned, or is asked


def _lasting(recipe: Recipe) -> dict[str, Any]:
    """What must not change when a run goes on, as JSON gives it back."""
    settings = {f.name: getattr(recipe, f.name) for f in fields(cast(Any, recipe))}
    told = {
        f"recipe.{name}": asdict(cast(Any, value)) if is_dataclass(value) else value
        for name, value in settings.items()
        if name not in _ASIDE
    }
    return json.loads(json.dumps(told, default=_told))


def _told(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


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


TRAINED = Path("out/train")  # where recipes look for what others trained


def beside(value: T, out: Path, *, anyway: bool) -> T:
    """The same, looking for what others trained in `out`: `anyway`, or where it is there."""
    found = {}
    for field in fields(cast(Any, value)):
        given = getattr(value, field.name)
        if is_dataclass(given):
            found[field.name] = beside(given, out, anyway=anyway)
        elif isinstance(given, Path) and given.is_relative_to(TRAINED):
            place = out / given.relative_to(TRAINED)
            found[field.name] = place if anyway or place.is_dir() else given
    return replace(cast(Any, value), **found)


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


_PLAIN: Mapping[Any, str] = MappingProxyType({
    bool: "True or False", int: "a whole number", float: "a number", str: "a text",
})  # fmt: skip


def _check(name: str, given: Any, kind: Any) -> None:
    """Refuse what a setting cannot be: a word it does not know would mean another, silently."""
    if kind in _PLAIN and not _is(given, kind):
        raise BadInput(f"{name} is {given!r}; it must be {_PLAIN[kind]}.")
    if is_dataclass(kind) and not isinstance(given, kind | _Tree):
        known = ", ".join(f"{name}.{field.name}" for field in fields(kind))
        raise BadInput(f"{name} is {given!r}; it has settings of its own: {known}.")
    if get_origin(kind) is Literal and given not in get_args(kind):
        raise unknown(f"value of {name}", str(given), [str(one) for one in get_args(kind)])
    if get_origin(kind) is Mapping and not isinstance(given, Mapping):
        raise BadInput(f"{name} is {given!r}; it must be a table, as {{0: 10, 1: 20}}.")
    if get_origin(kind) is tuple:
        if not isinstance(given, list | tuple):
            raise BadInput(f"{name} is {given!r}; it must be several in brackets, as (1, 2).")
        for one in given:
            _check(name, one, get_args(kind)[0])


def _is(given: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(given, int | float) and not isinstance(given, bool)
    return isinstance(given, kind) and (kind is bool or not isinstance(given, bool))


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
