"""One shape for every data set of choices: pairs (which of two) and ratings (how much one).

A picture is a cell of bytes, a path, or both. The schema carries the key that Hugging Face
`datasets` looks for, so that a Parquet file of ours shows its pictures there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import compute

from palate.errors import BadTable

pc: Any = compute  # its functions are made at import: a type checker sees none of them
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
LABELS = (0.0, 0.5, 1.0)  # image1 was preferred, a tie, image0 was preferred
SCORES = (-1.0, 1.0)  # from disliked to liked


def _with_features(columns: dict[str, pa.DataType]) -> pa.Schema:
    features = {name: _feature(kind) for name, kind in columns.items()}
    about = json.dumps({"info": {"features": features}})
    return pa.schema(list(columns.items()), metadata={"huggingface": about})


def _feature(kind: pa.DataType) -> dict[str, str]:
    if kind == IMAGE:
        return {"_type": "Image"}
    return {"_type": "Value", "dtype": "float64" if kind == pa.float64() else str(kind)}


PAIRS = _with_features(
    {
        "pair_id": pa.string(),
        "user_id": pa.string(),  # null: nobody knows who chose
        "prompt": pa.string(),
        "image0": IMAGE,
        "image1": IMAGE,
        "label0": pa.float64(),  # one of LABELS
        "model0": pa.string(),
        "model1": pa.string(),
        "group_id": pa.string(),  # pairs of one group (a ranking) are not independent
        "split": pa.string(),
        "source": pa.string(),
        "weight": pa.float64(),
    }
)
RATINGS = _with_features(
    {
        "user_id": pa.string(),
        "image": IMAGE,
        "score": pa.float64(),  # within SCORES
        "prompt": pa.string(),
        "comment": pa.string(),
        "split": pa.string(),
        "source": pa.string(),
    }
)


def check_schema(given: pa.Schema, wanted: pa.Schema, name: str) -> None:
    """Refuse a table that lacks columns or holds something else in them; all are named at once.

    Further columns are nobody's concern. Wider strings, narrower whole numbers and any timestamp
    will do; a picture may be plain bytes or a struct with `bytes`.
    """
    problems = [say for field in wanted if (say := _problem(given, field))]
    if problems:
        raise BadTable(
            f"{name} does not have the columns it needs: {'; '.join(problems)}. "
            "Rename or convert them and try again."
        )


def _problem(given: pa.Schema, wanted: pa.Field) -> str | None:
    places = given.get_all_field_indices(wanted.name)
    if not places:
        return f"{wanted.name} ({_kind(wanted.type)}) is missing"
    if len(places) > 1:
        return f"{wanted.name} is there {len(places)} times"
    found = given.field(places[0]).type
    fits = found.equals(wanted.type) or _kind(found) == _kind(wanted.type)
    if fits or (wanted.type == IMAGE and _kind(found) == "bytes"):
        return None
    return f"{wanted.name} is {found}, wanted {_kind(wanted.type)}"


def _kind(kind: pa.DataType) -> str:
    """What a column holds, whatever its width."""
    is_a = pa.types
    if is_a.is_string(kind) or is_a.is_large_string(kind) or is_a.is_string_view(kind):
        return "text"
    if is_a.is_binary(kind) or is_a.is_large_binary(kind) or is_a.is_binary_view(kind):
        return "bytes"
    if is_a.is_timestamp(kind):
        return "timestamp"
    if is_a.is_integer(kind) and kind != pa.uint64():  # its upper half fits no int64
        return "whole number"
    if is_a.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        return "picture" if _kind(kind.field("bytes").type) == "bytes" else str(kind)
    return str(kind)


def image_bytes(cell: Any) -> bytes | None:
    """The encoded picture in a cell that is plain bytes or a dict; None if only a path is there."""
    if isinstance(cell, pa.Scalar):
        cell = cell.as_py()
    if isinstance(cell, dict):
        cell = cell.get("bytes")
    if cell is None or isinstance(cell, bytes):
        return cell
    if isinstance(cell, bytearray | memoryview):
        return bytes(cell)
    raise BadTable(
        f"A picture cell holds {type(cell).__name__}; it must be bytes or a dict with 'bytes'."
    )


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a valid table holds."""

    rows: int
    users: int
    without_user: int


def validate(table: pa.Table, name: str = "This table") -> Facts:
    """Look at the values of a PAIRS or RATINGS table: wrong ones are an error, no user a count."""
    check_schema(table.schema, PAIRS if "label0" in table.column_names else RATINGS, name)
    return check_values(table, name)


def check_values(table: pa.Table, name: str) -> Facts:
    """The same where the columns are known to be right; the pictures themselves are not needed."""
    (_check_pairs if "label0" in table.column_names else _check_scores)(table, name)
    users = table["user_id"]
    return Facts(
        rows=table.num_rows,
        users=pc.count_distinct(users, mode="only_valid").as_py(),
        without_user=users.null_count,
    )


def _check_pairs(table: pa.Table, name: str) -> None:
    known = pc.is_in(table["label0"], pa.array(LABELS, pa.float64()))
    if wrong := table.filter(pc.invert(known))["label0"].unique().to_pylist()[:5]:
        raise BadTable(
            f"{name} has labels {wrong}; label0 must be 1 (image0 was preferred), 0 (image1) "
            "or 0.5 (a tie)."
        )
    counts = table["pair_id"].value_counts()
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    if twice or table["pair_id"].null_count:
        shown = ", ".join(repr(pair) for pair in twice[:5]) or "null"
        raise BadTable(f"{name} uses a pair_id more than once, or none: {shown}. Each is unique.")


def _check_scores(table: pa.Table, name: str) -> None:
    low, high = SCORES
    score = table["score"]
    within = pc.and_(pc.greater_equal(score, low), pc.less_equal(score, high))  # NaN is in neither
    if wrong := table.filter(pc.invert(pc.fill_null(within, False)))["score"].to_pylist()[:5]:
        raise BadTable(f"{name} has scores {wrong}; a score lies between {low:g} and {high:g}.")
