"""Pick-a-Pic: sets and account worked out by hand, hostile files, and what is never read."""

import json
import signal
import subprocess
import sys
from collections import Counter
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from palate.data import shards
from palate.data.pickapic import Rules, Tally, build, scan
from palate.data.pickapic.columns import COLUMNS
from palate.data.schema import validate
from palate.errors import BadInput, BadTable

ONE = Rules(liked=1, disliked=1)


def jpeg(name):
    file = BytesIO()
    Image.new("RGB", (1, 1), "red").save(file, "JPEG", comment=name.encode())
    return file.getvalue()


def row(user, left, right, label_0, **changes):
    """One row with all nineteen columns; `left` and `right` are image uids."""
    return {
        "are_different": True,
        "best_image_uid": left if label_0 == 1 else right,
        "caption": f"prompt of {left}",
        "created_at": 0,
        "has_label": True,
        "image_0_uid": left,
        "image_0_url": "https://gone",
        "image_1_uid": right,
        "image_1_url": "https://gone",
        "jpg_0": jpeg(left or ""),
        "jpg_1": jpeg(right or ""),
        "label_0": label_0,
        "label_1": None if label_0 is None else 1.0 - label_0,
        "model_0": "sdxl",
        "model_1": "dreamlike",
        "ranking_id": 77,
        "user_id": user,
        "num_example_per_prompt": 3,
        "__index_level_0__": 5,
        **changes,
    }


RELEASED = pa.schema(
    [f if not f.name.startswith("jpg") else pa.field(f.name, pa.binary()) for f in COLUMNS]
    + [pa.field("__index_level_0__", pa.int64())]
)


def saved(path, rows, schema=RELEASED, **options):
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, **options)
    return path


def opinions(kept):
    uids = kept.uids.take(pa.array(kept.picture)).to_pylist()
    return set(zip(kept.user.tolist(), uids, kept.liked.tolist(), strict=True))


def read(folder, kind="ratings"):
    tables = [pq.read_table(folder / s.file) for s in shards.read_manifest(folder)]
    return [
        r
        for t in tables
        if ("score" in t.column_names) == (kind == "ratings")
        for r in t.to_pylist()
    ]


EIGHT = [
    row(1, "A", "B", 1.0),
    row(1, "C", "A", 1.0),  # A has won once and lost once: undecided
    row(1, "D", "E", 0.5),
    row(1, "F", "G", 1.0, has_label=False),
    row(None, "F", "G", 1.0),
    row(2, "A", "B", 1.0),
    row(2, "A", "B", 0.0),  # contradicts the row above
    row(1, "B", "A", 0.0),  # says the first row again, sides swapped
]
NAMES = list(RELEASED.names)


def test_the_files_have_the_nineteen_columns():
    assert len(NAMES) == 19 and set(NAMES) == set(EIGHT[0])


def test_eight_rows_by_hand(tmp_path):
    report = build(
        [saved(tmp_path / "train-00000-of-00001-ab.parquet", EIGHT)], tmp_path / "out", ONE
    )
    assert report.rows == Tally(
        given=8,
        kept=2,
        dropped={
            "no_label": 1,
            "no_user": 1,
            "no_caption": 0,
            "no_picture_id": 0,
            "same_picture": 0,
            "bad_labels": 0,
            "not_different": 0,
            "tie": 1,
            "contradiction": 2,
            "duplicate": 1,
            "user_dropped": 0,
        },
    )
    assert report.users == Tally(
        given=2, kept=1, dropped={"no_choice": 1, "too_few_liked": 0, "too_few_disliked": 0}
    )
    assert (report.opinions.given, report.opinions.kept) == (3, 2)
    assert report.opinions.dropped["undecided"] == 1
    assert (report.liked, report.disliked, report.pictures, report.pairs) == (1, 1, 2, None)
    assert read(tmp_path / "out") == [
        {
            "user_id": "1",
            "image": {"bytes": jpeg(uid), "path": uid},
            "score": score,
            "prompt": prompt,
            "comment": None,
            "split": "train",
            "source": "pickapic",
        }
        for uid, score, prompt in (("B", -1.0, "prompt of A"), ("C", 1.0, "prompt of C"))
    ]


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("no_label", {"has_label": None}),
        ("no_caption", {"caption": None}),
        ("no_caption", {"caption": " \n"}),
        ("no_picture_id", {"image_1_uid": None}),
        ("no_picture_id", {"image_0_uid": ""}),
        ("same_picture", {"image_0_uid": "B"}),
        ("bad_labels", {"label_1": 1.0}),
        ("bad_labels", {"label_0": 0.7, "label_1": 0.3}),
        ("bad_labels", {"label_0": None}),
        ("bad_labels", {"label_1": float("nan")}),
        ("not_different", {"are_different": False}),
        ("tie", {"label_0": 0.5, "label_1": 0.5}),
    ],
)
def test_every_row_has_its_reason(tmp_path, reason, changes):
    rows = [row(1, "A", "B", 1.0) | changes, row(1, "C", "D", 1.0)]
    report = scan([saved(tmp_path / "a.parquet", rows)], ONE).report
    assert {k: v for k, v in report.rows.dropped.items() if v} == {reason: 1}
    assert report.rows.kept == 1


