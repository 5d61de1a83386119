"""A taste as a folder: what is read, in what order, and how every fault is named."""

from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from palate.data.folder import FolderReport, report_folder, taste_from_folder, write_taste_folder
from palate.errors import BadPicture, BadTable, BadTaste


def png(width=2, height=3):
    file = BytesIO()
    Image.new("RGB", (width, height), "red").save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    for name in ("liked/b.png", "liked/a.png", "disliked/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(png())
    return tmp_path


def names(examples):
    return [example.image.name for example in examples]


def test_a_folder_becomes_a_taste_in_a_fixed_order(folder):
    taste = taste_from_folder(folder)
    assert names(taste.liked) == ["a.png", "b.png"]
    assert names(taste.disliked) == ["c.png"]
    assert taste.liked[0].prompt is None


def test_the_other_two_names_will_do(tmp_path):
    for name in ("likes", "dislikes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(png())
    taste = taste_from_folder(tmp_path)
    assert (len(taste.liked), len(taste.disliked)) == (1, 1)


def test_what_systems_leave_behind_is_no_picture(folder):
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / "liked" / name).write_bytes(b"junk")
    assert names(taste_from_folder(folder).liked) == ["a.png", "b.png"]


def test_the_table_gives_prompts_and_comments(folder):
    (folder / "metadata.csv").write_bytes(
        b'\xef\xbb\xbffile_name,prompt,comment,rating\r\nliked/b.png,"a cat, asleep", ,5\r\n'
        b"disliked/c.png,,too dark,1\r\n"
    )
    taste = taste_from_folder(folder)
    said = [(e.prompt, e.comment) for e in (*taste.liked, *taste.disliked)]
    assert said == [(None, None), ("a cat, asleep", None), (None, "too dark")]


def test_a_name_saved_on_a_mac_is_the_same_name(folder):
    (folder / "liked/a.png").rename(folder / "liked/cafe\u0301.png")  # NFD, as macOS saves it
    (folder / "metadata.csv").write_text("file_name,prompt\nliked/caf\u00e9.png,coffee\n", "utf-8")
    assert "coffee" in [e.prompt for e in taste_from_folder(folder).liked]


def test_every_broken_picture_is_named_at_once(folder):
    (folder / "liked/a.png").write_bytes(b"")
    (folder / "disliked/c.png").write_text("hello")
    (folder / "disliked/more").mkdir()
    with pytest.raises(BadPicture) as caught:
        taste_from_folder(folder)
    assert (
        "liked/a.png is empty; disliked/c.png is a text file; disliked/more is a folder. "
        "Give a JPEG"
    ) in str(caught.value)
    assert len(taste_from_folder(folder, verify=False).liked) == 2


def test_many_broken_pictures_are_counted(folder):
    for number in range(9):
        (folder / f"liked/x{number}.png").write_bytes(b"")
    with pytest.raises(BadPicture, match="and 4 more"):
        taste_from_folder(folder)


def test_a_strange_name_does_not_reach_the_terminal(folder):
    (folder / "liked/\x1b[31m.png").write_bytes(b"")
    with pytest.raises(BadPicture) as caught:
        taste_from_folder(folder)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (b"file_name\nliked/z.png\n", "line 2 names 'liked/z.png', which is not there"),
        (b"file_name\n../secret.png\n", "line 2 names '../secret.png'; a file_name stays inside"),
        (b"file_name\nliked/../../x\n", "a file_name stays inside"),
        (b"file_name\n/etc/passwd\n", "a file_name stays inside"),
        (b"file_name\nmetadata.csv\n", "which is not there"),
        (b"file_name\nliked/a.png\n./liked/a.png\n", "line 3 names liked/a.png a second time"),
        (b"name,prompt\nliked/a.png,x\n", "has no column file_name \\(it has: 'name', 'prompt'"),
        (b"file_name;prompt\nliked/a.png;x\n", "has no column file_name"),
        (b"", "has no column file_name \\(it has: nothing\\)"),
        (b"file_name,prompt\nliked/a.png,a cat, asleep\n", "line 2 has more cells"),
        (b"file_name,prompt\nliked/a.png,caf\xe9\n", "is not UTF-8 \\(byte 32\\)"),
        (b'file_name,prompt\nliked/a.png,"open\n', "unexpected end of data"),
    ],
)
def test_a_faulty_table_is_refused(folder, table, says):
    (folder / "metadata.csv").write_bytes(table)
    with pytest.raises(BadTable, match=says):
        taste_from_folder(folder)


def test_all_faults_of_a_table_are_named(folder):
    (folder / "metadata.csv").write_text("file_name\nliked/y.png\nliked/z.png\n")
    with pytest.raises(BadTable, match=r"line 2 names .*y\.png.*line 3 names .*z\.png"):
        taste_from_folder(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda t: ("file_name\n" + t).encode()))
def test_no_table_ever_does_worse_than_be_refused(folder, table):
    (folder / "metadata.csv").write_bytes(table)
    try:
        taste_from_folder(folder, verify=False)
    except BadTable as refused:
        assert str(refused).isprintable()


def test_what_is_no_taste_folder_is_refused(tmp_path):
    with pytest.raises(BadTaste, match="There is no folder"):
        taste_from_folder(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(png())
    with pytest.raises(BadTaste, match="is a file, not a folder"):
        taste_from_folder(tmp_path / "file")
    with pytest.raises(BadTaste, match="has no liked/ in it"):
        taste_from_folder(tmp_path)
    (tmp_path / "disliked").mkdir()
    (tmp_path / "disliked/a.png").write_bytes(png())
    with pytest.raises(BadTaste, match="holds no liked picture"):
        taste_from_folder(tmp_path)


def test_the_report_counts_what_can_be_used(folder):
    (folder / "liked/b.png").write_bytes(b"GIF89a")
    (folder / "metadata.csv").write_text(
        "file_name,prompt,comment\nliked/a.png,a cat,\nliked/b.png,x,y\nliked/z.png,,\n"
    )
    assert report_folder(folder) == FolderReport(
        liked=1,
        disliked=1,
        with_prompt=1,
        with_comment=0,
        pixels=12,
        problems=(
            ("metadata.csv", "line 4 names 'liked/z.png', which is not there"),
            ("liked/b.png", "is truncated or damaged"),
        ),
    )


def test_the_report_says_when_nothing_liked_is_left(folder):
    for name in ("a.png", "b.png"):
        (folder / "liked" / name).write_bytes(b"")
    assert report_folder(folder).problems[-1] == ("liked", "holds no picture that can be used")


def test_a_written_folder_reads_back(tmp_path):
    write_taste_folder(tmp_path / "mine", [(png(), "a cat, asleep"), (png(4, 4), None)], [])
    taste = taste_from_folder(tmp_path / "mine")
    assert [e.prompt for e in taste.liked] == ["a cat, asleep", None]
    assert taste.disliked == ()
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(TypeError):
        write_taste_folder(tmp_path / "mine", [(png(), None), (None, None)])  # type: ignore
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone(folder):
    with pytest.raises(BadTaste, match="is there already"):
        write_taste_folder(folder, [(png(), None)])
