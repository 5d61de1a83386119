import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from palate.cli import app
from palate.data.folder import taste_from_folder
from palate.images import open_picture
from palate.sketchbook.drawing import draw
from palate.sketchbook.words import scene_of


def run(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_draw_makes_what_the_prompt_says(tmp_path):
    prompt = "a cat above a cup, watercolor"
    answer = run("data", "draw", prompt, "-n", 2, "--seed", 5, "--out", tmp_path, "--json")
    facts = json.loads(answer.stdout)
    assert facts["files"] == ["0000-a-cat-above-a-cup.png", "0001-a-cat-above-a-cup.png"]
    for i, name in enumerate(facts["files"]):
        np.testing.assert_array_equal(
            open_picture(tmp_path / name), draw(scene_of(prompt, seed=5 + i))
        )
    captions = (tmp_path / "metadata.csv").read_text().splitlines()
    assert captions[0].startswith("file_name,prompt")
    assert captions[1].startswith("0000-a-cat-above-a-cup.png,")
    assert "watercolor" in captions[1]
    assert (tmp_path / "sheet.png").exists()


def test_a_person_is_a_taste_folder(tmp_path):
    answer = run("data", "person", 125, "--pairs", 3, "--out", tmp_path / "mine")
    assert answer.exit_code == 0
    assert "likes most: cool, clear air, wide shot" in answer.stdout
    taste = taste_from_folder(tmp_path / "mine")
    assert (len(taste.liked), len(taste.disliked)) == (3, 3)
    assert all(example.prompt for example in taste.liked)


def test_the_example_taste_is_person_125():
    drawn = taste_from_folder(Path("examples/taste"))
    assert (len(drawn.liked), len(drawn.disliked)) == (8, 8)


def test_agents_say_how_many(tmp_path):
    answer = run("data", "agents", "--people", 100, "--out", tmp_path / "people", "--json")
    facts = json.loads(answer.stdout)
    assert (facts["people"], facts["pictures"], facts["shards"]) == (100, 1976, 2)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["data", "draw", "a dragon"], "names no subject of the drawn world"),
        (["data", "draw", "--size", "20000"], "32 to 1024 are allowed"),
        (["data", "agents", "--people", "0", "--out", "x"], "at least 1"),
        (["data", "check", "nowhere"], "There is nothing at nowhere"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(words, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = run(*words)
    assert answer.exit_code == 2
    assert complaint in answer.stderr
    assert "Traceback" not in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_doctor_finds_this_machine_ready():
    answer = run("doctor", "--json")
    facts = json.loads(answer.stdout)
    assert (answer.exit_code, facts["problems"]) == (0, [])
    assert facts["parts"]["palate[data]"]["daft"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a small disk")
def test_a_full_disk_is_said_and_leaves_no_half_file(tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", tmp_path])
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    try:
        answer = run("data", "draw", "-n", 20, "--out", tmp_path / "drawn")
        assert answer.exit_code == 2
        assert "There is no space to write" in answer.stderr
        for picture in (tmp_path / "drawn").iterdir():
            open_picture(picture)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.slow
def test_ctrl_c_during_a_long_build_leaves_it_resumable(tmp_path):
    out = tmp_path / "people"
    command = [sys.executable, "-m", "palate", "data", "agents", "--people", "60000"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    build = subprocess.Popen([*command, "--out", str(out)], stderr=subprocess.PIPE, env=environment)
    while not (out / "people-00001.parquet").exists():
        time.sleep(0.02)
    build.send_signal(signal.SIGINT)
    _, said = build.communicate(timeout=60)
    assert build.returncode == 2, said
    assert b"run the same command again" in said
    assert not (out / "manifest.json").exists()
    assert not list(out.glob(".*.part"))
    kept = {p.name: p.stat().st_mtime_ns for p in out.glob("*.parquet")}
    subprocess.run([*command, "--out", str(out)], check=True, capture_output=True, env=environment)
    again = {p.name: p.stat().st_mtime_ns for p in out.glob("*.parquet")}
    assert len(again) == 12
    assert again.items() >= kept.items()
