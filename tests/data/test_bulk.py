"""Bulk work through Daft: the same bytes whatever happens on the way, bad rows listed."""

import json
import os
import signal
import subprocess
import sys
import time
from io import BytesIO

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from palate.data import agents, bulk, shards
from palate.data.cells import encoded
from palate.data.schema import IMAGE
from palate.data.vectors import COLORS_AND_EDGES, Embed
from palate.data.works import Decode, Draw
from palate.errors import BadInput, BadTable, Mismatch, MissingPart, Unfinished, UnknownName
from palate.seeds import uniform
from palate.sketchbook.drawing import draw
from palate.sketchbook.words import prompt_of

EACH = 20  # people in a shard of recipes, two pairs each


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    """Three shards of recipes, and a table of people that is nobody's work."""
    out = tmp_path_factory.mktemp("recipes")
    population = agents.Population(people=3 * EACH, pictures=12 * EACH)
    tables = {
        f"pairs-{i:05d}.parquet": agents.pairs_table(np.arange(EACH) + EACH * i, population)
        for i in range(3)
    }
    tables["people-00000.parquet"] = agents.people_table(np.arange(EACH), population)
    writers = {n: lambda path, t=t: shards.write_table(path, t) for n, t in tables.items()}
    shards.build(out, {"test": 1}, writers)
    return out


@pytest.fixture(scope="module")
def drawn(recipes, tmp_path_factory):
    """The recipes drawn by two workers."""
    out = tmp_path_factory.mktemp("work") / "drawn"
    bulk.run(recipes, out, Draw(), workers=2)
    return out


@pytest.fixture
def album(tmp_path):
    """Two plain files of pictures: row 3 of the first is cut off, row 1 of the second is empty."""
    source = tmp_path / "album"
    source.mkdir()
    for number, bad in enumerate((3, 1)):
        cells = [picture(number * 5 + row) for row in range(5)]
        cells[bad] = cells[bad][:-30] if number == 0 else None
        rows = {
            "name": [f"{number}-{row}" for row in range(5)],
            "image": pa.array(
                [{"bytes": c, "path": f"{i}.png"} for i, c in enumerate(cells)], IMAGE
            ),
        }
        pq.write_table(pa.table(rows), source / f"{number}.parquet")
    return source


def picture(seed, side=(40, 60)):
    return encoded((uniform(seed, np.arange(3 * side[0] * side[1])) * 256).astype(np.uint8)
                   .reshape(*side, 3), "png")  # fmt: skip


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def pixels(cell):
    return np.array(Image.open(BytesIO(cell["bytes"])))


def test_every_pair_becomes_two_pictures_in_order(recipes, drawn):
    for path in sorted(recipes.glob("pairs-*")):
        recipe, made = pq.read_table(path), pq.read_table(drawn / path.name)
        assert made["person"] == recipe["person"]
        assert made["pair"] == recipe["pair"]
        assert made["split"].to_pylist() == recipe["split"].to_pylist()
        assert made["prompt"].to_pylist() == [
            prompt_of(liked.content) for liked, _ in agents.scenes(recipe)
        ]
    assert [s.file for s in shards.read_manifest(drawn)] == [
        f"pairs-{i:05d}.parquet" for i in range(3)
    ]
    assert not list(drawn.glob(".*"))


def test_the_pictures_are_those_the_drawing_makes(recipes, drawn):
    recipe, made = (pq.read_table(f / "pairs-00001.parquet") for f in (recipes, drawn))
    for row, (liked, disliked) in enumerate(agents.scenes(recipe.slice(0, 10))):
        np.testing.assert_array_equal(pixels(made["liked"][row].as_py()), draw(liked))
        np.testing.assert_array_equal(pixels(made["disliked"][row].as_py()), draw(disliked))


def test_hugging_face_is_told_which_columns_are_pictures(drawn):
    schema = shards.read_schema(drawn / "pairs-00000.parquet")
    about = json.loads(schema.metadata[b"huggingface"])
    assert about["info"]["features"] == {
        "liked": {"_type": "Image"},
        "disliked": {"_type": "Image"},
    }
    assert schema.field("liked").type == IMAGE
    assert 'data_files: "*.parquet"' in (drawn / "README.md").read_text()


@pytest.mark.parametrize("format", ["png", "webp"])
def test_one_worker_makes_what_two_make(recipes, drawn, tmp_path, format):
    one, two = tmp_path / "one", drawn if format == "png" else tmp_path / "two"
    bulk.run(recipes, one, Draw(format=format), workers=1)
    bulk.run(recipes, two, Draw(format=format), workers=2)
    assert content(one) == content(two)


SCRIPT = """
import sys
from pathlib import Path
from palate.data import bulk
from palate.data.works import Draw
from palate.errors import PalateError
try:
    bulk.run(Path(sys.argv[1]), Path(sys.argv[2]), Draw(), workers=2)
except PalateError as said:
    sys.exit(str(said))
"""


