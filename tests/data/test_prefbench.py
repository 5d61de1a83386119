"""PrefBench's two layouts: read whole, written back the same, and never trusted."""

import json
import os
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palate.data.prefbench import (
    Leak,
    Pair,
    Person,
    Target,
    joined,
    leaks,
    profile_of,
    read_json,
    read_pkl,
    to_pairs,
    write_json,
    write_pkl,
)
from palate.data.schema import validate
from palate.errors import BadTable

RECORD = {  # the example of the dataset card
    "id": "0",
    "image_file": "diffusiondb/18869_0000001.png",
    "text": "pink, blue, despair personified, artwork",
    "negative_img": ["diffusiondb/18863_0036541.png", "diffusiondb/18864_0036541.png"],
    "positive_img": ["diffusiondb/18863_0000001.png", "diffusiondb/18864_0000001.png"],
    "prompt_list": ["a castle", "a café"],
}
USERS = {
    "17983": [
        ("18863_0036541.png", "18863_0000001.png", "a castle"),
        ("18864_0036541.png", "18864_0000001.png", "a café"),
        ["gloomy, pixel art", "warm, ink"],
    ],
    18017: [[["gloomy"], []]],
}


def saved(path, value):
    data = json.dumps(value).encode() if path.suffix == ".json" else pickle.dumps(value)
    path.write_bytes(data)
    return path


def changed(**changes):
    record = {**RECORD, **changes}
    return {key: value for key, value in record.items() if value != "gone"}


def test_a_record_is_read_whole(tmp_path):
    (person,) = read_json(saved(tmp_path / "coco.json", [RECORD]))
    assert person.id == "0"
    assert person.pairs[1] == Pair(
        negative="diffusiondb/18864_0036541.png",
        positive="diffusiondb/18864_0000001.png",
        prompt="a café",
    )
    assert person.targets == (Target(image=RECORD["image_file"], text=RECORD["text"]),)


def test_json_comes_back_the_same(tmp_path):
    records = [RECORD, changed(image_file="coco/7_0000001.png"), changed(id="1", prompt_list=[])]
    records[2].update(negative_img=[], positive_img=[])
    write_json(tmp_path / "new.json", read_json(saved(tmp_path / "old.json", records)))
    assert json.loads((tmp_path / "new.json").read_bytes()) == records


def test_a_pickle_is_read_whole_and_comes_back_the_same(tmp_path):
    one, other = read_pkl(saved(tmp_path / "old.pkl", USERS))
    assert (one.id, len(one.pairs)) == ("17983", 2)
    assert (one.disliked_attributes, one.liked_attributes) == ("gloomy, pixel art", "warm, ink")
    assert (other.pairs, other.disliked_attributes, other.liked_attributes) == ((), ("gloomy",), ())
    write_pkl(tmp_path / "new.pkl", [one, other])
    assert pickle.loads((tmp_path / "new.pkl").read_bytes()) == USERS


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle_is_read(tmp_path, protocol):
    (tmp_path / "old.pkl").write_bytes(pickle.dumps(USERS, protocol))
    assert [p.id for p in read_pkl(tmp_path / "old.pkl")] == ["17983", 18017]


def test_two_records_of_a_person_become_one():
    a, b, c = (Pair(negative=n, positive=n, prompt=n) for n in "abc")
    first = Person(id="0", pairs=(a, b), targets=(Target(image="x", text="x"),))
    second = Person(id="0", pairs=(b, c), targets=(Target(image="y", text="y"),))
    (person,) = joined([first, second])
    assert person.pairs == (a, b, c)
    assert [t.image for t in person.targets] == ["x", "y"]


