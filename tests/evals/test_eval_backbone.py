"""The measure of a backbone: fair questions, honest marks, and a whole run on a toy."""

import json
from collections import Counter
from math import isfinite
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from palate.backbones import catalog
from palate.backbones.judges import Judge, Sight
from palate.backbones.tiny import tiny_flux, tiny_sdxl
from palate.cli import app
from palate.cli.evaluating import _held_out
from palate.data.agents import split_of_contents
from palate.errors import BadInput
from palate.evals.backbone import (
    Right,
    decibel,
    evaluate,
    figures_of,
    questions,
    right,
    round_trips,
)
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import CONTENTS, any_scene, look_to_codes
from palate.sketchbook.vocabulary import DIMENSIONS, SIZES
from palate.sketchbook.words import read


@pytest.fixture(scope="module")
def judge() -> Judge:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Judge(widths=(16, 16, 16, 16, 16)).eval()


def test_questions_are_fair() -> None:
    asked = questions(CONTENTS[:10], 30, seed=3)
    assert Counter(q.scene.content for q in asked) == dict.fromkeys(CONTENTS[:10], 3)
    assert Counter(name for q in asked for name in q.named) == dict.fromkeys(DIMENSIONS, 10)
    assert len({q.seed for q in asked}) == len({q.scene.look for q in asked}) == 30
    for q in asked:
        said = read(q.prompt)
        assert (said.content, said.strange) == (q.scene.content, ())
        assert dict(said.values) == {name: q.scene[name] for name in q.named}


def test_questions_do_not_depend_on_how_many_there_are() -> None:
    assert questions(CONTENTS, 5) == questions(CONTENTS, 50)[:5]
    assert questions(CONTENTS, 5, seed=1) != questions(CONTENTS, 5)
    with pytest.raises(BadInput, match="0 pictures of 408 prompts"):
        questions(CONTENTS, 0)


def test_the_prompts_are_the_held_out_ones() -> None:
    held_out = _held_out()
    test = {CONTENTS[i].arrangement for i in np.flatnonzero(split_of_contents() == 2)}
    assert {c.arrangement for c in held_out} == test
    train = {CONTENTS[i].arrangement for i in np.flatnonzero(split_of_contents() == 0)}
    assert not test & train


class Oracle(Judge):
    """Sees what it was told to see."""

    def __init__(self, sight: Sight) -> None:
        super().__init__(widths=(8, 8))
        self.sight = sight

    def look_at(self, pictures: np.ndarray) -> Sight:
        return self.sight


def test_marks_by_hand() -> None:
    asked = questions(CONTENTS[12:14], 3)  # every dimension is named once
    looks = np.array([look_to_codes(q.scene.look) for q in asked], np.uint8)
    first, unnamed = ([i for i, d in enumerate(DIMENSIONS) if (d in asked[0].named) == is_named]
                      for is_named in (True, False))  # fmt: skip
    looks[0, first[0]] = (looks[0, first[0]] + 1) % SIZES[first[0]]  # asked for, and wrong
    looks[0, unnamed[0]] = (looks[0, unnamed[0]] + 1) % SIZES[unnamed[0]]  # nobody asked
    arrangements = [q.scene.content.arrangement for q in asked]
    arrangements[2] = ("alone", "cup")
    sight = Sight(looks=looks, arrangements=tuple(arrangements))
    seen = right(Oracle(sight), np.zeros((3, 8, 8, 3), np.uint8), asked)
    assert seen.content.tolist() == [True, True, False]
    assert (~seen.values).sum() == 2
    found, worst = figures_of(seen, asked, seed=0)
    assert found["content right"].value == pytest.approx(2 / 3)
    assert found["attributes right"].value == pytest.approx(11 / 12)
    assert (found["attributes right"].n, found["attributes right"].units) == (12, 2)
    assert worst == list(DIMENSIONS)[first[0]]
    assert found["worst attribute right"] == found[f"{worst} right"]
    assert found[f"{worst} right"].value == 0
    others = [found[f"{d} right"].value for d in DIMENSIONS if d != worst]
    assert others == [1.0] * 11


def test_dimensions_that_nobody_asked_about_have_no_figure() -> None:
    asked = questions(CONTENTS, 1)
    seen = Right(content=np.array([True]), values=np.ones((1, 12), bool))
    found, _ = figures_of(seen, asked, seed=0)
    assert len(found) == 3 + 4


