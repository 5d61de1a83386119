"""Newcomers' ways side by side: figures by hand, then the command at toy width."""

import json
from typing import Any

import numpy as np
import pytest
from prefgen_toy import clip
from premier_toy import premier
from typer.testing import CliRunner

from palate.backbones.builtin import save_clip
from palate.cli import app
from palate.errors import BadInput, UnknownName
from palate.evals.taste import Scores, Wish
from palate.methods.premier.method import Premier
from palate.recipes.newcoming import Measured, Newcomers, Newcoming, plot
from palate.sketchbook.scenes import CONTENTS

RIGHT = np.array([True, False])
WISHES = [Wish(person=p, content=CONTENTS[0]) for p in (1, 2)]


def scores(*taste: float) -> Scores:
    return Scores(taste=np.array(taste), content=RIGHT)


@pytest.fixture
def found() -> Newcomers:
    each = {
        ("linear", 2): Measured(scores=scores(0.5, 0.7), seconds=8.0),
        ("linear", 4): Measured(scores=scores(0.6, 0.8), seconds=9.0),
        ("direct", 2): Measured(scores=scores(0.4, 0.4), seconds=8.5),
        ("direct", 4): Measured(scores=scores(0.8, 0.6), seconds=9.5),
        ("at once", 2): Measured(scores=scores(0.6, 0.7), seconds=0.1),
        ("at once", 4): Measured(scores=scores(0.7, 0.9), seconds=0.2),
    }
    asked = Newcoming(people=2, prompts=1, histories=(2, 4))
    return Newcomers(asked=asked, wishes=WISHES, plain=scores(0.3, 0.5), found=each)


def test_ways_are_set_against_each_other_by_hand(found: Newcomers) -> None:
    gaps = {(way, less, n): found.gap(way, less, n).taste.value for way, less, n in found.gaps()}
    assert gaps == pytest.approx(
        {
            ("linear", "direct", 2): 0.2,
            ("linear", "direct", 4): 0.0,
            ("at once", "linear", 2): 0.05,
            ("at once", "linear", 4): 0.1,
        }
    )
    facts = found.facts()
    assert facts["plain"]["value"] == pytest.approx(0.4)
    first = facts["each"][0]
    assert (first["way"], first["pictures"], first["seconds"]) == ("linear", 2, 8.0)
    assert first["against plain"]["value"] == pytest.approx(0.2)
    assert json.dumps(facts) and len(found.table().splitlines()) == 1 + 1 + 6 + 4


def test_a_plot_has_a_line_for_each_way(found: Newcomers, tmp_path: Any) -> None:
    png, svg = plot(found, tmp_path / "curve.json")
    assert png.read_bytes().startswith(b"\x89PNG")
    text = svg.read_text()
    assert all(color in text for color in ("#c1553b", "#2a6f97", "#5b8c5a", "#888888"))


def test_every_way_learns_as_it_says() -> None:
    method = premier()
    ways = Newcoming(fitted=7).methods(method)
    assert ways["at once"] is method and isinstance(method, Premier)
    hows = {name: ways[name].how for name in ("linear", "direct")}  # type: ignore[attr-defined]
    assert {name: how.what for name, how in hows.items()} == {
        "linear": "coefficients",
        "direct": "embedding",
    }
    assert all(how.fit.steps == 7 and how.begin == "anew" for how in hows.values())
    assert list(Newcoming(ways=("direct",)).methods(method)) == ["direct"]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"ways": ("by hand",)}, UnknownName, "No way named 'by hand'"),
        ({"histories": (4, 2)}, BadInput, "each longer than the one before"),
        ({"histories": ()}, BadInput, "Give histories"),
    ],
)
def test_what_cannot_be_asked_is_said(change: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        Newcoming(**change)


@pytest.mark.slow
def test_the_command_measures_and_draws(tmp_path: Any) -> None:
    premier().save_pretrained(tmp_path / "premier")
    save_clip(clip().model, tmp_path / "toy-clip")
    words = ["eval", "newcomers", "--weights", str(tmp_path / "premier"), "--backbone", "tiny-flux"]
    words += ["--people", "2", "--prompts", "1", "--at", "1", "--at", "2", "--fitted", "1"]
    words += ["--steps", "1", "--out", str(tmp_path / "new.json"), "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert [(row["way"], row["pictures"]) for row in facts["each"]] == [
        (way, n) for way in ("linear", "direct", "at once") for n in (1, 2)
    ]
    assert all(row["seconds"] > 0 and 0 <= row["taste"]["value"] <= 1 for row in facts["each"])
    assert {path.suffix for path in tmp_path.glob("new.*")} == {".json", ".txt", ".png", ".svg"}
