"""What strength does: every setting for the same people, prompts and seeds."""

import json

import numpy as np
import pytest
from prefgen_toy import clip, prefgen, reader
from typer.testing import CliRunner

from palate.backbones.builtin import save_clip
from palate.backbones.builtin.reader import save_reader
from palate.backbones.catalog import judge
from palate.cli import app
from palate.errors import BadInput
from palate.evals.taste import Scores, Wish
from palate.recipes.comparing import Comparing
from palate.recipes.dialing import Dialled, dial
from palate.sketchbook.scenes import Content

SMALL = Comparing(people=2, prompts=1, history=1, steps=1)


def test_gains_are_against_the_first_strength():
    wishes = [Wish(person=p, content=Content(subject="cat")) for p in (1, 2)]
    right = np.array([True, True])
    scores = tuple(Scores(taste=np.array(t), content=right) for t in ([0.2, 0.4], [0.6, 0.4]))
    found = Dialled(wishes=wishes, strengths=(0.0, 1.0), scores=scores)
    first, second = found.gains()
    assert (first.taste.value, first.wins.value) == (0, 0.5)
    assert second.taste.value == pytest.approx(0.2)
    assert second.wins.value == pytest.approx(0.75)
    assert [row["strength"] for row in found.facts()] == [0.0, 1.0]
    assert len(found.table().splitlines()) == 3


def test_settings_must_rise():
    for wrong in ([1.0], [1.0, 0.5], [0.5, 0.5]):
        with pytest.raises(BadInput, match="each above the one before"):
            dial(prefgen(), judge(), SMALL, wrong)


@pytest.mark.slow
def test_the_command_draws_what_it_says(tmp_path):
    prefgen().save_pretrained(tmp_path / "prefgen")
    save_reader(reader().model, tmp_path / "toy-reader")
    save_clip(clip().model, tmp_path / "toy-clip")
    words = ["eval", "strength", f"prefgen={tmp_path / 'prefgen'}", "--backbone", "tiny-sdxl"]
    words += ["--people", "2", "--history", "1", "--steps", "1", "--at", "0", "--at", "1"]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "dial.json"), "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert [row["strength"] for row in facts["strengths"]] == [0.0, 1.0]
    assert facts["strengths"][0]["against the first"]["taste"]["value"] == 0.0
    assert {path.suffix for path in tmp_path.glob("dial.*")} == {".json", ".txt", ".png", ".svg"}
    assert (tmp_path / "dial.png").read_bytes().startswith(b"\x89PNG")
