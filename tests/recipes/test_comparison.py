"""Ways to make pictures, held against one another in one run: parsed, counted and kept."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from prefgen_toy import clip, keep, prefgen, reader
from typer.testing import CliRunner

from palate.backbones.catalog import judge
from palate.backbones.clips import Clip
from palate.backbones.encoders import JudgeEncoder
from palate.backbones.reader import Reader
from palate.backbones.tiny import tiny_flux, tiny_sdxl
from palate.cli import app
from palate.errors import BadInput, Mismatch, NoSpace, Unfinished, UnknownName
from palate.evals.measures import Seen
from palate.evals.taste import Wish
from palate.images import read_provenance
from palate.recipes.comparing import Comparing
from palate.recipes.comparison.audience import Audience
from palate.recipes.comparison.clock import Clock
from palate.recipes.comparison.judging import Eyes, Judging, Looked
from palate.recipes.comparison.making import AT_ONCE, Making
from palate.recipes.comparison.pairs import differences
from palate.recipes.comparison.question import begin
from palate.recipes.comparison.run import run
from palate.recipes.comparison.ways import Said, Way, parsed, whole
from palate.sketchbook.scenes import Content

USUAL = "sketchbook-sdxl"
SMALL = Comparing(people=5, prompts=2, history=2, steps=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("words", Said(method="words", backbone=USUAL)),
        ("instant@0.5", Said(method="instant", backbone=USUAL, strength=0.5)),
        (
            "prefgen=~/my.weights/x@1.5~.5",
            Said(
                method="prefgen", backbone=USUAL, folder="~/my.weights/x", strength=1.5, avoid=0.5
            ),
        ),
        ("premier:org/flux@2", Said(method="premier", backbone="org/flux", strength=2.0)),
        (
            "premier=a/b:out/flux/model",
            Said(method="premier", backbone="out/flux/model", folder="a/b"),
        ),
        ("words@0.12345671", Said(method="words", backbone=USUAL, strength=0.12345671)),
        ("words=readers/at@home", Said(method="words", backbone=USUAL, folder="readers/at@home")),
        ("plain:tiny-flux", Said(method="plain", backbone="tiny-flux")),
    ],
)
def test_a_way_is_said_in_one_word(text, said):
    assert parsed(text, USUAL) == said
    assert parsed(said.name(USUAL, whole=True), USUAL) == said


@pytest.mark.parametrize(
    ("texts", "error", "told"),
    [
        (["words@-1"], BadInput, "strength is -1.0; it must be 0"),
        (["words@inf"], BadInput, "strength is inf; it must be 0"),
        (["words~-0.5"], BadInput, "avoid is -0.5; it must be 0"),
        (["words@loud"], BadInput, "'words@loud' is no way to make pictures. Write METHOD"),
        (["wrods"], UnknownName, "No method named 'wrods'. Known: instant, ip-adapter, plain"),
        (["plain@2"], BadInput, "the base model alone has no weights and no strength"),
        (["words", "words@1.0"], BadInput, "words is given twice"),
        (["plain"], BadInput, "Only plain would be made, and nothing to hold it against"),
    ],
)
def test_what_is_no_way_is_said(texts, error, told):
    with pytest.raises(error, match=told.replace("(", r"\(")):
        whole(texts, USUAL)


def test_base_models_ride_along_and_names_are_short():
    asked = ["words", "premier:flux@0.5", "prefgen=a", "prefgen=b~1", "prefgen=c"]
    assert list(whole(asked, USUAL)) == [
        *("plain", "plain:flux", "words", "premier:flux@0.5"),
        *("prefgen=a", "prefgen~1", "prefgen=c"),
    ]
    assert list(whole(["plain", "plain:flux"], USUAL)) == ["plain", "plain:flux"]


def test_another_setting_is_another_folder():
    model = tiny_sdxl()
    base, again = Way(name="plain", backbone=model), Way(name="plain", backbone=tiny_sdxl())
    assert base.key() == again.key() != base.key(steps=1)
    assert base.key() != Way(name="plain", backbone=tiny_sdxl(seed=1)).key()


def looked(taste):
    each = {name: np.zeros(4) for name in ("content", "mood")}
    seen = Seen(points=torch.eye(4))
    return Looked(each={"taste": np.array(taste), **each}, seen=seen, moods=("calm",) * 4)


def test_differences_are_picture_by_picture_and_people_are_turned():
    """Two people gain 0.2 and 0.4 on two pictures each: of four ways to turn them, two are as
    far from 0, so p is 1/2; the smaller p of three ways takes Holm's factor of three."""
    ways = {
        "plain": looked([0.1, 0.3, 0.2, 0.2]),
        "loud": looked([0.3, 0.5, 0.6, 0.6]),
        "same": looked([0.1, 0.3, 0.2, 0.2]),
    }
    over = [1, 1, 2, 2], ["a", "b", "c", "d"]
    rows = {(r["metric"], r["way"], r["other"]): r for r in differences(ways, over)}
    gain = rows["taste", "loud", "plain"]
    assert (gain["value"], gain["p"], gain["better"]) == (pytest.approx(0.3), 0.5, 1.0)
    assert (gain["low"], gain["high"]) == (pytest.approx(0.2), pytest.approx(0.4))
    assert gain["holm"] == 1.0 and gain["units"] == 2
    assert rows["taste", "same", "loud"]["value"] == pytest.approx(-0.3)
    assert rows["content", "same", "plain"]["better"] == 0.5
    assert "prefdisc" not in {metric for metric, _, _ in rows}


