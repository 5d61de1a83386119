"""`palate mix`, and Premier from pictures to pictures, as a user would."""

import json

import numpy as np
import pytest
import torch
from prefgen_toy import clip, example
from premier_toy import premier
from typer.testing import CliRunner

from palate.backbones.builtin import save_clip
from palate.cli import app
from palate.images import open_picture
from palate.store import load_profile

TINY = ["--backbone", "tiny-flux"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    premier().save_pretrained(folder / "premier")
    save_clip(clip().model, folder / "toy-clip")
    return folder / "premier"


def palate(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    facts = json.loads(result.stdout) if result.exit_code == 0 and "--json" in words else None
    return result, facts


@pytest.fixture(scope="module")
def people(kept, tmp_path_factory):
    """Two people's profiles."""
    folder = tmp_path_factory.mktemp("people")
    for name, seeds in (("ann", range(3)), ("bob", range(5, 8))):
        (folder / name).mkdir()
        for seed in seeds:
            (folder / name / f"{seed}.png").write_bytes(example(seed).image)
        how = [*TINY, "--method", "premier", "--weights", kept]
        out = folder / f"{name}.palate.safetensors"
        result, facts = palate("read", "--likes", folder / name, *how, "--out", out, "--json")
        assert result.exit_code == 0, result.output
        assert facts["liked"] == 3
    return [folder / f"{name}.palate.safetensors" for name in ("ann", "bob")]


def test_two_people_become_one_who_makes_pictures(kept, people, tmp_path):
    mix = tmp_path / "mix.palate.safetensors"
    result, facts = palate("mix", *people, "--weights", "0.25,0.75", "--out", mix, "--json")
    assert result.exit_code == 0, result.output
    assert facts["people"] == 2 and facts["method"].startswith("premier (")
    ann, bob, both = (load_profile(path).tensors["user"].float() for path in (*people, mix))
    torch.testing.assert_close(both, ann / 4 + 3 * bob / 4, atol=0.02, rtol=0)
    shown = []
    for name, profile in (("ann", people[0]), ("mix", mix)):
        words = ["generate", "a cat", *TINY, "--profile", profile, "--weights", kept]
        result, facts = palate(*words, "--steps", "2", "--out", tmp_path / name, "--json")
        assert result.exit_code == 0, result.output
        shown.append(open_picture(tmp_path / name / facts["files"][0]))
    assert not np.array_equal(*shown)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--weights", "1,2,3"], "2 profiles and 3 weights"),
        (["--weights", "half"], "The weights are 'half'. Write a number for each profile"),
    ],
)
def test_what_is_wrong_is_said(words, said, people):
    result, _ = palate("mix", *people, *words)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    result, _ = palate("mix", people[0])
    assert "Only one profile was given" in result.output


def test_premier_is_for_flux(kept, people):
    likes = ["--likes", people[0].parent / "ann", "--method", "premier", "--weights", kept]
    result, _ = palate("read", *likes, "--backbone", "tiny-sdxl")
    assert result.exit_code == 2
    assert "steers FLUX-class models, and tiny-sdxl is SDXL-class" in " ".join(
        result.output.split()
    )