def test_enough_is_enough_on_both_sides(tmp_path):
    rows = [row(1, f"w{i}", f"l{i}", 1.0) for i in range(3)]  # 3 liked, 3 disliked
    rows += [row(2, "w", f"l{i}", 1.0) for i in range(3)]  # 1 and 3
    rows += [row(3, f"w{i}", "l", 1.0) for i in range(3)]  # 3 and 1
    kept = scan([saved(tmp_path / "a.parquet", rows)], Rules(liked=3, disliked=2))
    assert set(kept.user) == {1}
    assert kept.report.users.dropped == {"no_choice": 0, "too_few_liked": 1, "too_few_disliked": 1}
    assert kept.report.rows.dropped["user_dropped"] == 6
    assert kept.report.opinions.dropped["user_dropped"] == 8


def test_the_margin_asks_for_clearer_opinions(tmp_path):
    rows = [row(1, "A", uid, 1.0) for uid in "BCD"] + [row(1, "E", "B", 1.0)]
    kept = scan([saved(tmp_path / "a.parquet", rows)], Rules(liked=1, disliked=1, margin=2))
    assert opinions(kept) == {(1, "A", True), (1, "B", False)}  # nets 3, -2, -1, -1, 1


def test_a_picture_in_many_files_is_one_picture(tmp_path):
    saved(tmp_path / "a.parquet", [row(1, "A", "B", 1.0)])
    saved(tmp_path / "b.parquet", [row(2, "A", "C", 1.0), row(1, "A", "C", 1.0)])
    report = build([tmp_path], tmp_path.with_name("out1"), ONE)
    assert (report.files, report.pictures, report.opinions.kept) == (2, 3, 5)
    ratings = read(tmp_path.with_name("out1"))
    assert Counter((r["user_id"], r["image"]["path"]) for r in ratings).most_common(1)[0][1] == 1
    assert [s.rows for s in shards.read_manifest(tmp_path.with_name("out1"))] == [3, 2]


def test_a_file_named_twice_is_read_once(tmp_path):
    file = saved(tmp_path / "a.parquet", EIGHT)
    assert scan([tmp_path, file, tmp_path / "." / "a.parquet"], ONE).report.rows.given == 8


def test_picture_cells_may_be_dicts_and_strings_wide(tmp_path):
    wide = {
        "string": pa.large_string(),
        "binary": pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    }
    schema = pa.schema([(f.name, wide.get(str(f.type), f.type)) for f in RELEASED])
    rows = [
        {k: {"bytes": v, "path": None} if "jpg" in k else v for k, v in r.items()} for r in EIGHT
    ]
    build([saved(tmp_path / "train-0-of-1.parquet", EIGHT)], tmp_path / "plain", ONE)
    (tmp_path / "d").mkdir()
    build([saved(tmp_path / "d/train-0-of-1.parquet", rows, schema)], tmp_path / "dicts", ONE)
    assert read(tmp_path / "plain") == read(tmp_path / "dicts")