def test_prompts_that_people_share_widen_a_difference() -> None:
    """Two people with the same two prompts, of which one gains 0.4 and the other nothing: people
    are alike, and all that is known of prompts is two."""
    ways = {"plain": looked([0.1] * 4), "loud": looked([0.1, 0.5, 0.1, 0.5])}
    for prompts, low in ((["a", "b", "c", "d"], 0.2), (["a", "b", "a", "b"], 0.0)):
        (row, *_) = differences(ways, ([1, 1, 2, 2], prompts))
        assert row["value"] == pytest.approx(0.2)
        assert row["low"] == pytest.approx(low, abs=0.02)


def test_what_was_shown_comes_before_what_was_kept():
    audience = Audience(SMALL)
    number = SMALL.numbers()[0]
    assert len(audience.taste(number).liked) == len(audience.liked(number)) == 2
    shown = {picture.tobytes() for picture in audience.liked(number)}
    assert not shown & {picture.tobytes() for picture in audience.kept(number)}
    more = Audience(Comparing(people=5, history=3))
    assert more.people[number].liked[:2] == audience.shown(number).liked


def test_a_folder_keeps_to_its_question(tmp_path):
    ways = [Way(name=name, backbone=tiny_sdxl()) for name in ("plain", "plain:other")]
    begin(tmp_path, ways, SMALL)
    begin(tmp_path, ways, SMALL)
    with pytest.raises(Mismatch, match="holds another question: people is 5 there and 4 here"):
        begin(tmp_path, ways, Comparing(people=4, prompts=2, history=2, steps=1))
    with pytest.raises(BadInput, match="1 ways cannot be compared"):
        begin(tmp_path, ways[:1], SMALL)


def test_only_batches_that_are_whole_count(tmp_path):
    way, audience = Way(name="plain", backbone=tiny_sdxl()), Audience(SMALL)

    def made():
        """Pictures, and which batches had to be made."""
        clock = Clock()
        making = Making(way, audience, tmp_path, clock)
        before = {file: file.stat().st_ino for file in making.files() if file.exists()}
        pictures = making.pictures()
        anew = [file.stat().st_ino != before.get(file) for file in making.files()]
        return making, pictures, (any(anew[:AT_ONCE]), any(anew[AT_ONCE:])), clock.spent

    making, first, anew, _ = made()
    assert anew == (True, True) and len(first) == 10 > AT_ONCE
    files = making.files()
    assert read_provenance(files[3])["seed"] == making.requests[3].seed
    assert made()[2:] == ((False, False), {})
    files[9].unlink()
    assert made()[2] == (False, True)
    files[2].write_bytes(b"\x89PNG harmed")
    _, again, anew, _ = made()
    assert anew == (True, False)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    (making.folder / "seconds.json").write_text("[]")  # nobody knows what it took
    assert made()[2] == (True, True)


def test_a_full_disk_is_a_sentence_and_the_run_goes_on(small_disk):
    making = Making(Way(name="plain", backbone=tiny_sdxl()), Audience(SMALL), small_disk, Clock())
    with pytest.raises(NoSpace, match="There is no space to write"):
        making.pictures()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert len(making.pictures()) == 10
    assert all(file.is_file() for file in making.files())


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    return keep(tmp_path_factory.mktemp("toys"))


def command(toys, out):
    words = ["eval", "methods", f"prefgen={toys}@1.5", "--backbone", "tiny-sdxl", "--steps", "1"]
    words += ["--clip", str(toys.parent / "toy-clip"), "--reader", str(toys.parent / "toy-reader")]
    return [
        *words,
        "--people",
        "5",
        "--prompts",
        "2",
        "--history",
        "1",
        "--out",
        str(out),
        "--json",
    ]


def asked(toys, out):
    result = CliRunner().invoke(app, command(toys, out))
    assert result.exit_code == 0, result.output
    return json.loads((out / "results.json").read_bytes())


