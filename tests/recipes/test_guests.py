"""Measures of others in a comparison: invited by name, each sees a picture once, told like all."""

import json

import numpy as np
import pytest
import torch
from others_toy import (
    csd,
    keep_csd,
    keep_dino,
    keep_hpsv2,
    keep_imagereward,
    keep_inception,
    keep_lpips,
    lively,
)
from prefgen_toy import clip, keep, reader
from safetensors.torch import save_file
from typer.testing import CliRunner

from palate.backbones.encoders import StyleEncoder, Vgg
from palate.cli import app
from palate.errors import BadFile, BadInput, MissingPart, UnknownName
from palate.evals.scorers import ClipScorer, Lpips, Viper
from palate.recipes.comparing import Comparing
from palate.recipes.comparison.audience import Audience
from palate.recipes.comparison.guests import OPENERS, invited, seated
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import any_scene
from palate.sketchbook.words import prompt_of

SMALL = Comparing(people=2, prompts=2, history=2, steps=1)


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        (["aesthetic=x"], UnknownName, "No measure named 'aesthetic'. Known: csd, dino, hpsv2"),
        (["csd"], BadInput, "'csd' does not say where. Write each measure once.*csd=FOLDER"),
        (["csd=a", "csd=b"], BadInput, "'csd=b' is given twice"),
    ],
)
def test_an_invitation_says_whom_and_where(words, error, told):
    with pytest.raises(error, match=told):
        invited(words)


@pytest.mark.parametrize("name", list(OPENERS))
def test_whoever_lacks_weights_says_which_file_and_where(name, tmp_path):
    with pytest.raises(MissingPart, match=rf"{tmp_path}.*[Pp]ut (it|them) there"):
        invited([f"{name}={tmp_path}"])


def test_wrong_weights_are_named(tmp_path):
    file = tmp_path / "some.safetensors"
    save_file({"a": torch.ones(1)}, file)
    for name in ("csd", "inception"):
        with pytest.raises(BadFile, match=r"some\.safetensors does not hold"):
            invited([f"{name}={file}"])


def test_nothing_is_made_for_whoever_cannot_come(tmp_path):
    out = tmp_path / "out"
    words = ["words", "--backbone", "tiny-sdxl", "--with", f"pickscore={tmp_path}"]
    result = CliRunner().invoke(app, ["eval", "methods", *words, "--out", str(out)])
    told = " ".join(result.output.split())
    assert result.exit_code == MissingPart.exit_code and "pickscore needs config.json" in told
    assert not list(tmp_path.rglob("*.*"))


def test_the_help_names_all():
    told = CliRunner().invoke(app, ["eval", "methods", "--help"], env={"COLUMNS": "200"}).output
    assert all(name in told for name in OPENERS)


@pytest.fixture
def shown():
    audience = Audience(SMALL)
    wishes, _ = SMALL.asked()
    return audience, wishes, [draw(any_scene(row)) for row in range(len(wishes))]


class Counting(ClipScorer):
    """Counts the pictures that came by."""

    came = 0

    def score(self, prompts, pictures):
        """As ever."""
        self.came += len(pictures)
        return super().score(prompts, pictures)


def test_a_picture_is_scored_once_with_its_prompt(shown, tmp_path):
    audience, wishes, pictures = shown
    scorer = Counting(clip(), scaled=True)
    (guest,) = seated({"pickscore": scorer}, audience, tmp_path)
    prompts = [prompt_of(wish.content) for wish in wishes]
    expected = ClipScorer(clip(), scaled=True).score(prompts, pictures).numpy()
    assert guest.look(pictures, wishes)["pickscore"] == pytest.approx(expected)
    guest.look(pictures[::-1], wishes[::-1])
    assert scorer.came == 4
    found = guest.look(pictures[:1], wishes[1:2])["pickscore"]  # the same picture, another prompt
    assert scorer.came == 5 and found != pytest.approx(expected[:1])
    guest.save()
    (again,) = seated({"pickscore": scorer}, audience, tmp_path)
    assert again.look(pictures, wishes)["pickscore"] == pytest.approx(expected)
    assert scorer.came == 5 and again.eye.encoder.name == "toy-clip"


def test_viper_is_told_of_each_picture_s_own_person(shown, tmp_path):
    audience, wishes, pictures = shown
    one = Viper(reader(), yes="yes", no="no")
    (guest,) = seated({"viper": one}, audience, tmp_path)
    found = guest.look(pictures, wishes)["viper"]
    for person in audience.people:
        rows = [row for row, wish in enumerate(wishes) if wish.person == person]
        sides = audience.liked(person), audience.disliked(person)
        expected = one.score(*sides, [pictures[row] for row in rows])
        assert found[rows] == pytest.approx(expected.numpy(), abs=1e-6)