def begin(recipes, out):
    command = [sys.executable, "-W", "error", "-c", SCRIPT, str(recipes), str(out)]
    return subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.slow
def test_killed_again_and_again_it_ends_as_if_never_killed(recipes, drawn, tmp_path):
    out, orphans = tmp_path / "out", []
    for kill in range(8):
        running = begin(recipes, out)
        while not list(out.glob(".slices.*")) and running.poll() is None:
            time.sleep(0.005)  # until it hands out slices
        time.sleep(1.5 * float(uniform(kill)))  # it needs about as long for all
        orphans += psutil.Process(running.pid).children(recursive=True)
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()
        (out / "pairs-00000.parquet").unlink(missing_ok=True)  # so that there is always work
    bulk.run(recipes, out, Draw(), workers=2)
    assert content(out) == content(drawn)
    _, alive = psutil.wait_procs(orphans, timeout=10)
    assert not alive


@pytest.mark.slow
def test_ctrl_c_is_one_sentence_and_leaves_no_half_shard(recipes, drawn, tmp_path):
    out = tmp_path / "out"
    running = begin(recipes, out)
    while not [*out.glob(".slices.*/*"), *out.glob("*pairs-*")] and running.poll() is None:
        time.sleep(0.005)  # until the first slice is done, or already in the first shard
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert said.startswith("Stopped: ") and "of 3 shards are done; run the same command" in said
    assert len(said.splitlines()) == 1 and running.returncode == 1
    assert not list(out.glob(".*"))
    bulk.run(recipes, out, Draw(), workers=2)
    assert content(out) == content(drawn)


def test_a_bad_row_is_left_out_counted_and_listed(album, tmp_path):
    done = bulk.run(album, tmp_path / "out", Decode(size=30, format="png"), workers=2)
    assert done.rows == 8
    assert [(p.file, p.row) for p in done.problems] == [("0.parquet", 3), ("1.parquet", 1)]
    assert "image is truncated or damaged" in done.problems[0].reason
    assert done.problems[1].reason == "image holds no picture: the cell has no bytes."
    listed = json.loads((tmp_path / "out" / "problems.json").read_text())
    assert listed["skipped"] == 2
    assert listed["problems"][0]["row"] == 3
    made = pq.read_table(tmp_path / "out" / "0.parquet")
    assert made["name"].to_pylist() == ["0-0", "0-1", "0-2", "0-4"]
    assert made["image"][3].as_py()["path"] == "4.png"
    assert pixels(made["image"][0].as_py()).shape == (20, 30, 3)


def test_pictures_as_plain_bytes_will_do_and_other_columns_stay(tmp_path):
    source = tmp_path / "plain"
    source.mkdir()
    rows = {
        "jpg": [picture(n) for n in range(100)],
        "kind": pa.array([f"k{n // 9}" for n in range(100)]).dictionary_encode(),
        "tags": [["a", "b"][: n % 3] for n in range(100)],
    }
    pq.write_table(pa.table(rows), source / "0.parquet", row_group_size=45)
    bulk.run(source, tmp_path / "out", Decode(column="jpg", format="png"), workers=2)
    made = pq.read_table(tmp_path / "out" / "0.parquet")
    assert made["kind"].to_pylist() == rows["kind"].to_pylist()
    assert made["tags"].to_pylist() == rows["tags"]
    assert pixels(made["jpg"][99].as_py()).tobytes() == pixels({"bytes": rows["jpg"][99]}).tobytes()


def test_one_bad_row_in_ten_thousand_is_found(tmp_path):
    good = picture(1, side=(4, 4))
    cells = [{"bytes": good, "path": None}] * 10_000
    cells[7_654] = {"bytes": good[:40], "path": None}
    source = tmp_path / "many"
    source.mkdir()
    pq.write_table(pa.table({"image": pa.array(cells, IMAGE)}), source / "0.parquet")
    done = bulk.run(source, tmp_path / "out", Decode(), workers=2)
    assert (done.rows, [p.row for p in done.problems]) == (9_999, [7_654])


def test_problems_are_told_again_by_a_run_that_finds_all_done(album, tmp_path):
    first = bulk.run(album, tmp_path / "out", Decode(), workers=1)
    before = content(tmp_path / "out")
    assert bulk.run(album, tmp_path / "out", Decode(), workers=1) == first
    assert content(tmp_path / "out") == before


def test_pictures_become_vectors_in_order(recipes, drawn, tmp_path):
    bulk.run(drawn, tmp_path / "out", Embed(), workers=2)
    made = pq.read_table(tmp_path / "out" / "pairs-00002.parquet")
    assert made.column_names == [
        "person", "pair", "split", "prompt", "liked_vector", "disliked_vector",
    ]  # fmt: skip
    assert made.schema.field("liked_vector").type == pa.list_(pa.float32(), 512)
    from palate.data.descriptor import ColorsAndEdges

    liked, _ = next(agents.scenes(pq.read_table(recipes / "pairs-00002.parquet")))
    np.testing.assert_array_equal(
        made["liked_vector"][0].as_py(), ColorsAndEdges().encode(draw(liked)[None])[0]
    )


