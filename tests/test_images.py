"""Opening pictures nobody vouches for; ours say how they were made."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

import hostile
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from palate import __version__
from palate.errors import BadPicture
from palate.images import (
    apart,
    decode_apart,
    open_picture,
    picture_png,
    provenance,
    read_provenance,
    request_of,
    to_png,
)
from palate.types import Mark, Picture, Request

GOOD, HOSTILE = hostile.good(), hostile.hostile()


def opened(image: Image.Image, kind: str = "PNG", **options) -> list:
    return open_picture(hostile.encode(image, kind, **options)).tolist()


# Pixels worked out by hand


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, [[1, 2, 3], [4, 5, 6]]),
        (2, [[3, 2, 1], [6, 5, 4]]),
        (3, [[6, 5, 4], [3, 2, 1]]),
        (4, [[4, 5, 6], [1, 2, 3]]),
        (5, [[1, 4], [2, 5], [3, 6]]),
        (6, [[4, 1], [5, 2], [6, 3]]),
        (7, [[6, 3], [5, 2], [4, 1]]),
        (8, [[3, 6], [2, 5], [1, 4]]),
        (9, [[1, 2, 3], [4, 5, 6]]),  # no such orientation
    ],
)
def test_a_picture_comes_upright(orientation, upright):
    image = Image.fromarray(np.array([[1, 2, 3], [4, 5, 6]], np.uint8))
    data = hostile.encode(image, "PNG", exif=hostile.exif(orientation))
    assert open_picture(data)[..., 0].tolist() == upright
    assert open_picture(data, strict=True)[..., 0].tolist() == upright


def test_sixteen_bits_of_grey_are_scaled_not_clipped():
    levels = np.array([[0, 384, 386, 0x8000, 0xFFFF]], np.uint16)  # 384 / 257 = 1.49, 386: 1.502
    grey = [row[0] for row in opened(Image.fromarray(levels))[0]]
    assert grey == [0, 1, 2, 128, 255]


def test_sixteen_bits_of_colour_become_eight():
    data = hostile.png(1, 1, 16, 2, b"\0" + b"\xff\xff\x80\x00\x00\x01")
    assert open_picture(data).tolist() == [[[255, 128, 0]]]


@pytest.mark.parametrize("alpha, other", [(0, 255), (127, 128), (128, 127), (255, 0)])
def test_clear_parts_show_white(alpha, other):
    assert opened(Image.new("RGBA", (1, 1), (255, 0, 0, alpha))) == [[[255, other, other]]]
    assert opened(Image.new("LA", (1, 1), (0, alpha))) == [[[other] * 3]]


def test_a_clear_palette_entry_shows_white():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 0])
    image.putpixel((1, 0), 1)
    assert opened(image) == [[[10, 20, 30], [200, 100, 0]]]
    assert opened(image, transparency=0) == [[[255, 255, 255], [200, 100, 0]]]
    assert opened(image, "GIF", transparency=1) == [[[10, 20, 30], [255, 255, 255]]]


def test_a_clear_colour_shows_white():
    rows = b"\0" + b"\x01\x02\x03" + b"\x04\x05\x06"
    key = hostile.chunk(b"tRNS", b"\0\x01\0\x02\0\x03")
    assert open_picture(hostile.png(2, 1, 8, 2, rows, key)).tolist() == [[[255] * 3, [4, 5, 6]]]


def test_one_bit_is_black_and_white():
    assert open_picture(hostile.png(2, 1, 1, 0, b"\0\x40")).tolist() == [[[0] * 3, [255] * 3]]


@pytest.mark.parametrize(
    ("ink", "colour"),
    [
        ((0, 255, 255, 0), (255, 0, 0)),
        ((0, 0, 0, 255), (0, 0, 0)),
        ((128, 0, 0, 0), (127, 255, 255)),
        ((0, 0, 0, 0), (255, 255, 255)),
    ],
)
def test_inks_become_light(ink, colour):
    """Pillow writes CMYK as Adobe does, inverted; it must not come out as a negative."""
    data = hostile.encode(Image.new("CMYK", (8, 8), ink), "JPEG", quality=100)
    assert np.abs(open_picture(data)[4, 4].astype(int) - colour).max() <= 2


def test_a_colour_profile_is_obeyed():
    red = Image.new("RGB", (1, 1), (255, 0, 0))
    found = np.array(opened(red, icc_profile=hostile.icc_swapped())[0][0])
    assert np.abs(found - (0, 0, 255)).max() <= 2


def test_a_junk_colour_profile_is_left_out():
    red = Image.new("RGB", (1, 1), (255, 0, 0))
    assert opened(red, icc_profile=hostile.JUNK) == [[[255, 0, 0]]]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_moving_pictures_the_first_counts(kind):
    red, blue = Image.new("RGB", (4, 4), (255, 0, 0)), Image.new("RGB", (4, 4), (0, 0, 255))
    lossless = {"lossless": True} if kind == "WEBP" else {}
    data = hostile.encode(red, kind, save_all=True, append_images=[blue], **lossless)
    assert open_picture(data)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_picture_opens_from_bytes_and_by_any_name(name, tmp_path):
    pixels = open_picture(GOOD[name])
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    assert pixels.flags.writeable  # torch warns about the other kind
    file = tmp_path / "picture.exe"
    file.write_bytes(GOOD[name])
    assert np.array_equal(open_picture(file), pixels)


# Refusals


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_picture_gets_one_sentence(name):
    with pytest.raises(BadPicture) as caught:
        open_picture(HOSTILE[name], name=f"{name}.jpg")
    found, allowed = str(caught.value).split(". ", 1)
    assert found.startswith((f"{name}.jpg is ", f"{name}.jpg needs "))
    assert allowed.startswith("Give a JPEG, PNG, WebP or GIF of at most 20 MB, 40 megapixels")


def test_the_corpus_is_large_enough():
    assert len(HOSTILE) >= 60 and len(set(HOSTILE.values())) == len(HOSTILE)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nothing", "is empty"),
        ("svg", "is an SVG drawing"),
        ("zip before a jpeg", "is a ZIP archive"),
        ("png less one byte", "is truncated"),
        ("png 65500 x 700", "is 65500 x 700 = 45.9 Mpx"),
        ("png 20000 x 20000", "is 400.0 Mpx"),
        ("png one row", "is 16385 x 1 = 0.0 Mpx"),
        ("21 MB", "is 21.0 MB"),
        ("heic", "is a HEIC photo"),
        ("pickle", "is a Python pickle"),
    ],
)
def test_the_sentence_says_what_was_found(name, says):
    with pytest.raises(BadPicture, match=rf"^The picture {says}\. Give"):
        open_picture(HOSTILE[name])


@pytest.mark.parametrize("kind", ["jpeg", "jpeg progressive", "png", "webp", "webp lossless alpha"])
def test_no_beginning_of_a_file_passes_for_the_whole(kind):
    data = GOOD[kind]
    for end in [*range(0, len(data), 13), *range(len(data) - 20, len(data))]:
        with pytest.raises(BadPicture):
            open_picture(data[:end])


def make(kind: str, at: Path) -> Path:
    if kind == "folder":
        at.mkdir()
    elif kind == "pipe":
        os.mkfifo(at)
    elif kind == "loop":
        at.symlink_to(at)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(at))
    elif kind == "too long a name":
        at = at.with_name("x" * 300)
    elif kind == "zero byte":
        at = at.with_name("a\0b")
    return at


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", "does not exist"),
        ("folder", "is a folder"),
        ("pipe", "is not a regular file"),
        ("socket", "is not a regular file"),
        ("loop", r"cannot be read \(Too many levels"),
        ("too long a name", r"cannot be read \(File name too long"),
        ("zero byte", r"cannot be read \(embedded null"),
    ],
)
def test_what_is_no_file_is_named(kind, says, tmp_path):
    with pytest.raises(BadPicture, match=says):
        open_picture(make(kind, tmp_path / "x.png"))


def test_a_device_is_never_read():
    with pytest.raises(BadPicture, match=r"^/dev/zero is not a regular file"):
        open_picture(Path("/dev/zero"))


def test_a_huge_file_is_refused_unread(tmp_path, monkeypatch):
    file = tmp_path / "huge.png"
    with file.open("wb") as handle:
        handle.truncate(10**10)  # sparse: takes no space
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(BadPicture, match=r"huge\.png is 10000\.0 MB\. Give"):
        open_picture(file)


def test_a_name_cannot_drive_a_terminal():
    with pytest.raises(BadPicture) as caught:
        open_picture(b"", name="a\x1b[2J\n.png")
    assert "a\\x1b[2J\\n.png" in str(caught.value)


def test_nothing_global_changes_and_nothing_is_printed(capfd):
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    for name in ("png 13000 x 13000", "png 20000 x 20000"):
        with pytest.raises(BadPicture), warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            open_picture(HOSTILE[name])
        assert not seen
    open_picture(GOOD["exif junk"])
    assert before == (
        Image.MAX_IMAGE_PIXELS,
        ImageFile.LOAD_TRUNCATED_IMAGES,
        list(warnings.filters),
    )
    assert capfd.readouterr() == ("", "")


def test_threads_do_not_disturb_one_another():
    before, alone = list(warnings.filters), {n: open_picture(d) for n, d in GOOD.items()}
    differing = []

    def work():
        for name, data in GOOD.items():
            if not np.array_equal(open_picture(data), alone[name]):
                differing.append(name)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not differing and list(warnings.filters) == before


MUTABLE = ["jpeg", "jpeg progressive", "png palette clear", "png 16-bit grey", "gif clear", "webp"]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from([*MUTABLE, "exif junk", "icc swapped", "webp moving", "jpeg cmyk"]),
    edits=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)), min_size=1
    ),
    cut=st.floats(0.1, 1),
)
@example(kind="png", edits=[(0.0, b"\x89")], cut=1.0)
def test_changed_bytes_give_a_picture_or_a_sentence(kind, edits, cut):
    data = bytearray(GOOD[kind])
    for place, new in edits:
        at = int(place * len(data))
        data[at : at + len(new)] = new
    try:
        pixels = open_picture(bytes(data[: int(len(data) * cut)]), name="mutant")
    except BadPicture as error:
        assert str(error).startswith("mutant ")
    else:
        assert pixels.dtype == np.uint8 and pixels.ndim == 3


# A process of its own


def test_the_decoder_alone_starts_light():
    code = "import sys, palate.images.child; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert not {b"numpy", b"torch", b"safetensors"} & set(loaded.split())


def test_strict_gives_the_same_pixels():
    for name in ("jpeg", "png alpha", "webp", "gif", "icc swapped"):
        assert np.array_equal(open_picture(GOOD[name], strict=True), open_picture(GOOD[name]))


def test_strict_says_the_same_sentences():
    for name in ("nothing", "svg", "jpeg cut at 70 %", "png 65500 x 700", "png with a text bomb"):
        with pytest.raises(BadPicture) as loose:
            open_picture(HOSTILE[name], name=name)
        with pytest.raises(BadPicture) as strict:
            open_picture(HOSTILE[name], name=name, strict=True)
        assert str(strict.value) == str(loose.value)


@pytest.mark.slow
def test_strict_treats_the_whole_corpus_alike():
    for name, data in (GOOD | HOSTILE).items():
        started = time.monotonic()
        try:
            pixels = open_picture(data, name=name, strict=True)
        except BadPicture as error:
            assert name in HOSTILE and str(error).startswith(f"{name} ")
        else:
            assert np.array_equal(pixels, open_picture(data))
        assert time.monotonic() - started < 2, name


@pytest.mark.slow
def test_the_largest_picture_passes_strict():
    large = Image.linear_gradient("L").resize((8000, 5000))
    for kind, mode in (("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "LA"), ("GIF", "L")):
        data = hostile.encode(large.convert(mode), kind)
        assert decode_apart(data, f"large {mode}").shape == (5000, 8000, 3)


def test_clear_parts_show_white_however_tall_the_picture():
    pixels = open_picture(hostile.encode(Image.new("RGBA", (2, 600), (0, 0, 0, 127)), "PNG"))
    assert pixels.shape == (600, 2, 3) and (pixels == 128).all()


def test_too_slow_a_picture_is_given_up(monkeypatch):
    monkeypatch.setattr(apart, "WALL_SECONDS", 0.7)
    bomb = hostile.scan_bomb()
    started = time.monotonic()
    with pytest.raises(BadPicture, match=r"^slow\.jpg takes more than 0\.7 s to decode\. Give"):
        decode_apart(bomb, "slow.jpg")
    assert time.monotonic() - started < 2


READ = "import os, struct, sys; sys.stdin.buffer.read(); out = sys.stdout.buffer; "


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import os; os.kill(os.getpid(), 11)", r"crashed the decoder \(SIGSEGV\)"),
        (READ + "os.kill(os.getpid(), 9)", r"crashed the decoder \(SIGKILL\)"),
        (READ + "os._exit(3)", r"could not be decoded within 512 MB \(exit code 3\)"),
        (READ + "out.write(struct.pack('>cII', b'+', 65500, 65500))", "is 65500 x 65500 = "),
        (READ + "out.write(struct.pack('>cII', b'+', 9, 9) + b'short')", "could not be decoded"),
        (READ + "out.write(struct.pack('>cII', b'-', 2**32 - 1, 0) + b'is odd')", "is odd"),
        (
            "from palate.images import child; child._limit(); x = bytes(600 * 2**20)",
            "could not be decoded within 512 MB",
        ),
        (READ + "import time; time.sleep(60)", "takes more than 0.5 s to decode"),
        (READ + "\nwhile True: out.write(b'-' * 9)", ""),
    ],
)
def test_whatever_befalls_the_decoder_is_a_sentence(program, says, monkeypatch):
    monkeypatch.setattr(apart, "_PROGRAM", program)
    monkeypatch.setattr(apart, "WALL_SECONDS", 0.5 if "time" in program else 5.0)
    with pytest.raises(BadPicture, match=f"^worst {says}"):
        decode_apart(bytes(10**6), "worst")


def test_the_decoder_inherits_no_secrets(monkeypatch):
    monkeypatch.setenv("PALATE_SECRET", "s3cret")
    tell = "names = ','.join(os.environ).encode(); "
    tell += "out.write(struct.pack('>cII', b'-', len(names), 0) + names)"
    monkeypatch.setattr(apart, "_PROGRAM", READ + tell)
    with pytest.raises(BadPicture) as caught:
        decode_apart(b"x", "env")
    names = str(caught.value).removeprefix("env ").split(".")[0].split(",")
    assert set(names) <= {"PYTHONPATH", "LC_CTYPE"}


# How a picture was made

REQUEST = Request(
    prompt="a lighthouse at noon, für Ägypten 灯台",
    negative_prompt="fog",
    width=3,
    height=2,
    steps=7,
    guidance=4.5,
    seed=2**63 + 1,  # beyond what JavaScript's numbers hold
    strength=0.1,
    avoid=0.25,
)
PICTURE = Picture(
    pixels=hostile.pixels(2, 3),
    request=REQUEST,
    backbone=Mark(name="sketchbook-sdxl", fingerprint="ab" * 32),
    method=Mark(name="prefgen", fingerprint="cd" * 32),
    profile=Mark(name="anna", fingerprint="ef" * 32),
)


def test_a_picture_says_how_to_make_it_again(tmp_path):
    file = tmp_path / "picture.png"
    file.write_bytes(picture_png(PICTURE))
    record = read_provenance(file)
    assert record == provenance(PICTURE)
    assert request_of(record) == REQUEST
    assert record["backbone"] == {"name": "sketchbook-sdxl", "fingerprint": "ab" * 32}
    assert record["software"] == f"palate {__version__}" and record["ai_generated"] is True
    assert np.array_equal(open_picture(file), PICTURE.pixels)


def test_any_program_can_read_that_a_machine_made_it():
    with Image.open(hostile.io.BytesIO(picture_png(PICTURE))) as image:
        text = image.text  # type: ignore[attr-defined]
    assert text["ai_generated"] == "true" and text["Software"] == f"palate {__version__}"
    assert json.loads(text["palate"])["seed"] == 2**63 + 1


def test_private_text_can_be_left_out():
    data = picture_png(PICTURE, private=False)
    assert not any(word in data for word in (b"lighthouse", b"fog", b"anna", b"prompt"))
    record = read_provenance(data)
    assert record["profile"] == {"fingerprint": "ef" * 32} and record["seed"] == 2**63 + 1
    with pytest.raises(BadPicture, match="saved without its prompt and negative_prompt"):
        request_of(record)


def test_a_plain_picture_has_neither_method_nor_profile():
    record = provenance(replace(PICTURE, method=None, profile=None))
    assert record["method"] is None and record["profile"] is None
    assert request_of(record) == REQUEST


def test_defaults_stay_defaults():
    plain = replace(PICTURE, request=Request(prompt="x"))
    assert request_of(read_provenance(picture_png(plain))) == Request(prompt="x")


def test_the_same_picture_gives_the_same_file():
    assert picture_png(PICTURE) == picture_png(PICTURE)
    assert to_png(PICTURE.pixels) == to_png(PICTURE.pixels[:, ::-1].copy()[:, ::-1])


@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "webp"])
def test_a_foreign_picture_has_no_record(name):
    with pytest.raises(BadPicture, match=rf"^x\.{name} does not say how it was made\."):
        read_provenance(GOOD[name], name=f"x.{name}")


@pytest.mark.parametrize("text", ["", "[]", "{", '"a"', "[" * 100_000, "1" * 5000])
def test_a_damaged_record_is_refused(text):
    with pytest.raises(BadPicture, match="the record is damaged"):
        read_provenance(to_png(PICTURE.pixels, text={"palate": text}))


def test_no_picture_has_no_record():
    with pytest.raises(BadPicture, match=r"^The picture is a ZIP archive"):
        read_provenance(HOSTILE["zip"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", "7"), ("seed", True), ("prompt", None), ("width", 1.5), ("guidance", [1])],
)
def test_a_record_of_wrong_types_is_refused(field, value):
    with pytest.raises(BadPicture, match=f"record is damaged: its {field} is"):
        request_of(provenance(PICTURE) | {field: value})