def test_lpips_is_to_the_prompt_as_its_person_likes_it(shown, tmp_path):
    audience, wishes, pictures = shown
    vgg = lively(Vgg(((4, 1), (6, 1)), side=32))
    one = Lpips(vgg, [torch.ones(4), torch.ones(6)])
    (guest,) = seated({"lpips": one}, audience, tmp_path)
    like = [audience.wanted(wish) for wish in wishes]
    found = guest.look([like[0], *pictures[1:]], wishes)
    assert found["lpips"][0] == found["vgg-style"][0] == 0
    expected = one.score(pictures[1:], like[1:], at_once=1).numpy()
    assert np.stack([found["lpips"], found["vgg-style"]], 1)[1:] == pytest.approx(
        expected, rel=1e-4
    )
    person = audience.people[wishes[0].person]
    hidden = [scene.look for scene in person.liked[SMALL.history :]]
    drawn = [draw(any_scene(0)), *(draw(scene) for scene in person.liked[SMALL.history :])]
    assert len(set(hidden)) > 1 and not any(np.array_equal(like[0], one) for one in drawn)


def test_csd_is_likeness_to_what_was_shown(shown, tmp_path):
    audience, wishes, pictures = shown
    save_file(csd()[2], tmp_path / "csd.safetensors")
    eye = StyleEncoder.from_file(tmp_path / "csd.safetensors")
    (guest,) = seated(invited([f"csd={tmp_path}"]), audience, tmp_path)
    found = guest.look(pictures, wishes)["csd"]
    for row, wish in enumerate(wishes):
        cosines = eye.see(pictures[row : row + 1]) @ eye.see(audience.liked(wish.person)).T
        assert found[row] == pytest.approx(100 * cosines.mean().item(), abs=1e-3)


@pytest.mark.slow
def test_guests_are_told_like_all_and_may_come_later(tmp_path):
    """Real sizes of VGG and Inception; four pictures in all."""
    weights = keep(tmp_path / "toys")
    toy_clip, out = weights.parent / "toy-clip", tmp_path / "out"
    words = ["eval", "methods", f"prefgen={weights}", "--backbone", "tiny-sdxl", "--steps", "1"]
    words += ["--clip", str(toy_clip), "--people", "2", "--prompts", "1", "--history", "1"]

    def asked(*guests):
        more = [word for guest in guests for word in ("--with", guest)]
        result = CliRunner().invoke(app, [*words, *more, "--out", str(out), "--json"])
        assert result.exit_code == 0, result.output
        return json.loads((out / "results.json").read_bytes())

    assert "csd" not in asked()["ways"][1]["measures"]
    before = {
        file: file.stat().st_mtime_ns for file in out.rglob("*.png") if "pictures" in str(file)
    }
    facts = asked(
        f"pickscore={toy_clip}", f"hpsv2={keep_hpsv2(tmp_path / 'hps')}",
        f"hpsv2.1={tmp_path / 'hps'}",
        f"imagereward={keep_imagereward(tmp_path / 'imagereward')}",
        f"dino={keep_dino(tmp_path / 'dino')}", f"csd={keep_csd(tmp_path / 'csd')}",
        f"lpips={keep_lpips(tmp_path / 'lpips')}",
        f"inception={keep_inception(tmp_path / 'inception') / 'inception.safetensors'}",
    )  # fmt: skip
    after = {file: file.stat().st_mtime_ns for file in before}
    assert len(before) == 4 and before == after
    each = {"pickscore", "hpsv2", "hpsv2.1", "imagereward", "csd", "dino", "lpips", "vgg-style"}
    for way in facts["ways"]:
        assert each | {"fid", "kid-inception"} <= way["measures"].keys()
        assert way["measures"]["fid"]["name"] == "FID" and way["measures"]["fid"]["value"] > 0
        assert way["measures"]["csd"]["encoder"]["name"] == "csd-vit-l"
    rows = {row["metric"]: row for row in facts["differences"]}
    assert each <= rows.keys() and all(rows[metric]["holm"] >= rows[metric]["p"] for metric in each)
    assert {row["metric"] for row in facts["differences of sets"]} == {"fd", "cmmd", "fid"}
    assert {"pickscore", "inception"} <= facts["eyes"].keys() and facts["floors"]["fid"]
    table, page = ((out / name).read_text() for name in ("table.txt", "report.html"))
    for title in (
        "PickScore",
        "HPSv2.1",
        "ImageReward",
        "CSD",
        "DINO-I",
        "LPIPS",
        "FID",
        "In the eyes of",
    ):
        assert title in table and title in page
    assert "--with csd=" in facts["made"]["command"] and "over people and prompts" in table
