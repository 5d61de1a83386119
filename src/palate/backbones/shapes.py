"""What a model is asked to say, as a dataclass: its JSON schema, and replies checked against it.

Schemas are kept plain (no references, patterns or lengths), since servers drop silently what their
grammar does not know; lengths and ranges are whoever asks' own matter.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")
_KEPT = ("type", "enum", "const")
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_MOST = 5  # complaints told at once


class Unfit(Exception):
    """Why a reply is not of the shape; worded to follow "its reply"."""


def schema_of(shape: type) -> dict[str, Any]:
    """The JSON schema of a dataclass: every field required, nothing beside them."""
    whole = _adapter(shape).json_schema()
    return _plain(whole, whole.get("$defs", {}))


def parsed(shape: type[T], text: str) -> T:
    """A reply as a value; what stands around the JSON, such as thoughts and fences, is dropped."""
    bare = _THOUGHT.sub("", text)
    start, stop = bare.find("{"), bare.rfind("}")
    if stop < start or start < 0:
        raise Unfit("holds no JSON object")
    try:
        return _adapter(shape).validate_json(bare[start : stop + 1])
    except ValidationError as error:
        raise Unfit(f"does not fit: {_complaints(error)}") from None


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _complaints(error: ValidationError) -> str:
    found = [
        f"{'.'.join(map(str, one['loc'])) or 'the whole'}: {one['msg']}" for one in error.errors()
    ]
    more = f"; and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return "; ".join(found[:_MOST]) + more


def _plain(node: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """References replaced by what they refer to; our shapes do not refer to themselves."""
    if "$ref" in node:
        return _plain(known[node["$ref"].rsplit("/", 1)[1]], known)
    plain = {key: node[key] for key in _KEPT if key in node}
    if "properties" in node:
        plain["properties"] = {n: _plain(p, known) for n, p in node["properties"].items()}
        plain["required"] = list(node["properties"])
        plain["additionalProperties"] = False
    if "items" in node:
        plain["items"] = _plain(node["items"], known)
    return plain