@pytest.mark.parametrize(
    ("cell", "reason"),
    [(None, "no_bytes"), (b"", "no_bytes"), (b"<html>gone</html>", "not_a_picture")],
)
def test_a_lost_picture_may_cost_its_user(tmp_path, cell, reason):
    rows = [
        row(1, "A", "B", 1.0, jpg_0=cell),
        row(2, "C", "D", 1.0, jpg_1=cell),
        row(2, "C", "E", 1.0),
        row(3, "F", "G", 1.0, jpg_0=cell, has_label=False),  # never looked at
    ]
    report = build([saved(tmp_path / "a.parquet", rows)], tmp_path / "out", ONE, pairs=True)
    assert report.opinions.dropped == {
        "undecided": 0,
        "no_bytes": 0,
        "not_a_picture": 0,
        "user_dropped": 1,
        reason: 2,
    }
    assert report.users.dropped["too_few_liked"] == 1
    assert [r["image"]["path"] for r in read(tmp_path / "out")] == ["C", "E"]
    assert report.pairs == 1  # of the two choices of user 2 one has both pictures


def test_pairs_come_with_both_pictures(tmp_path):
    report = build(
        [saved(tmp_path / "test-0-of-1.parquet", EIGHT)], tmp_path / "out", ONE, pairs=True
    )
    rows = read(tmp_path / "out", "pairs")
    assert report.pairs == len(rows) == 2
    validate(pq.read_table(tmp_path / "out/pairs-00000.parquet"))
    assert rows[1] == {
        "pair_id": "pickapic/00000/1",
        "user_id": "1",
        "prompt": "prompt of C",
        "image0": {"bytes": jpeg("C"), "path": "C"},
        "image1": {"bytes": jpeg("A"), "path": "A"},
        "label0": 1.0,
        "model0": "sdxl",
        "model1": "dreamlike",
        "group_id": "77",
        "split": "test",
        "source": "pickapic",
        "weight": 1.0,
    }


def poison(path, group, column):
    """Make one column of one row group impossible to read."""
    about = pq.read_metadata(path).row_group(group)
    chunk = next(about.column(c) for c in range(19) if about.column(c).path_in_schema == column)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)


def test_only_row_groups_and_sides_with_kept_pictures_are_read(tmp_path):
    rows = [
        *(row(2, "X", "Y", 1.0), row(2, "X", "Z", 1.0)),  # one liked only: dropped
        *(row(1, "A", "B", 1.0), row(1, "C", "D", 1.0)),
        *(row(1, "E", "A", 1.0), row(1, "F", "B", 1.0)),  # the right sides stand further up
        *(row(3, "G", "H", 0.5), row(4, "I", "J", 0.5)),
    ]
    file = saved(tmp_path / "a.parquet", rows, row_group_size=2)
    for group, column in ((0, "jpg_0"), (0, "jpg_1"), (2, "jpg_1"), (3, "jpg_0"), (3, "jpg_1")):
        poison(file, group, column)
    build([file], tmp_path / "out", Rules(liked=2, disliked=2))
    assert [r["image"]["path"] for r in read(tmp_path / "out")] == ["B", "C", "D", "E", "F"]
    poison(file, 1, "jpg_0")
    with pytest.raises(BadTable, match="cannot be read as Parquet"):
        build([file], tmp_path / "new", Rules(liked=2, disliked=2))
    assert not list((tmp_path).glob("new/*ratings*"))


def test_what_is_no_such_file_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("hello")
    whole = saved(tmp_path / "whole.parquet", EIGHT).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-100])
    with pytest.raises(BadTable, match="No file was given"):
        scan([], ONE)
    for name, says in {
        "nowhere": "There is no file or folder",
        "empty": "holds no Parquet file",
        "text.parquet": "text.parquet cannot be read as Parquet",
        "cut.parquet": "cut.parquet cannot be read as Parquet",
    }.items():
        with pytest.raises(BadTable, match=says) as caught:
            scan([tmp_path / name], ONE)
        assert "\n" not in str(caught.value)


def test_all_wrong_columns_are_named(tmp_path):
    table = pa.Table.from_pylist(EIGHT, schema=RELEASED).drop_columns(["jpg_0", "user_id"])
    table = table.set_column(0, "are_different", pa.array([1] * 8))
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(BadTable) as caught:
        scan([tmp_path / "a.parquet"], ONE)
    assert (
        "a.parquet does not have the columns it needs: are_different is int64, wanted bool; "
        "jpg_0 (picture) is missing; user_id (whole number) is missing."
    ) in str(caught.value)


