"""`palate read`, and `palate generate` for a person: as a user would, at toy width."""

import json

import numpy as np
import pytest
from prefgen_toy import example, keep
from typer.testing import CliRunner

from palate.cli import app
from palate.images import open_picture, read_provenance

TINY = ["--backbone", "tiny-sdxl"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Weights as this package keeps them: what they go with lies beside."""
    return keep(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mine")
    for side, seeds in (("likes", range(3)), ("dislikes", range(5, 7))):
        (folder / side).mkdir()
        for seed in seeds:
            (folder / side / f"{seed}.png").write_bytes(example(seed).image)
    (folder / "likes" / "metadata.csv").write_text("file_name,prompt\n0.png,a cat\n")
    return folder


def palate(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    facts = json.loads(result.stdout) if result.exit_code == 0 and "--json" in words else None
    return result, facts


def test_a_taste_becomes_a_file_and_a_file_makes_pictures(kept, pictures, tmp_path):
    sides = ["--likes", pictures / "likes", "--dislikes", pictures / "dislikes"]
    mine = tmp_path / "me.palate.safetensors"
    how = [*TINY, "--method", "prefgen", "--weights", kept]
    result, facts = palate("read", *sides, *how, "--out", mine, "--json")
    assert result.exit_code == 0, result.output
    assert (facts["liked"], facts["disliked"]) == (3, 2)
    assert mine.stat().st_size < 20_000
    made = {}
    small = ["--steps", "2", "--size", "64", "--json"]
    for name, more in {
        "file": ["--profile", mine, "--weights", kept],
        "folders": [*sides, *how[2:]],
        "silent": ["--profile", mine, "--weights", kept, "--strength", "0"],
        "nobody": [],
    }.items():
        words = ["generate", "a cat", *TINY, *more, *small, "--out", tmp_path / name]
        result, facts = palate(*words)
        assert result.exit_code == 0, result.output
        made[name] = tmp_path / name / facts["files"][0]
    shown = {name: open_picture(path) for name, path in made.items()}
    assert np.array_equal(shown["file"], shown["folders"])
    assert np.array_equal(shown["silent"], shown["nobody"])
    assert not np.array_equal(shown["file"], shown["nobody"])
    record = read_provenance(made["file"])
    assert record["method"]["name"] == "prefgen"
    assert read_provenance(made["nobody"])["method"] is None


def test_a_profile_is_shown(kept, pictures, tmp_path):
    mine = tmp_path / "me.palate.safetensors"
    sides = ["--likes", pictures / "likes", "--dislikes", pictures / "dislikes"]
    palate("read", *sides, *TINY, "--weights", kept, "--out", mine)
    result, facts = palate("show", mine, "--json")
    assert facts["method"]["name"] == "prefgen"
    assert facts["read from"] == "3 liked and 2 disliked pictures"
    result, facts = palate("show", mine, *sides, "--weights", kept, "--json")
    assert result.exit_code == 0, result.output
    assert set(facts["told most"]) == {"0.png", "1.png", "2.png"}
    assert sorted(facts["told most"].values(), reverse=True) == list(facts["told most"].values())
    result, _ = palate("show", mine)
    assert "read from         3 liked and 2 disliked pictures" in result.output
    result, _ = palate("show", pictures / "likes" / "0.png", "--likes", pictures / "likes")
    assert "go with a profile, not with a picture" in result.output


def test_a_taste_becomes_an_adapter_for_others(kept, pictures, tmp_path):
    mine = tmp_path / "me.palate.safetensors"
    how = ["--weights", kept, "--json"]
    palate("read", "--likes", pictures / "likes", *TINY, *how, "--out", mine)
    result, facts = palate("export", "--profile", mine, "--out", tmp_path / "out", *how)
    assert result.exit_code == 0, result.output
    assert sorted(facts["files"]) == sorted(map(str, (tmp_path / "out").iterdir()))
    assert len(facts["files"]) == 3
    palate("read", "--likes", pictures / "likes", *TINY, "--method", "words", "--weights",
           kept.parent / "toy-reader", "--out", mine)  # fmt: skip
    result, _ = palate("export", "--profile", mine, "--out", tmp_path / "none",
                       "--weights", kept.parent / "toy-reader")  # fmt: skip
    assert result.exit_code == 2
    assert "words has no adapter that could be written" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dislikes", "x"], "Only dislikes were given"),
        (["--likes", "x", "--profile", "y"], "Give one or the other"),
        (["--method", "prefgen"], "prefgen needs somebody to please"),
        (["--likes", "nowhere"], "nowhere does not exist. Give a folder of pictures"),
        (["--likes", ".", "--method", "pregen"], "No method named 'pregen'"),
    ],
)
def test_what_is_wrong_is_said(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(example(0).image)
    result, _ = palate("generate", "a cat", *TINY, *words)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_reading_needs_something_to_read():
    result, _ = palate("read", *TINY)
    assert "There is nothing to read" in result.output


def test_who_dislikes_nothing_has_nothing_to_avoid(kept, pictures, tmp_path):
    words = ["generate", "a cat", *TINY, "--steps", "1", "--avoid", "1", "--out", tmp_path]
    result, _ = palate(*words, "--likes", pictures / "likes", "--weights", kept)
    assert (
        result.exit_code == 0 and "nothing to avoid: the person shows no dislikes" in result.stderr
    )
    result, _ = palate(*words)
    assert "nothing to avoid: nobody is named who dislikes something" in result.stderr


def test_a_way_to_read_is_premier_s(kept, pictures):
    likes = ["--likes", pictures / "likes"]
    result, _ = palate("read", *likes, *TINY, "--weights", kept, "--way", "after")
    assert result.exit_code == 2
    assert "No way to read with prefgen named 'after'. Known:" in " ".join(result.output.split())


def test_weights_are_for_one_base_model(kept, pictures):
    likes = ["--likes", pictures / "likes"]
    result, _ = palate("read", *likes, "--backbone", "tiny-flux", "--weights", kept)
    assert "trained with tiny-sdxl" in result.output and "base model is tiny-flux" in result.output
    result, _ = palate("read", *likes, *TINY, "--weights", kept, "--method", "ip-adapter")
    assert "holds the method prefgen, and ip-adapter was asked for" in result.output
    result, _ = palate("read", *likes, *TINY)
    assert "There are no prefgen weights for tiny-sdxl in this package" in result.output
    result, _ = palate("read", *likes, *TINY, "--weights", pictures)
    assert "holds no PrefGen" in result.output