def test_decibels_by_hand() -> None:
    assert decibel(255.0**2) == 0.0
    assert decibel(65.025) == pytest.approx(30.0)
    assert decibel(0.0) == decibel(1 / 12) == pytest.approx(58.9, abs=0.1)


def test_a_round_trip_is_what_the_stock_autoencoder_makes_of_it() -> None:
    model, scene = tiny_sdxl(), any_scene(1)
    (found,) = round_trips(model, [scene], 64)
    before = torch.from_numpy(draw(scene, 64).copy()).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        after = model.pipe.vae(before).sample  # encode to the mode, and decode
    bytes_after = ((after + 1) * 127.5).clamp(0, 255).round()
    error = ((bytes_after - (before + 1) * 127.5) ** 2).mean()
    assert found == pytest.approx(decibel(float(error)), abs=1e-3)
    many = round_trips(model, [any_scene(i) for i in range(10)], 64)
    assert many[1] == pytest.approx(found, abs=1e-3)


@pytest.mark.parametrize("build", [tiny_sdxl, tiny_flux])
def test_a_whole_run_gives_every_figure_an_interval(build, judge: Judge) -> None:
    ticks = []
    report = evaluate(
        build(), judge, CONTENTS[:20], count=12, steps=1,
        on_picture=lambda done, of: ticks.append((done, of)),
    )  # fmt: skip
    assert ticks == [(8, 12), (12, 12)]
    assert {name: figure.n for name, figure in report.figures.items()} == {
        "content right": 12, "attributes right": 48, "worst attribute right": 4,
        **{f"{name} right": 4 for name in DIMENSIONS},
        "seconds a picture, one at a time": 5, "seconds a picture, 8 at once": 2,
        "VAE round trip, dB": 12, "judge: content right": 12, "judge: attributes right": 144,
        "judge: worst attribute right": 12,
    }  # fmt: skip
    for name, figure in report.figures.items():
        assert isfinite(figure.low) and figure.low <= figure.value <= figure.high, name
    assert (report.request.steps, report.request.width) == (1, 64)
    assert len(report.table().splitlines()) >= 2 + len(report.figures)


def test_the_same_seed_finds_the_same(judge: Judge) -> None:
    model = tiny_sdxl()
    once, again = (evaluate(model, judge, CONTENTS[:4], count=3, steps=1) for _ in range(2))

    def seen(report):
        return {n: f for n, f in report.figures.items() if "seconds" not in n}

    assert seen(once) == seen(again)
    assert once.judge == again.judge and once.judge.fingerprint


def test_the_command_writes_a_record_and_a_table(tmp_path: Path, judge: Judge) -> None:
    judge.save_pretrained(tmp_path / "judge")
    words = ["eval", "backbone", "tiny-sdxl", "--judge", str(tmp_path / "judge"), "--prompts", "3"]
    words += ["--steps", "1", "--out", str(tmp_path / "found.json"), "--json"]
    answer = CliRunner().invoke(app, words)
    assert (answer.exit_code, answer.stderr) == (0, "")
    facts = json.loads(answer.stdout)
    assert facts.pop("out") == str(tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text()) == facts
    assert (facts["backbone"]["name"], facts["steps"]) == ("tiny-sdxl", 1)
    assert facts["figures"]["content right"]["n"] == 3
    assert "content right" in (tmp_path / "found.txt").read_text()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nope", "--judge", "JUDGE"], "No sdxl or flux model named 'nope'"),
        (["tiny-sdxl", "--judge", "./nowhere"], "There is no folder ./nowhere"),
        (["tiny-sdxl"], "palate train sketchbook-judge` and name the folder"),
        (["tiny-sdxl", "--judge", "JUDGE", "--steps", "0"], "steps is 0"),
        (["tiny-sdxl", "--out", "judge/config.json/x"], "config.json is a file. Give another"),
    ],
)
def test_what_cannot_be_is_a_sentence(words, complaint, tmp_path, judge, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalog, "BUILT_IN", tmp_path / "weights")
    judge.save_pretrained(tmp_path / "judge")
    answer = CliRunner().invoke(
        app, ["eval", "backbone", *(str(tmp_path / "judge") if w == "JUDGE" else w for w in words)]
    )
    assert answer.exit_code == 2
    assert complaint in answer.stderr
    assert not (tmp_path / "out").exists()