def test_the_last_column_may_be_missing_and_a_file_empty(tmp_path):
    table = pa.Table.from_pylist([], schema=RELEASED).drop_columns(["__index_level_0__"])
    pq.write_table(table, tmp_path / "a.parquet")
    report = build([tmp_path / "a.parquet"], tmp_path / "out", Rules(), pairs=True)
    assert (report.rows.given, report.users.kept, report.pairs) == (0, 0, 0)
    assert shards.read_manifest(tmp_path / "out") == []


def test_rules_that_make_no_sense_are_refused():
    for wrong in ({"liked": 0}, {"disliked": -1}, {"margin": 0}):
        with pytest.raises(BadInput, match=f"{next(iter(wrong))} is"):
            Rules(**wrong)


def test_the_input_is_never_written_over(tmp_path):
    saved(tmp_path / "a.parquet", EIGHT)
    with pytest.raises(BadInput, match="holds files to read"):
        build([tmp_path], tmp_path, ONE)


def many(tmp_path):
    for number in range(4):
        rows = [row(1, f"w{number}{i}", f"l{number}{i}", 1.0) for i in range(3)]
        saved(tmp_path / f"train-{number:05}-of-00004.parquet", rows)
    return tmp_path


def content(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


_KILLED = """
import os, signal, sys
from pathlib import Path
from palate.data.pickapic import Rules, build
def stop(done, of):
    if done == 2:
        os.kill(os.getpid(), signal.SIGKILL)
build([Path(sys.argv[1])], Path(sys.argv[2]), Rules(liked=1, disliked=1), progress=stop)
"""


def test_killed_and_started_again_it_ends_the_same(tmp_path):
    (tmp_path / "in").mkdir()
    given, out = many(tmp_path / "in"), tmp_path / "out"
    build([given], tmp_path / "calm", ONE)
    run = subprocess.run([sys.executable, "-c", _KILLED, given, out], check=False)
    assert run.returncode == -signal.SIGKILL
    assert len(list(out.glob("ratings-*"))) == 2 and not (out / "manifest.json").exists()
    (out / ".ratings-00003.parquet.1.part").write_bytes(b"half")
    (out / "ratings-00099.parquet").write_bytes(b"orphan")
    build([given], out, ONE)
    assert content(out) == content(tmp_path / "calm")
    report = json.loads((out / "report.json").read_bytes())
    assert (report["rules"]["liked"], report["rows"]["kept"]) == (1, 12)


_choice = st.builds(
    lambda user, sides, label: row(user, *sides, label),
    st.sampled_from([1, 2, None]),
    st.lists(st.sampled_from("ABCDE"), min_size=2, max_size=2),
    st.sampled_from([0.0, 0.5, 1.0]),
)


def plainly(rows, rules):
    """The same rules in plain Python."""
    seen, nets = {}, Counter()
    for r in rows:
        left, right = r["image_0_uid"], r["image_1_uid"]
        if r["user_id"] and left != right and r["label_0"] != 0.5:
            winner, loser = (left, right) if r["label_0"] == 1 else (right, left)
            seen.setdefault((r["user_id"], frozenset((left, right))), set()).add((winner, loser))
    for (user, _), outcomes in seen.items():
        if len(outcomes) == 1:
            ((winner, loser),) = outcomes
            nets[user, winner] += 1
            nets[user, loser] -= 1
    found = {(u, p, net > 0) for (u, p), net in nets.items() if abs(net) >= rules.margin}
    count = Counter((user, liked) for user, _, liked in found)
    return {
        (u, p, liked)
        for u, p, liked in found
        if count[u, True] >= rules.liked and count[u, False] >= rules.disliked
    }


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_choice, max_size=25), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2))
def test_scanning_does_what_the_rules_say(tmp_path, rows, liked, disliked, margin):
    rules = Rules(liked=liked, disliked=disliked, margin=margin)
    files = [saved(tmp_path / f"{i}.parquet", rows[i::2], row_group_size=3) for i in (0, 1)]
    assert opinions(scan(files, rules)) == plainly(rows[0::2] + rows[1::2], rules)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_damage_to_a_file_does_worse_than_be_refused(tmp_path, data):
    file = saved(tmp_path / "a.parquet", EIGHT, compression="none")
    content = bytearray(file.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)):
        content[place] = data.draw(st.integers(0, 255))
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        scan([file], ONE)
    except BadTable as refused:
        assert "\n" not in str(refused)
