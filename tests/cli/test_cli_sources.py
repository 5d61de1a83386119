import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from palate.cli import app
from palate.data.pickapic.columns import COLUMNS
from palate.images import to_png
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def _pickapic(path, rows: int = 6):
    """User 1 always prefers the left of two pictures; user 2 chooses once."""
    table = [
        {
            "has_label": True,
            "are_different": True,
            "user_id": 1 if i else 2,
            "caption": "a boat",
            "image_0_uid": f"left{i}",
            "image_1_uid": f"right{i}",
            "label_0": 1.0,
            "label_1": 0.0,
            "jpg_0": {"bytes": to_png(draw(any_scene(i), 32)), "path": None},
            "jpg_1": {"bytes": to_png(draw(any_scene(i + 100), 32)), "path": None},
            "ranking_id": i,
        }
        for i in range(rows)
    ]
    pq.write_table(pa.Table.from_pylist(table, schema=COLUMNS), path)
    return path


def test_pickapic_keeps_who_has_enough_and_accounts_for_the_rest(tmp_path):
    source = _pickapic(tmp_path / "train.parquet")
    rules = ["--liked", 5, "--disliked", 5]
    answer = run("data", "pickapic", source, "--out", tmp_path / "real", *rules)
    assert answer.exit_code == 0
    assert "1 of 2 users kept, with 5 liked and 5 disliked pictures" in answer.stdout
    assert "rows: 6 in, 5 kept" in answer.stdout
    checked = run("data", "check", tmp_path / "real", "--json")
    assert json.loads(checked.stdout)["facts"] == {
        "shards": 1, "ratings": 1, "rows": 10, "users": 1, "rows without user": 0,
    }  # fmt: skip


def test_all_missing_columns_are_named_at_once(tmp_path):
    table = pq.read_table(_pickapic(tmp_path / "train.parquet"))
    pq.write_table(table.drop_columns(["label_1", "user_id"]), tmp_path / "train.parquet")
    answer = run("data", "pickapic", tmp_path / "train.parquet", "--out", tmp_path / "real")
    assert answer.exit_code == 2
    assert "label_1" in answer.stderr
    assert "user_id" in answer.stderr
    assert not (tmp_path / "real").exists()


def _prefbench(path):
    record = {
        "id": "7",
        "image_file": "coco/3_9.png",
        "text": "a boat",
        "negative_img": ["coco/1_8.png", "coco/2_8.png"],
        "positive_img": ["coco/1_9.png", "coco/2_9.png"],
        "prompt_list": ["a cat", "a cup"],
    }
    path.write_text(json.dumps([record]))
    return path


def test_prefbench_becomes_pairs(tmp_path):
    source = _prefbench(tmp_path / "coco.json")
    answer = run("data", "prefbench", source, "--out", tmp_path / "coco.parquet", "--json")
    assert json.loads(answer.stdout)["pairs"] == 2
    pairs = pq.read_table(tmp_path / "coco.parquet").to_pylist()
    assert [pair["prompt"] for pair in pairs] == ["a cat", "a cup"]
    for pair in pairs:
        liked = pair["image0"] if pair["label0"] == 1 else pair["image1"]
        assert liked["path"].endswith("_9.png")


def test_a_pickle_that_imports_is_refused_and_does_not_run(tmp_path):
    evidence = tmp_path / "ran"
    attack = f"cos\nsystem\n(S'touch {evidence}'\ntR.".encode()
    (tmp_path / "coco.pkl").write_bytes(attack)
    answer = run("data", "prefbench", tmp_path / "coco.pkl", "--out", tmp_path / "coco.parquet")
    assert answer.exit_code == 2
    assert "os.system" in answer.stderr
    assert not evidence.exists()
    assert not (tmp_path / "coco.parquet").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["bulk", "paint", "x", "--out", "y"], "No bulk work named 'paint'"),
        (["prefbench", "x.json", "--out", "x.csv"], "No kind of file named '.csv'"),
        (["pickapic", "nowhere", "--out", "y"], "nowhere"),
    ],
)
def test_wrong_words_are_answered_with_the_right_ones(words, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = run("data", *words)
    assert answer.exit_code == 2
    assert complaint in answer.stderr


@pytest.mark.slow
def test_recipes_are_drawn_in_bulk_and_looked_at(tmp_path):
    run("data", "agents", "--people", 4, "--pictures", 24, "--out", tmp_path / "ag")
    drawn = run("data", "bulk", "draw", tmp_path / "ag", "--out", tmp_path / "drawn", "--json")
    assert json.loads(drawn.stdout)["rows"] == 12
    checked = run("data", "check", tmp_path / "drawn")
    assert "nothing is wrong with it" in checked.stdout
    cell = pq.read_table(tmp_path / "drawn" / "pairs-00000.parquet")["liked"][0].as_py()
    assert cell["bytes"].startswith(b"\x89PNG")