ENCODERS = """
import os, signal
import numpy as np

class Mean:
    name, width = "mean-color", 3
    def encode(self, pixels):
        return pixels.mean(axis=(1, 2)).astype(np.float32)

class Dies(Mean):
    def encode(self, pixels):
        os.kill(os.getpid(), signal.SIGKILL)

class Wrong(Mean):
    width = 4
"""


@pytest.fixture
def encoders(tmp_path, monkeypatch):
    """A module of encoders that only this process's path leads to."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "some_encoders.py").write_text(ENCODERS)
    monkeypatch.syspath_prepend(home)
    return "some_encoders:"


def test_any_encoder_will_do_by_name(album, tmp_path, encoders):
    done = bulk.run(album, tmp_path / "out", Embed(encoder=encoders + "Mean"), workers=1)
    assert (done.rows, len(done.problems)) == (8, 2)
    mean = pq.read_table(tmp_path / "out" / "1.parquet")["image_vector"].to_pylist()
    np.testing.assert_allclose(mean, np.full((4, 3), 127), atol=12)


def test_an_encoder_that_breaks_its_word_is_named(album, tmp_path, encoders):
    with pytest.raises(Mismatch, match=r"mean-color gave \(4, 3\) for 4 pictures; .* \(4, 4\)"):
        bulk.run(album, tmp_path / "out", Embed(encoder=encoders + "Wrong"), workers=1)


def test_a_worker_that_dies_leaves_a_build_to_go_on_with(album, tmp_path, encoders):
    with pytest.raises(Unfinished) as caught:
        bulk.run(album, tmp_path / "out", Embed(encoder=encoders + "Dies"), workers=1)
    assert str(caught.value) == (
        "A worker process was killed, or ran out of memory: 0 of 2 shards are done; run the same "
        "command again to go on."
    )
    assert sorted(content(tmp_path / "out")) == ["plan.json"]


@pytest.mark.parametrize(
    "given", ["palate.nothing:X", "palate.data.descriptor:X", "ColorsAndEdges"]
)
def test_an_encoder_nobody_knows_is_refused(given):
    with pytest.raises(BadInput, match=f"No encoder can be made from .*{COLORS_AND_EDGES}"):
        Embed(encoder=given).settings()


def test_another_plan_or_another_source_is_refused(recipes, drawn, album):
    with pytest.raises(BadInput, match="holds another build: format, hand, size differ"):
        bulk.run(recipes, drawn, Draw(size=64, format="webp"))
    with pytest.raises(BadInput, match="another build: bulk, format, hand, size, source, strict"):
        bulk.run(album, drawn, Decode())
    with pytest.raises(BadInput, match="holds other files"):
        bulk.run(album, album, Decode())


def test_a_source_without_what_is_needed_is_refused(album, recipes, tmp_path):
    with pytest.raises(BadTable, match="holds no pairs-"):
        bulk.run(album, tmp_path / "out", Draw())
    with pytest.raises(BadTable, match=r"people-00000.parquet and pairs-00000.parquet have diff"):
        bulk.run(recipes, tmp_path / "out", Decode())
    (album / "0.parquet").rename(album / "pairs-0.parquet")
    with pytest.raises(BadTable, match=r"holds no recipes of pairs: it lacks person \(int32\)"):
        bulk.run(album, tmp_path / "out", Draw())
    with pytest.raises(UnknownName, match=r"No column named 'img'\. Known: image, name"):
        bulk.run(album, tmp_path / "out", Decode(column="img"))
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(BadTable, match="no column of pictures among x"):
        bulk.run(tmp_path, tmp_path / "out", Decode())


def test_a_table_of_no_rows_is_a_table_of_no_rows(album, tmp_path):
    for path in album.iterdir():
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    done = bulk.run(album, tmp_path / "out", Embed(), workers=1)
    assert done.rows == 0
    assert pq.read_table(tmp_path / "out" / "1.parquet").column_names == ["name", "image_vector"]


def test_what_is_not_installed_is_said_with_its_remedy(recipes, tmp_path, monkeypatch):
    with pytest.raises(UnknownName, match=r"No runner named 'spark'\. Known: native, ray"):
        bulk.run(recipes, tmp_path / "out", Draw(), runner="spark")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPart, match=r"needs Ray.* pip install 'daft\[ray\]'"):
        bulk.run(recipes, tmp_path / "out", Draw(), runner="ray")
    monkeypatch.setitem(sys.modules, "daft", None)
    with pytest.raises(MissingPart, match=r"needs Daft.* pip install 'palate\[data\]'"):
        bulk.run(recipes, tmp_path / "out", Draw())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [{"size": 20}, {"size": 2000}, {"format": "tiff"}])
def test_a_drawing_nobody_can_make_is_refused(wrong):
    with pytest.raises(BadInput):
        Draw(**wrong)
    with pytest.raises(BadInput, match="0 workers"):
        bulk.run(None, None, Draw(), workers=0)
