"""Files that say what they are, are never half-written, and are never unpickled."""

import io
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from palate import store
from palate.errors import BadFile, NewerFile, NoSpace
from palate.types import Mark, Profile, Word

# Writing


def siblings(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


def test_a_file_is_there_when_it_is_done(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with store.writing(path) as part:
        part.write_text("hello")
        assert not path.exists() and part.parent == path.parent and part.name.startswith(".a.txt.")
    assert path.read_text() == "hello" and siblings(path) == ["a.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_whatever_interrupts_leaves_the_old_file(error, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), store.writing(path) as part:
        part.write_text("half of the ne")
        raise error
    assert path.read_text() == "old" and siblings(path) == ["a.txt"]


def test_what_was_private_stays_private(tmp_path):
    path = tmp_path / "a.txt"
    store.write_bytes(path, b"old")
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask()
    path.chmod(0o600)
    store.write_bytes(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600 and path.read_bytes() == b"new"


def test_a_folder_that_cannot_be_made_is_what_the_error_says(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileExistsError):
        store.write_bytes(tmp_path / "file" / "a.txt", b"x")


def umask() -> int:
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


def test_threads_may_write_the_same_file(tmp_path):
    path = tmp_path / "a.bin"
    contents = [bytes([n]) * 100_000 for n in range(8)]
    threads = [threading.Thread(target=store.write_bytes, args=(path, c)) for c in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents and siblings(path) == ["a.bin"]


def test_json_is_sorted(tmp_path):
    store.write_json(tmp_path / "a.json", {"b": [1, None], "a": "ü"})
    store.write_json(tmp_path / "b.json", {"a": "ü", "b": [1, None]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": "ü", "b": [1, None]}
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_full_disk_costs_nothing_but_a_sentence(small_disk):
    path = small_disk / "a.bin"
    store.write_bytes(path, b"old" * 1000)
    with pytest.raises(NoSpace, match=r"no space to write .*a\.bin: \d[\d,]* bytes are free"):
        store.write_bytes(path, bytes(100_000))
    with pytest.raises(NoSpace):
        store.save(path, {"w": torch.zeros(100_000)}, kind="k", config={})
    assert path.read_bytes() == b"old" * 1000 and siblings(path) == ["a.bin"]
    store.write_bytes(path, bytes(40_000))  # what was given up is free again


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


HALF = """
import sys, time
from pathlib import Path
from palate.store import writing
with writing(Path(sys.argv[1])) as part:
    part.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="Signals are sent as POSIX does.")
def test_ctrl_c_leaves_no_part(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with python(HALF, path) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        assert len(siblings(path)) == 2
        process.send_signal(signal.SIGINT)
        process.wait(10)
    assert path.read_text() == "old" and siblings(path) == ["a.txt"]


FOR_EVER = """
import sys
from pathlib import Path
from palate.store import write_bytes
n = 0
while True:
    n = (n + 1) % 256
    write_bytes(Path(sys.argv[1]), bytes([n]) * 300_000)
"""


def test_kill_leaves_one_file_whole(tmp_path):
    path = tmp_path / "a.bin"
    for round in range(8):
        path.write_bytes(b"\xff" * 300_000)
        born = path.stat().st_ino
        with python(FOR_EVER, path) as process:
            while path.stat().st_ino == born:
                time.sleep(0.001)
            time.sleep(0.0037 * round)
            process.kill()
        data = path.read_bytes()
        assert len(data) == 300_000 and len(set(data)) == 1


# Tensors

TENSORS = {
    "b": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "a": torch.tensor([1.5, -2.25], dtype=torch.bfloat16),
    "scalar": torch.tensor(7, dtype=torch.int64),
    "none": torch.zeros(0, 4, dtype=torch.float16),
    "yes": torch.tensor([True, False, True]),
    "small": torch.tensor([1.0, 2.0]).to(torch.float8_e4m3fn),
}
CONFIG = {"width": 4, "name": "ü", "deep": {"list": [1, 2.5, None, True]}}


@pytest.fixture
def saved(tmp_path) -> Path:
    path = tmp_path / "a.safetensors"
    store.save(path, TENSORS, kind="adapter", config=CONFIG, version=3)
    return path


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    bits = [t.contiguous().reshape(-1).view(torch.uint8) for t in (one, other)]
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(*bits)


def test_what_is_saved_comes_back(saved):
    header, tensors = store.load(saved, kind="adapter", newest=3)
    assert set(tensors) == set(TENSORS) and all(same(tensors[n], TENSORS[n]) for n in TENSORS)
    assert (header.kind, header.version, header.config) == ("adapter", 3, CONFIG)
    assert header.tensors["a"] == ("BF16", (2,)) and header.tensors["scalar"] == ("I64", ())


def test_any_safetensors_reader_reads_it(saved):
    assert all(same(tensor, TENSORS[name]) for name, tensor in load_file(saved).items())
    with safe_open(saved, "pt") as file:
        assert json.loads(file.metadata()["palate"])["config"] == CONFIG


def test_the_same_content_gives_the_same_file(saved, tmp_path):
    other = tmp_path / "b.safetensors"
    turned = dict(reversed(TENSORS.items()))
    store.save(other, turned, kind="adapter", config=dict(reversed(CONFIG.items())), version=3)
    assert other.read_bytes() == saved.read_bytes()
    assert store.fingerprint(other) == sha256(saved.read_bytes()).hexdigest()


def test_views_are_saved_as_what_they_show(tmp_path):
    grid = torch.arange(12.0).reshape(3, 4)
    views = {"turned": grid.T, "column": grid[:, 1], "whole": grid, "again": grid}
    store.save(tmp_path / "v", views, kind="k", config={})
    _, tensors = store.load(tmp_path / "v", kind="k")
    assert tensors["turned"].tolist() == grid.T.tolist()
    assert tensors["column"].tolist() == [1, 5, 9]
    assert tensors["again"].tolist() == grid.tolist()


def test_a_parameter_can_be_saved(tmp_path):
    store.save(tmp_path / "p", {"w": torch.nn.Parameter(torch.ones(2))}, kind="k", config={})
    assert not store.load(tmp_path / "p", kind="k")[1]["w"].requires_grad


def test_a_config_keeps_its_fingerprint_through_json(tmp_path):
    """Number keys become text in a file, and sort differently there: "10" before "2"."""
    store.save(tmp_path / "c", {}, kind="k", config={"levels": {2: (1,), 10: "x"}})
    assert store.load(tmp_path / "c", kind="k")[0].config == {"levels": {"2": [1], "10": "x"}}


@pytest.mark.parametrize("length", [0x280, 0x380, 0x480, 0x580])
def test_a_length_that_looks_like_a_pickle_is_a_length(length, tmp_path):
    """A header of 640 bytes makes a file begin with 80 02, as pickles of protocol 2 do."""
    path = tmp_path / "a"
    for filler in range(0, 1400, 8):  # headers are padded to eights
        store.save(path, {}, kind="k", config={"filler": "x" * filler})
        if int.from_bytes(path.read_bytes()[:8], "little") == length:
            break
    assert path.read_bytes()[0] == 0x80 and path.read_bytes()[1] == length >> 8
    assert store.load(path, kind="k")[0].kind == "k"


def test_reading_a_header_needs_no_weights_in_memory(tmp_path):
    """A file of 8 GB that takes no space: only its first bytes are looked at."""
    table = {"w": {"dtype": "F32", "shape": [2**31], "data_offsets": [0, 2**33]}}
    path = raw(tmp_path, table | ours())
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 2**33)
    assert store.header(path).tensors == {"w": ("F32", (2**31,))}


# Refusals


def ours(**changes: object) -> dict:
    entry = {"kind": "k", "version": 1, "config": {}, "fingerprint": "f"} | changes
    return {"__metadata__": {"palate": json.dumps(entry)}}


def raw(folder: Path, table: object, body: bytes = b"") -> Path:
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    path = folder / "raw.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def tensor(begin: object, end: object, shape: object = (1,), dtype: object = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("table", "body", "says"),
    [
        ({"w": tensor(0, 4)}, 3, r"it should have \d+ bytes and has \d+"),
        ({"w": tensor(0, 4)}, 5, r"it should have \d+ bytes and has \d+"),
        ({"w": tensor(0, 4), "v": tensor(0, 4)}, 4, "overlap or leave a gap"),
        ({"w": tensor(0, 4), "v": tensor(8, 12)}, 12, "overlap or leave a gap"),
        ({"w": tensor(4, 8)}, 8, "overlap or leave a gap"),
        ({"w": tensor(0, 4, [2])}, 4, "tensor w does not fill its place"),
        ({"w": tensor(4, 0)}, 4, "tensor w does not fill its place"),
        ({"w": tensor(0, 4, [2**40, 2**40])}, 4, "tensor w does not fill its place"),
        ({"w": tensor(0, 4, [-1])}, 4, "no proper shape or place"),
        ({"w": tensor(0, 4, [1.0])}, 4, "no proper shape or place"),
        ({"w": tensor(0, 4, [True])}, 4, "no proper shape or place"),
        ({"w": tensor(0, 4, [1] * 65)}, 4, "no proper shape or place"),
        ({"w": tensor(0, 2**70)}, 4, "no proper shape or place"),
        ({"w": tensor(0, 4, 1)}, 4, "no proper shape or place"),
        ({"w": tensor(0, 4, dtype="OBJECT")}, 4, "an unknown data type"),
        ({"w": tensor(0, 4, dtype=["F32"])}, 4, "an unknown data type"),
        ({"w": {"dtype": "F32"}}, 4, "tensor w has no proper entry"),
        ({"w": None}, 4, "tensor w has no proper entry"),
        ({"": tensor(0, 4)}, 4, "a tensor named ''"),
        ({"\x1b[2J": tensor(0, 4)}, 4, r"a tensor named '\\x1b\[2J'"),
        ({"__metadata__": {"palate": "{"}}, 0, "its own description cannot be read"),
        ({"__metadata__": {"palate": "[1]"}}, 0, "its own description cannot be read"),
        ({"__metadata__": {"palate": "[" * 100_000}}, 0, "its own description cannot be read"),
        (ours(version="1"), 0, "its own description cannot be read"),
        (ours(config=None), 0, "its own description cannot be read"),
        (b"{" * 100, 0, "its header is not JSON"),
        (b'{"a":' * 100_000, 0, "its header is not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", 0, "its header is not JSON"),
        (b'{"a": {}, "a": {}}', 0, "its header is not JSON"),
        (b'{"\xff": {}}', 0, "its header is not JSON"),
    ],
)
def test_a_damaged_file_is_refused_before_its_weights(table, body, says, tmp_path):
    if isinstance(table, dict):
        table = ours() | table
    path = raw(tmp_path, table, bytes(body))
    with pytest.raises(BadFile, match=rf"raw\.safetensors is damaged: .*{says}"):
        store.header(path)


def test_a_header_that_claims_too_much_is_refused(tmp_path):
    path = tmp_path / "a"
    path.write_bytes((300).to_bytes(8, "little") + b"{}")
    with pytest.raises(BadFile, match="claims 300 bytes and the whole file has 10"):
        store.header(path)
    path.write_bytes((2**60).to_bytes(8, "little") + b"{}")
    with pytest.raises(BadFile, match="claims 1,152,921,504,606,846,976 bytes and may have 67,10"):
        store.header(path)


def torch_zip() -> bytes:
    file = io.BytesIO()
    torch.save({"w": torch.zeros(2)}, file)
    return file.getvalue()


def torch_legacy() -> bytes:
    file = io.BytesIO()
    torch.save({"w": torch.zeros(2)}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


PICKLED = {
    "new.pt": torch_zip(),
    "old.ckpt": torch_legacy(),
    "plain.bin": pickle.dumps({"w": [1.0]}),
    "protocol 0.safetensors": pickle.dumps({"w": 1}, protocol=0),
    "protocol 1.safetensors": pickle.dumps({"w": 1}, protocol=1),
}


@pytest.mark.parametrize("name", PICKLED)
@pytest.mark.parametrize("read", [store.header, store.load_profile, store.read_profile_header])
def test_a_pickle_is_never_opened(read, name, tmp_path):
    (tmp_path / name).write_bytes(PICKLED[name])
    with pytest.raises(BadFile, match=r"Palate never unpickles: .* Convert it to safetensors") as e:
        read(tmp_path / name)
    assert str(e.value).startswith(f"{tmp_path / name} is a pickle or a zip")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"abc", "is not a safetensors file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "is not a safetensors file"),
        (b"GGUF\3\0\0\0" + bytes(90), "is not a safetensors file"),
    ],
)
def test_a_foreign_file_is_refused(content, says, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(BadFile) as caught:
        store.header(tmp_path / "x")
    assert str(caught.value).startswith(f"{tmp_path / 'x'} {says}")


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, says in (("none", "does not exist"), ("", "is a folder"), ("pipe", "not a regular")):
        with pytest.raises(BadFile, match=says):
            store.header(tmp_path / name)
    with pytest.raises(BadFile, match="cannot be read: embedded null byte"):
        store.header(tmp_path / "a\0b")
    with pytest.raises(BadFile, match="cannot be read: No such file"):
        store.fingerprint(tmp_path / "none")


def test_safetensors_of_others_are_refused(tmp_path):
    save_file({"w": torch.zeros(1)}, tmp_path / "a", metadata={"format": "pt"})
    with pytest.raises(BadFile, match="is a safetensors file, but not one that Palate wrote"):
        store.load(tmp_path / "a", kind="adapter")


def test_another_kind_is_refused(saved):
    with pytest.raises(BadFile, match="is of kind adapter; what is needed here is of kind profile"):
        store.load_profile(saved)


def test_a_later_version_is_refused(saved):
    with pytest.raises(NewerFile, match=r"version 3 .* reads up to 2\)\. Upgrade: pip install"):
        store.load(saved, kind="adapter", newest=2)


def test_one_changed_bit_is_noticed(saved):
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    store.header(saved)  # the header alone is fine
    with pytest.raises(BadFile, match="its content is not what its fingerprint says"):
        store.load(saved, kind="adapter", newest=3)


def test_no_beginning_of_a_file_passes_for_the_whole(saved):
    data = saved.read_bytes()
    for end in range(len(data)):
        saved.write_bytes(data[:end])
        with pytest.raises(BadFile):
            store.header(saved)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, 899), st.binary(min_size=1, max_size=5)), min_size=1, max_size=4
    ),
    cut=st.integers(0, 40),
)
def test_changed_bytes_give_the_same_profile_or_a_sentence(edits, cut, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "mutant.palate.safetensors"
    store.save_profile(path, PROFILE)
    data = bytearray(path.read_bytes())
    for at, new in edits:
        data[at : at + len(new)] = new
    path.write_bytes(data[: len(data) - cut])
    for read in (store.read_profile_header, store.load_profile):
        try:
            found = read(path)
        except BadFile as error:
            assert "mutant" in str(error)
        else:
            assert read is store.read_profile_header or store.profile_fingerprint(
                found
            ) == store.profile_fingerprint(PROFILE)


# Profiles

PROFILE = Profile(
    method=Mark(name="prefgen", fingerprint="ab" * 32),
    backbone=Mark(name="sketchbook-sdxl"),
    reader=Mark(name="sketchbook-reader", fingerprint="cd" * 32),
    tensors={"tokens": torch.randn(2, 3, generator=torch.Generator().manual_seed(1)).bfloat16()},
    words=(
        Word(text="warm", weight=0.1, category="palette", evidence="in 3 of 4 liked"),
        Word(text="ネオン \ud800", weight=-2),
    ),
    liked=4,
    disliked=2,
    made_at="2026-01-02T03:04:05Z",
)


def test_a_profile_comes_back_as_it_was(tmp_path):
    path = tmp_path / "anna.palate.safetensors"
    mark = store.save_profile(path, PROFILE)
    found = store.load_profile(path)
    assert replace(found, tensors={}) == replace(PROFILE, tensors={})
    assert same(found.tensors["tokens"], PROFILE.tensors["tokens"])
    assert mark == store.profile_fingerprint(found) == store.header(path).fingerprint


def test_a_profile_of_words_alone_comes_back(tmp_path):
    plain = replace(PROFILE, tensors={}, reader=None)
    store.save_profile(tmp_path / "p", plain)
    assert store.load_profile(tmp_path / "p") == plain


def test_a_word_without_evidence_is_kept_as_before_there_was_any(tmp_path):
    store.save_profile(tmp_path / "p", PROFILE)
    first, second = store.header(tmp_path / "p").config["words"]
    assert first["evidence"] == "in 3 of 4 liked" and "evidence" not in second


def test_when_a_profile_was_made_does_not_change_which_it_is():
    later = replace(PROFILE, made_at="2027-01-01T00:00:00Z")
    assert store.profile_fingerprint(later) == store.profile_fingerprint(PROFILE)


@pytest.mark.parametrize(
    "change",
    [
        {"liked": 5},
        {"words": ()},
        {"reader": None},
        {"backbone": Mark(name="sketchbook-flux")},
        {"tensors": {"tokens": torch.zeros(2, 3, dtype=torch.bfloat16)}},
        {"tensors": {"tokens": PROFILE.tensors["tokens"].float()}},
        {"tensors": {"tokens": PROFILE.tensors["tokens"].reshape(3, 2)}},
        {"tensors": {"keys": PROFILE.tensors["tokens"]}},
    ],
)
def test_whatever_else_changes_makes_another_profile(change):
    other = replace(PROFILE, **change)
    assert store.profile_fingerprint(other) != store.profile_fingerprint(PROFILE)


def test_a_profile_is_shown_without_torch(tmp_path):
    path = tmp_path / "p"
    store.save_profile(path, PROFILE)
    code = """
import sys
from pathlib import Path
from palate.store import header, read_profile_header
profile = read_profile_header(Path(sys.argv[1]))
print(profile.method.name, len(profile.words), len(profile.tensors), "torch" in sys.modules)
"""
    with python(code, path) as process:
        out, _ = process.communicate(timeout=30)
    assert out == "prefgen 2 0 False\n"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"method": "prefgen"},
        {"method": {"name": 1, "fingerprint": ""}},
        {"words": [{"text": "warm"}]},
        {"words": 3},
        {"liked": "4"},
        {"reader": []},
    ],
)
def test_a_profile_that_does_not_add_up_is_refused(config, tmp_path):
    store.save_profile(tmp_path / "p", PROFILE)
    whole = dict(store.header(tmp_path / "p").config) if config else {}
    store.save(tmp_path / "q", {}, kind="profile", config=whole | config)
    with pytest.raises(BadFile, match="what it says about the profile cannot be read"):
        store.read_profile_header(tmp_path / "q")
