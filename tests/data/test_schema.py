"""The canonical tables: what is accepted, and what the errors say."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from palate.data.schema import PAIRS, RATINGS, Facts, check_schema, image_bytes, validate
from palate.errors import BadTable

CELL = {"bytes": b"\xff\xd8\xff", "path": "a.jpg"}


def pairs(labels, users=None, ids=None):
    users = users or ["ann"] * len(labels)
    ids = ids or [str(i) for i in range(len(labels))]
    rows = [
        {"pair_id": pair, "user_id": user, "image0": CELL, "image1": CELL, "label0": label}
        for pair, user, label in zip(ids, users, labels, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=PAIRS)


def ratings(*scores):
    rows = [{"user_id": "ann", "image": CELL, "score": score} for score in scores]
    return pa.Table.from_pylist(rows, schema=RATINGS)


def test_hugging_face_is_told_which_columns_are_pictures(tmp_path):
    pq.write_table(pairs([1.0]), tmp_path / "pairs.parquet")
    about = pq.read_schema(tmp_path / "pairs.parquet").metadata[b"huggingface"]
    features = json.loads(about)["info"]["features"]
    assert [name for name, kind in features.items() if kind == {"_type": "Image"}] == [
        "image0",
        "image1",
    ]
    assert features["label0"] == {"_type": "Value", "dtype": "float64"}
    assert list(features) == PAIRS.names


def test_all_faults_are_named_at_once():
    given = pa.schema([("user_id", pa.int64()), ("score", pa.string()), ("comment", pa.string())])
    wanted = pa.schema([f for f in RATINGS if f.name in ("user_id", "score", "image", "comment")])
    with pytest.raises(BadTable) as caught:
        check_schema(given, wanted, "mine.parquet")
    assert str(caught.value) == (
        "mine.parquet does not have the columns it needs: user_id is int64, wanted text; "
        "image (picture) is missing; score is string, wanted double. "
        "Rename or convert them and try again."
    )


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (pa.large_string(), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.int32(), pa.int64()),
        (pa.uint32(), pa.int64()),
        (pa.timestamp("us", "UTC"), pa.timestamp("ns")),
        (pa.binary(), PAIRS.field("image0").type),
        (pa.struct([("bytes", pa.large_binary())]), PAIRS.field("image0").type),
    ],
)
def test_what_loses_nothing_is_tolerated(found, wanted):
    check_schema(pa.schema([("x", found), ("more", pa.null())]), pa.schema([("x", wanted)]), "t")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (pa.uint64(), pa.int64()),
        (pa.float64(), pa.int64()),
        (pa.int64(), pa.string()),
        (pa.bool_(), pa.float64()),
        (pa.null(), pa.string()),
        (pa.string(), PAIRS.field("image0").type),
        (pa.struct([("path", pa.string())]), PAIRS.field("image0").type),
        (pa.struct([("bytes", pa.string())]), PAIRS.field("image0").type),
    ],
)
def test_what_may_lose_something_is_refused(found, wanted):
    with pytest.raises(BadTable, match="x is "):
        check_schema(pa.schema([("x", found)]), pa.schema([("x", wanted)]), "t")


def test_a_column_that_is_there_twice_is_refused():
    twice = pa.schema([("x", pa.string()), ("x", pa.string())])
    with pytest.raises(BadTable, match="x is there 2 times"):
        check_schema(twice, pa.schema([("x", pa.string())]), "t")


def test_the_values_are_counted():
    table = pairs([1.0, 0.5, 0.0, 1.0], users=["ann", "bob", None, "ann"])
    assert validate(table) == Facts(rows=4, users=2, without_user=1)
    assert validate(ratings(-1.0, 0.25, 1.0)) == Facts(rows=3, users=1, without_user=0)


@pytest.mark.parametrize("label", [0.7, float("nan"), None, -1.0])
def test_a_label_is_one_of_three(label):
    with pytest.raises(BadTable, match=r"This table has labels .* must be 1 .*, 0 .* or 0\.5"):
        validate(pairs([1.0, label]))


@pytest.mark.parametrize("ids", [["a", "a"], ["a", None]])
def test_a_pair_id_is_unique(ids):
    with pytest.raises(BadTable, match="pair_id"):
        validate(pairs([1.0, 0.0], ids=ids))


@pytest.mark.parametrize("score", [1.5, float("nan"), None])
def test_a_score_lies_within_its_scale(score):
    with pytest.raises(BadTable, match="a score lies between -1 and 1"):
        validate(ratings(score))


def test_a_table_that_is_neither_is_refused():
    with pytest.raises(BadTable, match="score \\(double\\) is missing"):
        validate(pa.table({"user_id": ["ann"]}), "odd.parquet")


def test_a_picture_cell_may_be_bytes_or_a_dict():
    scalar = pa.scalar(CELL, RATINGS.field("image").type)
    for cell in (b"\xff\xd8\xff", CELL, scalar, memoryview(b"\xff\xd8\xff")):
        assert image_bytes(cell) == b"\xff\xd8\xff"
    assert image_bytes(None) is None
    assert image_bytes({"bytes": None, "path": "a.jpg"}) is None
    with pytest.raises(BadTable, match="holds int"):
        image_bytes(7)
