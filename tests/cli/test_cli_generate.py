"""`palate generate` with toys: the right files, the same pictures, and nothing half-made."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from palate import store
from palate.backbones import catalog
from palate.backbones.tiny import tiny_sdxl
from palate.cli import app
from palate.errors import MissingPart, NoSpace, Unfinished
from palate.images import open_picture, read_provenance, request_of, to_png

TINY = ["--backbone", "tiny-sdxl", "--steps", "2"]


@pytest.fixture(autouse=True)
def one_model(monkeypatch: pytest.MonkeyPatch, model) -> None:
    """Built once, for speed."""
    load = catalog.backbone
    monkeypatch.setattr(
        catalog, "backbone", lambda name: model if name == "tiny-sdxl" else load(name)
    )


@pytest.fixture(scope="module")
def model():
    return tiny_sdxl()


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def generate(out: Path, *words: object) -> dict:
    answer = run("generate", *TINY, "--out", out, "--json", *words)
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_every_prompt_gets_its_pictures_and_their_records(tmp_path: Path) -> None:
    facts = generate(
        tmp_path, "a cat above a cup, watercolor", "Ein Öl-Bild!", "-n", 2, "--seed", 7
    )
    assert facts["files"] == [
        "0000-a-cat-above-a-cup.png", "0001-a-cat-above-a-cup.png",
        "0002-ein-öl-bild.png", "0003-ein-öl-bild.png",
    ]  # fmt: skip
    assert facts["seeds"] == [7, 8, 7, 8]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*facts["files"], "sheet.png"])
    request = request_of(read_provenance(tmp_path / facts["files"][3]))
    assert (request.prompt, request.seed, request.steps) == ("Ein Öl-Bild!", 8, 2)
    assert (request.width, request.height, request.guidance) == (64, 64, 5.0)
    sheet = open_picture(tmp_path / "sheet.png")
    assert sheet.shape == (2 * 70 + 6, 230 + 2 * 70 + 6, 3)
    np.testing.assert_array_equal(
        sheet[76:140, 306:370], open_picture(tmp_path / facts["files"][3])
    )
    assert (sheet[:70, :230] < 200).any() and (sheet[76:, :230] < 200).any()  # words beside both


def test_a_record_makes_the_picture_again(tmp_path: Path, model) -> None:
    (file,) = generate(tmp_path, "a cat", "--size", "64x96", "--negative", "blue")["files"]
    request = request_of(read_provenance(tmp_path / file))
    (again,) = model.sample([request])
    assert again.pixels.shape == (96, 64, 3)
    np.testing.assert_array_equal(again.pixels, open_picture(tmp_path / file))


def test_the_batch_a_picture_rides_in_does_not_change_it(tmp_path: Path) -> None:
    together = generate(tmp_path / "all", "a cat", "-n", 3, "--seed", 4)["files"]
    for i, file in enumerate(together):
        (alone,) = generate(tmp_path / str(i), "a cat", "--seed", 4 + i)["files"]
        one, other = (open_picture(p).astype(int) for p in (
            tmp_path / "all" / file, tmp_path / str(i) / alone,
        ))  # fmt: skip
        assert abs(one - other).max() <= 1


def test_without_private_text_no_file_tells_the_prompt(tmp_path: Path) -> None:
    files = generate(tmp_path, "my secret", "-n", 2, "--no-prompts")["files"]
    assert files == ["0000.png", "0001.png"]
    assert not any(b"secret" in path.read_bytes() for path in tmp_path.iterdir())
    assert read_provenance(tmp_path / "0000.png")["seed"] == 0
    left = open_picture(tmp_path / "sheet.png")[30:, :230]
    assert (left == 255).all()  # below the seeds there is nothing


def test_what_did_not_fit_is_said_once(tmp_path: Path) -> None:
    prompt = "a cat " * 20 + "and a dog"
    answer = run("generate", *TINY, "--out", tmp_path, "-n", 2, "--json", prompt)
    cut = json.loads(answer.stdout)["cut"]
    assert list(cut) == [prompt]
    assert cut[prompt].endswith("dog")
    assert answer.stderr.count("too long for the model") == 1
    assert "dog" in answer.stderr
    long_negative = run("generate", *TINY, "--out", tmp_path, "--negative", prompt, "x")
    assert long_negative.stderr.count("too long for the model") == 1


def test_a_pipe_hears_nothing_but_the_result(tmp_path: Path) -> None:
    answer = run("generate", *TINY, "--out", tmp_path, "a cat")
    assert (answer.stderr, answer.stdout.count("\n")) == ("", 1)


def test_a_terminal_sees_every_step_counted(tmp_path: Path, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(
        "palate.cli.generating.progress", lambda what: lambda done, of: seen.append((done, of))
    )
    generate(tmp_path, "a cat", "-n", 9)  # eight go together, then one
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--size", "68"], "this model makes multiples of 8. Nearest: 64 and 72"),
        (["--size", "64x"], "Write it as 512, or as 640x384"),
        (["--size", "8000"], "at most 4096 pixels"),
        (["--size", "0"], "width is 0; it must be at least 1"),
        (["--steps", "0"], "steps is 0"),
        (["--guidance", "nan"], "guidance is nan"),
        (["--guidance", "1", "--negative", "blue"], "'blue' would not be heard"),
        (["--backbone", "nope"], "Known: flux-dev, flux-schnell"),
        (["--out", "file/deeper"], "is a file. Give another folder"),
        (["\udcff"], "is not text in UTF-8"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    words, complaint, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    answer = run("generate", "a cat", *TINY, *words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert complaint in answer.stderr
    assert os.listdir() == ["file"]


def test_weights_that_are_not_here_say_how_to_make_them(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(catalog, "BUILT_IN", tmp_path / "weights")
    answer = run("generate", "a cat", "--out", tmp_path / "out")
    assert answer.exit_code == MissingPart.exit_code
    assert (
        "palate train sketchbook-sdxl` and name the folder out/train/sketchbook-sdxl/model"
        in answer.stderr
    )
    assert not (tmp_path / "out").exists()


def test_ctrl_c_keeps_what_is_done(tmp_path: Path, monkeypatch) -> None:
    def stop(done: int, of: int) -> None:
        if done == 3:  # in the second batch
            raise KeyboardInterrupt

    monkeypatch.setattr("palate.cli.generating.progress", lambda what: stop)
    answer = run("generate", *TINY, "--out", tmp_path, "-n", 11, "a cat")
    assert (answer.exit_code, answer.stdout) == (Unfinished.exit_code, "")
    assert f"Stopped with 8 of 11 pictures done; those are whole, in {tmp_path}" in answer.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{i:04d}-a-cat.png" for i in range(8)]
    assert [read_provenance(p)["seed"] for p in sorted(tmp_path.iterdir())] == list(range(8))


def test_a_full_disk_is_a_sentence_and_leaves_what_was_whole(tmp_path: Path, monkeypatch) -> None:
    write = store.write_bytes

    def full(path: Path, data: bytes) -> None:
        if path.name.startswith("0002"):
            raise NoSpace(f"There is no space to write {path}.")
        write(path, data)

    monkeypatch.setattr(store, "write_bytes", full)
    answer = run("generate", *TINY, "--out", tmp_path, "-n", 3, "a cat")
    assert answer.exit_code == NoSpace.exit_code
    assert "There is no space to write" in answer.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0000-a-cat.png", "0001-a-cat.png"]


def test_show_tells_how_a_picture_was_made(tmp_path: Path) -> None:
    (file,) = generate(tmp_path, "a cat\x1b[31m")["files"]
    answer = run("show", tmp_path / file)
    told = dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())
    assert told["prompt"] == "a cat\\x1b[31m"  # not a colour
    assert told["backbone"].startswith("tiny-sdxl (")
    assert "method" not in told
    facts = json.loads(run("show", tmp_path / file, "--json").stdout)
    assert facts == read_provenance(tmp_path / file)


def test_show_says_plainly_when_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "theirs.png").write_bytes(to_png(np.zeros((8, 8, 3), np.uint8)))
    Image.new("RGB", (8, 8)).save(tmp_path / "photo.jpg")
    for name in ("theirs.png", "photo.jpg"):
        answer = run("show", tmp_path / name)
        assert answer.exit_code == 2
        assert f"{name} does not say how it was made" in answer.stderr
    assert run("show", tmp_path / "nothing.png").exit_code == 2


@pytest.mark.slow
def test_a_real_ctrl_c_in_a_real_process(tmp_path: Path) -> None:
    words = ["generate", "a cat", "--backbone", "tiny-sdxl", "--steps", "200", "-n", "400"]
    process = subprocess.Popen(
        [sys.executable, "-m", "palate", *words, "--out", str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "0000-a-cat.png").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == Unfinished.exit_code, said
    assert b"palate: Stopped with" in said and b"Traceback" not in said
    made = sorted(tmp_path.iterdir())
    assert made and all(path.suffix == ".png" for path in made)
    assert [read_provenance(path)["seed"] for path in made] == list(range(len(made)))