class Attack:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_run_something_runs_nothing(tmp_path, protocol):
    attack = pickle.dumps({"0": Attack(tmp_path / "hacked")}, protocol)
    (tmp_path / "evil.pkl").write_bytes(attack)
    with pytest.raises(BadTable, match=r"evil.pkl wants to import posix.system"):
        read_pkl(tmp_path / "evil.pkl")
    assert not (tmp_path / "hacked").exists()
    pickle.loads(attack)
    assert (tmp_path / "hacked").exists()  # so the attack was a real one


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02Nr" + (2**30).to_bytes(4, "little") + b".",  # 16 GB of memo in C
        b"\x80\x02})" + b"\x85" * 400_000 + b"Ns.",  # a key whose hash overflows C's stack
        pickle.dumps({"0": b"bytes"}),
        pickle.dumps({"0": {1, 2}}),
        pickle.dumps({"0": [1 << 90_000]}),
        pickle.dumps({1 << 90_000: [["", ""]]}),
        pickle.dumps(USERS)[:-20],
        b"",
    ],
)
def test_bombs_and_junk_are_refused(tmp_path, data):
    (tmp_path / "evil.pkl").write_bytes(data)
    with pytest.raises(BadTable, match=r"evil\.pkl") as caught:
        read_pkl(tmp_path / "evil.pkl")
    assert len(str(caught.value)) < 500


def test_one_list_named_a_million_times_is_refused(tmp_path):
    rows = [("a_1.png", "a_2.png", "a cat")] * 5_000 + [["", ""]]
    with pytest.raises(BadTable, match=r"has 10,002,000 pairs; 5,000,000 are read at most"):
        read_pkl(saved(tmp_path / "laughs.pkl", dict.fromkeys(range(2_000), rows)))


def test_a_file_of_any_size_is_not_read(tmp_path):
    for read, name in ((read_json, "a.json"), (read_pkl, "a.pkl")):
        with (tmp_path / name).open("wb") as file:
            file.truncate(300 * 2**20)  # holes take no space
        with pytest.raises(BadTable, match="314,572,800 bytes"):
            read(tmp_path / name)
        with pytest.raises(BadTable, match="No such file"):
            read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (changed(id="gone", text="gone"), "record 1: it lacks id, text"),
        (changed(prompt_list=["x"]), "negative_img 2, positive_img 2, prompt_list 1"),
        (changed(text=7), "text is int, wanted text"),
        (changed(id=1.5), "the user's id is float"),
        (changed(prompt_list={"a": 1}), "prompt_list is an object, wanted a list"),
        (changed(positive_img=["a.png", None]), "a liked picture is NoneType"),
        (changed(image_file="../../etc/passwd"), "wanted a file name inside the picture folder"),
        (changed(image_file="/etc/passwd"), "wanted a file name inside"),
        (changed(text="\ud800"), "text is not valid Unicode"),
        (["a", "b"], "it is a list, wanted an object with id, image_file"),
    ],
)
def test_a_faulty_record_is_named(tmp_path, record, says):
    with pytest.raises(
        BadTable, match=rf"coco\.json, record 1: .*{says.removeprefix('record 1: ')}"
    ):
        read_json(saved(tmp_path / "coco.json", [RECORD, record]))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "the last entry is not"),
        ([("a_1.png", "a_2.png", "x")], "the last entry is not"),
        ([("a_1.png", "a_2.png"), ["", ""]], "entry 0 has 2 parts"),
        ([("a_1.png", "a_2.png", 3), ["", ""]], "a prompt is int"),
        ([[3, ""]], "the attributes is int, wanted a list"),
        ([["", ["a", 2]]], "an attribute is int"),
        ("text", "the value is text, wanted a list"),
    ],
)
def test_a_faulty_user_is_named(tmp_path, rows, says):
    with pytest.raises(BadTable, match=rf"coco\.pkl, user '17': .*{says}"):
        read_pkl(saved(tmp_path / "coco.pkl", {17: rows}))


def test_what_is_no_list_or_dict_is_refused(tmp_path):
    with pytest.raises(BadTable, match="is an object; PrefBench's JSON is a list"):
        read_json(saved(tmp_path / "a.json", {}))
    with pytest.raises(BadTable, match="is a list; PrefBench's PKL is a dict"):
        read_pkl(saved(tmp_path / "a.pkl", []))


def test_layouts_that_cannot_hold_a_person_say_so(tmp_path):
    with pytest.raises(BadTable, match="has no target picture"):
        write_json(tmp_path / "a.json", [Person(id="0", pairs=())])
    with pytest.raises(BadTable, match="Join first"):
        write_pkl(tmp_path / "a.pkl", [Person(id="0", pairs=())] * 2)
    assert list(tmp_path.iterdir()) == []


