"""Tables of people read in bulk: everybody's profile as if read alone, whatever the workers."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from prefgen_toy import example, keep
from typer.testing import CliRunner

from palate import store
from palate.backbones.tiny import tiny_sdxl
from palate.cli import app
from palate.data.schema import IMAGE
from palate.errors import BadTable
from palate.methods.prefgen.loading import load
from palate.recipes.reading import ReadPeople, taste_in
from palate.types import Example


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return keep(tmp_path_factory.mktemp("weights"))


def cell(seed: int) -> dict[str, bytes]:
    return {"bytes": example(seed).image}


ROWS = {
    "user_id": ["ann", "bo", "cy", "di", "ed"],
    "liked": [
        [cell(0), cell(1)],
        [cell(2)],
        [],
        [{"bytes": b"no picture"}],
        [cell(5), cell(6), cell(7)],
    ],
    "disliked": [[cell(3)], None, [cell(4)], None, []],
    "liked_prompts": [["a cat", None], None, None, None, None],
}
TABLE = pa.table(
    {
        "user_id": ROWS["user_id"],
        "liked": pa.array(ROWS["liked"], pa.list_(IMAGE)),
        "disliked": pa.array(ROWS["disliked"], pa.list_(IMAGE)),
        "liked_prompts": pa.array(ROWS["liked_prompts"], pa.list_(pa.string())),
    }
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    pq.write_table(TABLE.slice(0, 2), folder / "people-0.parquet")
    pq.write_table(TABLE.slice(2), folder / "people-1.parquet")
    return folder


def test_a_row_is_a_taste():
    found = taste_in(TABLE, 0)
    assert found.liked == (replace(example(0), prompt="a cat"), example(1))
    assert found.disliked == (example(3),)
    assert taste_in(TABLE, 1).disliked == ()
    assert isinstance(taste_in(TABLE, 4).liked[0], Example)


@pytest.mark.slow
def test_everybody_is_read_as_if_alone(kept, shards, tmp_path):
    words = [
        "read",
        "--people",
        str(shards),
        "--out",
        str(tmp_path / "out"),
        "--weights",
        str(kept),
    ]
    words += ["--backbone", "tiny-sdxl", "--workers", "2", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["people"] == 3
    left = [(p["file"], p["row"], p["reason"]) for p in facts["left_out"]]
    assert [place[:2] for place in left] == [("people-1.parquet", 0), ("people-1.parquet", 1)]
    assert "only 1 disliked pictures" in left[0][2] and "The picture is a text file" in left[1][2]
    written = (tmp_path / "out" / f"people-{n}.parquet" for n in (0, 1))
    found = pa.concat_tables(pq.read_table(path) for path in written)
    assert found["user_id"].to_pylist() == ["ann", "bo", "ed"]
    assert found.column_names == ["user_id", "profile", "fingerprint", "likes"]
    alike = load(tiny_sdxl(), kept)  # weights rest in half precision
    for row, place in zip(found.to_pylist(), (0, 1, 4), strict=True):
        path = tmp_path / "one.palate.safetensors"
        path.write_bytes(row["profile"])
        profile = store.load_profile(path)
        assert store.profile_fingerprint(profile) == row["fingerprint"]
        alone = alike.read(taste_in(TABLE, place))
        assert profile.tensors.keys() == alone.tensors.keys()
        for name, part in alone.tensors.items():
            torch.testing.assert_close(part, profile.tensors[name], atol=1e-4, rtol=0)


def test_what_is_wrong_is_said(kept):
    work = ReadPeople(method="prefgen", backbone="tiny-sdxl", weights=str(kept))
    with pytest.raises(BadTable, match="no column `liked` among user_id"):
        work.schema(pa.schema([("user_id", pa.string())]))
    with pytest.raises(BadTable, match="The column liked is list<item: string>; it must be a list"):
        work.schema(pa.schema([("liked", pa.list_(pa.string()))]))
    result = CliRunner().invoke(app, ["read", "--people", "x", "--likes", "y"])
    assert "Give one or the other" in result.output
