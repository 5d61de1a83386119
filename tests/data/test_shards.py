"""Data sets as folders of shards: built once, whole, and by one process at a time."""

import json
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from palate.data import shards
from palate.errors import BadInput, BadTable, NoSpace, Unfinished

NAMES = ["a.parquet", "b.parquet", "c.parquet"]
PLAN = {"what": "numbers", "count": 3}


def writers(stop_at=None, problem=KeyboardInterrupt):
    def write(name):
        def to(path):
            if name == stop_at:
                raise problem
            shards.write_table(path, pa.table({"x": [name] * 100}))

        return to

    return {name: write(name) for name in NAMES}


@pytest.fixture
def built(tmp_path):
    shards.build(tmp_path, PLAN, writers())
    return tmp_path


def test_the_manifest_counts_and_hashes_every_shard(built):
    found = shards.read_manifest(built)
    assert [(s.file, s.rows) for s in found] == [(name, 100) for name in NAMES]
    assert found == [shards.describe(built / name) for name in NAMES]
    assert list(shards.damage(built)) == []


def test_a_flipped_byte_and_a_missing_shard_are_noticed(built):
    content = bytearray((built / "b.parquet").read_bytes())
    content[len(content) // 3] ^= 1
    (built / "b.parquet").write_bytes(content)
    (built / "c.parquet").unlink()
    assert dict(shards.damage(built)) == {
        "b.parquet": "is not the file the manifest describes (sha256 differs)",
        "c.parquet": "is missing",
    }


def test_a_shard_cut_off_is_damage_like_any_other(built):
    whole = (built / "a.parquet").read_bytes()
    (built / "a.parquet").write_bytes(whole[:-20])  # its footer is gone
    assert [file for file, _ in shards.damage(built)] == ["a.parquet"]
    with pytest.raises(BadTable, match="is not a whole Parquet file"):
        shards.read_schema(built / "a.parquet")


def test_ctrl_c_says_how_far_it_got_and_the_next_run_goes_on(tmp_path):
    with pytest.raises(Unfinished) as caught:
        shards.build(tmp_path, PLAN, writers(stop_at="c.parquet"))
    assert str(caught.value) == (
        "Stopped: 2 of 3 shards are done; run the same command again to go on."
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.parquet", "b.parquet", "plan.json"]
    with pytest.raises(BadTable, match="unfinished build"):
        shards.read_manifest(tmp_path)
    shards.build(tmp_path, PLAN, writers())
    assert len(shards.read_manifest(tmp_path)) == 3


def test_progress_is_told_in_shards(built, tmp_path):
    (built / "b.parquet").unlink()
    told = []
    shards.build(built, PLAN, writers(), lambda done, of: told.append((done, of)))
    assert told == [(2, 3), (3, 3)]


def test_what_a_kill_leaves_is_removed_and_what_people_add_is_not(built):
    for name in (".a.parquet.123.part", "stray.parquet"):
        (built / name).write_bytes(b"half")
    (built / "README.md").write_text("a data card")
    shards.build(built, PLAN, writers())
    assert {p.name for p in built.iterdir()} == {*NAMES, "plan.json", "manifest.json", "README.md"}


def test_killed_before_its_plan_was_written_a_build_can_begin_again(tmp_path):
    (tmp_path / ".plan.json.123.part").write_bytes(b"{")
    shards.build(tmp_path, PLAN, writers())
    assert not list(tmp_path.glob(".*"))


def test_a_data_set_that_lost_a_shard_is_unfinished_until_it_is_back(built):
    before = (built / "manifest.json").read_bytes()
    (built / "b.parquet").unlink()
    with pytest.raises(Unfinished):
        shards.build(built, PLAN, writers(stop_at="b.parquet"))
    assert not (built / "manifest.json").exists()
    shards.build(built, PLAN, writers())
    assert (built / "manifest.json").read_bytes() == before


def test_a_folder_holds_one_plan(built, tmp_path_factory):
    with pytest.raises(BadInput, match="holds another build: count, more differ"):
        shards.build(built, {"what": "numbers", "count": 4, "more": 1}, writers())
    mine = tmp_path_factory.mktemp("mine")
    (mine / "holiday.jpg").touch()
    with pytest.raises(BadInput, match="holds other files"):
        shards.build(mine, PLAN, writers())


def test_two_builders_never_share_a_folder(tmp_path):
    with (
        shards.building(tmp_path, NAMES),
        pytest.raises(BadInput, match="Another process is building in"),
    ):
        shards.build(tmp_path, PLAN, writers())
    shards.build(tmp_path, PLAN, writers())


def test_a_full_disk_is_said_in_words_and_leaves_nothing(tmp_path):
    path, schema = tmp_path / "a.parquet", pa.schema({"x": pa.int64()})
    part = tmp_path / f".a.parquet.{threading.get_native_id()}.part"
    part.symlink_to("/dev/full")  # where every write finds no space
    with pytest.raises(NoSpace, match="There is no space to write"):
        shards.write_table(path, pa.table({"x": range(100_000)}))
    part.symlink_to("/dev/full")
    with pytest.raises(NoSpace), shards.writing_rows(path, schema) as writer:
        writer.write_table(pa.table({"x": range(100_000)}, schema=schema))
    assert not list(tmp_path.iterdir())


def test_rows_written_piece_by_piece_are_row_groups(tmp_path):
    path, schema = tmp_path / "a.parquet", pa.schema({"x": pa.int64()})
    with shards.writing_rows(path, schema) as writer:
        for start in (0, 10, 20):
            writer.write_table(pa.table({"x": range(start, start + 10)}, schema=schema))
    assert pq.read_table(path)["x"].to_pylist() == list(range(30))
    assert shards.read_metadata(path).num_row_groups == 3


@pytest.mark.parametrize(
    "content", [[{"file": "a"}], {"file": 1}, 7, [{"file": "/etc/x", "rows": 1, "sha256": ""}]]
)
def test_a_foreign_manifest_is_refused(tmp_path, content):
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(BadTable, match="is not a manifest of shards"):
        shards.read_manifest(tmp_path)


def test_what_is_no_data_set_is_said_so(tmp_path):
    with pytest.raises(BadTable, match="holds no data set"):
        shards.read_manifest(tmp_path)
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(BadTable, match="is not JSON"):
        shards.build(tmp_path, PLAN, writers())