_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(list(RECORD)) | st.text(max_size=2), inner, max_size=6)
    ),
    max_leaves=12,
)
_quick = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_quick
@given(st.binary(max_size=60) | _value.map(lambda v: json.dumps(v).encode()))
def test_no_json_does_worse_than_be_refused(tmp_path, data):
    (tmp_path / "a.json").write_bytes(data)
    try:
        read_json(tmp_path / "a.json")
    except BadTable as refused:
        assert len(str(refused)) < 500


@_quick
@given(
    st.binary(max_size=60) | st.tuples(_value, st.integers(0, 5)).map(lambda v: pickle.dumps(*v))
)
def test_no_pickle_does_worse_than_be_refused(tmp_path, data):
    (tmp_path / "a.pkl").write_bytes(data)
    try:
        read_pkl(tmp_path / "a.pkl")
    except BadTable as refused:
        assert len(str(refused)) < 500


@_quick
@given(st.integers(0, 200), st.integers(0, 255))
def test_no_damage_to_a_pickle_does_worse_than_be_refused(tmp_path, place, byte):
    data = bytearray(pickle.dumps(USERS))
    data[place % len(data)] = byte
    (tmp_path / "a.pkl").write_bytes(data)
    try:
        read_pkl(tmp_path / "a.pkl")
    except BadTable as refused:
        assert str(refused).isprintable()


def test_a_name_tells_the_profile():
    assert profile_of("diffusiondb/18869_0000001.png") == "0000001"
    assert profile_of("coco/0000102215_0000066902.png") == "0000066902"
    with pytest.raises(BadTable, match="not of the form"):
        profile_of("liked/a.png")


def test_what_splits_share_is_found():
    def person(*names):
        pairs = tuple(
            Pair(negative=n, positive=p, prompt="") for n, p in zip(*[iter(names)] * 2, strict=True)
        )
        return Person(id=0, pairs=pairs)

    found = leaks(
        {
            "train": [person("c/1_10.png", "c/1_11.png"), person("c/2_12.png", "odd.png")],
            "test": [person("c/3_13.png", "c/3_11.png"), person("c/2_12.png", "c/9_14.png")],
        }
    )
    assert found == (
        Leak(kind="picture", name="c/2_12.png", splits=("train", "test")),
        Leak(kind="profile", name="11", splits=("train", "test")),
        Leak(kind="profile", name="12", splits=("train", "test")),
    )


def test_people_become_the_canonical_table(tmp_path):
    pairs = tuple(
        Pair(negative=f"{i}_1.png", positive=f"{i}_2.png", prompt=f"p{i}") for i in range(64)
    )
    table = to_pairs([Person(id=7, pairs=pairs)] * 2, tmp_path, "prefbench-coco", split="test")
    assert validate(table).rows == 64  # the second record of the person adds nothing
    rows = table.to_pylist()
    assert rows[3]["pair_id"] == "prefbench-coco/7/3"
    assert (rows[3]["user_id"], rows[3]["prompt"], rows[3]["split"]) == ("7", "p3", "test")
    for number, row in enumerate(rows):
        liked = row["image0"] if row["label0"] == 1.0 else row["image1"]
        assert liked == {"bytes": None, "path": str(tmp_path / f"{number}_2.png")}
    assert 16 < sum(row["label0"] for row in rows) < 48  # sides say nothing


def test_pictures_can_be_put_into_the_table(tmp_path):
    people = [Person(id=7, pairs=(Pair(negative="1_1.png", positive="1_2.png", prompt=""),))]
    (tmp_path / "1_1.png").write_bytes(b"first")
    with pytest.raises(BadTable, match=r"1 pictures are not there: .*1_2\.png"):
        to_pairs(people, tmp_path, "coco", embed=True)
    (tmp_path / "1_2.png").write_bytes(b"second")
    (row,) = to_pairs(people, tmp_path, "coco", embed=True).to_pylist()
    assert {row["image0"]["bytes"], row["image1"]["bytes"]} == {b"first", b"second"}