def kill_after(words, out, pictures):
    """In a process of its own, killed when so many pictures lie there."""
    process = subprocess.Popen(
        [sys.executable, "-m", "palate", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 300
        while len(list(out.rglob("*.png"))) < pictures and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == -signal.SIGKILL, said


def numbers(facts):
    """All that must not change: seconds do."""
    ways = [
        {
            name: value
            for name, value in way["measures"].items()
            if name not in ("seconds", "reading")
        }
        for way in facts["ways"]
    ]
    return ways, facts["differences"], facts["differences of sets"], facts["floors"]


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(toys, tmp_path):
    one, other = tmp_path / "whole", tmp_path / "killed"
    facts = asked(toys, one)
    kill_after(
        command(toys, other), other, 13
    )  # ten plain ones, then some of prefgen's first batch
    assert not (other / "results.json").exists()
    assert numbers(asked(toys, other)) == numbers(facts)
    plain, prefgen = facts["ways"]
    assert (plain["name"], prefgen["name"], prefgen["against"]) == ("plain", "prefgen@1.5", "plain")
    assert set(prefgen["measures"]) - set(plain["measures"]) == {"wins", "reading"}
    own = [row["prefdisc-own"] for row in (prefgen["measures"], plain["measures"])]
    assert all(-1 < one["value"] < 1 and one["value"] != 0 for one in own)
    assert prefgen["measures"]["taste"]["n"] == 10 and prefgen["measures"]["taste"]["units"] == 5
    assert {p.name for p in one.iterdir() if p.suffix != ".safetensors"} == {
        *("question.json", "results.json", "each.json", "table.txt", "table.md", "report.html"),
        *("metrics.png", "metrics.svg", "taste-against-content.png", "taste-against-content.svg"),
        "pictures",
    }
    html = (one / "report.html").read_text()
    assert "<script" not in html and "http" not in html.replace("http-equiv", "")
    assert html.count("data:image/webp") == 5 * (1 + 1 + 2)  # one liked, one disliked, two ways


def test_what_was_seen_once_is_not_looked_at_again(tmp_path, monkeypatch):
    asked = Comparing(people=2, prompts=1, history=1, steps=1)
    eyes = Eyes(judge=judge(), clip=clip(), reader=reader())
    wishes = [Wish(person=n, content=Content(subject="cat")) for n in asked.numbers()]

    def looked():
        judging = Judging(eyes, audience := Audience(asked), tmp_path, Clock())
        return judging.look([audience.wanted(wish) for wish in wishes], wishes)

    first = looked()
    assert {"taste", "content", "style", "prefdisc", "prefdisc-own", "clip-i"} <= first.each.keys()
    for one in (JudgeEncoder, Reader, Clip):
        monkeypatch.setattr(one, "maps" if one is JudgeEncoder else "see", None)
    again = looked()
    assert {name: x.tolist() for name, x in again.each.items()} == {
        name: x.tolist() for name, x in first.each.items()
    }
    assert again.moods == first.moods and torch.equal(again.seen.points, first.seen.points)


@pytest.mark.slow
def test_each_base_model_has_its_own_plain(tmp_path):
    flux = tiny_flux()
    ways = [
        Way(name="plain", backbone=tiny_sdxl()),
        Way(name="plain:tiny-flux", backbone=flux),
        Way(name="prefgen:tiny-flux~1", backbone=flux, method=prefgen(backbone=flux), avoid=1.0),
    ]
    told = []
    facts = run(
        ways,
        Comparing(people=2, prompts=1, history=1, steps=1),
        Eyes(judge=judge(), clip=clip()),
        tmp_path,
        lambda done, of: told.append((done, of)),
    )
    assert told == [(2, 6), (4, 6), (6, 6)]
    assert [way["against"] for way in facts["ways"]] == [None, None, "plain:tiny-flux"]
    assert facts["ways"][2]["avoid"] == 1.0 and "strength" not in facts["ways"][0]
    assert not {"diversity", "prefdisc"} & facts["ways"][2]["measures"].keys()
    pairs = {(row["way"], row["other"]) for row in facts["differences"]}
    assert len(pairs) == 3 and ("prefgen:tiny-flux~1", "plain") in pairs
    spent = facts["time"]
    parts = [spent[name] for name in ("generation", "encoders", "rest")]
    assert spent["share of rest"] == pytest.approx(parts[2] / sum(parts))
    assert "<h1>3 ways to make pictures for 2 people</h1>" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
def test_ctrl_c_and_missing_weights_are_sentences(toys, tmp_path, monkeypatch):
    def stop(done, of):
        raise KeyboardInterrupt

    monkeypatch.setattr("palate.cli.comparing.progress", lambda what: stop)
    result = CliRunner().invoke(app, command(toys, tmp_path / "out"))
    assert result.exit_code == Unfinished.exit_code
    assert "the same command goes on from there" in result.output
    for way, told in (
        ("prefgen", "There are no prefgen weights for tiny-sdxl in this package"),
        ("prefgen=nowhere", "nowhere holds no PrefGen"),
        ("premier", "steers FLUX-class models, and tiny-sdxl is SDXL-class"),
        ("words=nowhere", "There is no folder nowhere"),
    ):
        words = ["eval", "methods", way, "--backbone", "tiny-sdxl", "--out", str(tmp_path)]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 2 and told in " ".join(result.output.split()), result.output
