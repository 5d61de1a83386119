import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import hostile

from palate.data import agents, schema
from palate.data.agents import Population
from palate.data.check import check
from palate.errors import BadInput
from palate.images import to_png
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene
from palate.store import save_profile
from palate.types import Mark, Profile

PNG = to_png(draw(any_scene(0), 32))


@pytest.fixture
def taste(tmp_path):
    return Path(shutil.copytree("examples/taste", tmp_path / "mine"))


def test_a_taste_is_counted(taste):
    holding = check(taste)
    assert (holding.kind, holding.problems) == ("taste", ())
    assert holding.facts["liked"] == holding.facts["disliked"] == 8
    assert holding.facts["pixels"] == 16 * 128 * 128


def test_every_bad_picture_of_a_taste_is_named(taste):
    for name, data in hostile().items():
        (taste / "liked" / f"{name}.png").write_bytes(data)
    named = {file for file, _ in check(taste).problems}
    assert named == {f"liked/{name}.png" for name in hostile()}


def test_a_population_is_counted(tmp_path):
    agents.build(tmp_path, Population(people=20, pictures=100))
    holding = check(tmp_path)
    assert holding.facts == {"shards": 2, "people": 1, "recipes of pairs": 1, "rows": 20 + 50}
    assert holding.problems == ()


def test_a_flipped_byte_is_noticed(tmp_path):
    agents.build(tmp_path, Population(people=20, pictures=100))
    shard = tmp_path / "pairs-00000.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    assert [file for file, _ in check(tmp_path).problems] == [shard.name]


def _ratings(path: Path, cells: list, scores: list[float]) -> Path:
    rows = [{"user_id": "u", "image": c, "score": s} for c, s in zip(cells, scores, strict=True)]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema.RATINGS), path)
    return path


def test_the_rows_with_bad_pictures_are_named(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    cells = [
        {"bytes": PNG, "path": None},
        {"bytes": PNG[:40], "path": None},
        {"bytes": None, "path": "a.png"},
        {"bytes": None, "path": "b.png"},
        None,
    ]
    holding = check(_ratings(tmp_path / "r.parquet", cells, [1.0] * 5))
    assert (holding.kind, holding.facts["rows"], holding.facts["users"]) == ("ratings", 5, 1)
    assert [file for file, _ in holding.problems] == [f"r.parquet row {i} image" for i in (1, 3, 4)]


def test_a_score_out_of_range_is_said(tmp_path):
    path = _ratings(tmp_path / "r.parquet", [{"bytes": PNG, "path": None}], [3.0])
    assert "has scores [3.0]" in check(path).problems[0][1]


def test_a_renamed_file_is_told_by_its_content(tmp_path):
    (tmp_path / "list.parquet").write_bytes(PNG)
    (tmp_path / "drawing.png").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    problems = dict(check(tmp_path).problems)
    assert "not a whole Parquet file" in problems["list.parquet"]
    assert "SVG" in dict(check(tmp_path / "drawing.png").problems)["drawing.png"]


def test_a_profile_is_known_without_its_weights(tmp_path):
    path = tmp_path / "me.palate.safetensors"
    save_profile(path, Profile(method=Mark(name="words"), backbone=Mark(name="any")))
    assert check(path).kind == "profile"


def test_prefbench_records_are_counted(tmp_path):
    record = {
        "id": "0",
        "image_file": "diffusiondb/18869_0000001.png",
        "text": "a boat",
        "negative_img": ["diffusiondb/18863_0036541.png"],
        "positive_img": ["diffusiondb/18863_0000001.png"],
        "prompt_list": ["planets"],
    }
    path = tmp_path / "coco.json"
    path.write_text(json.dumps([record]))
    assert check(path).facts == {"records": 1, "pairs": 1}


@pytest.mark.parametrize("what", ["nothing", "empty", "folders"])
def test_what_cannot_be_looked_at_is_said(what, tmp_path):
    path = tmp_path / what
    if what != "nothing":
        path.mkdir()
    if what == "folders":
        (path / "inner").mkdir()
    with pytest.raises(BadInput, match=what if what != "folders" else "holds folders only"):
        check(path)
