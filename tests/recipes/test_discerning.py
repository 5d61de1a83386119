"""What is said of a reader that tells liked from disliked: by hand where a hand can count it."""

import json

import numpy as np
import pytest
import torch
from prefgen_toy import reader
from typer.testing import CliRunner

from palate.cli import app
from palate.methods.prefgen.asking import Wording
from palate.recipes import discerning
from palate.recipes.crowd import Crowd, asked, looked_at, prompts_of
from palate.recipes.discerning import Discerning, discern
from palate.sketchbook.scenes import Content, Scene, look_of

HOW = Discerning(people=6, most=2)


def pair(liked: str, disliked: str) -> tuple[Scene, Scene]:
    one, other = (
        Scene(content=Content(subject="cat"), look=look_of(palette=palette))
        for palette in (liked, disliked)
    )
    return one, other


def test_counting_values_by_hand():
    """Warm was liked twice and cool disliked twice; the third pair asks for warm against cool."""
    same = [pair("warm", "cool")] * 3
    assert discerning._counted(same, 2, turn=0) == 1.0
    turned = [pair("warm", "cool"), pair("cool", "warm")]  # whichever is asked, history misleads
    assert discerning._counted(turned, 1, turn=0) == 0.0
    alike = [pair("warm", "warm")] * 2
    assert discerning._counted(alike, 1, turn=0) == 0.5


def test_who_counts_is_shown_the_pairs_the_reader_is_shown():
    (person,) = Crowd(split="test", people=1, pairs=3).scenes()
    _, pictures = asked(
        None,
        torch.arange(6.0).view(2, 3, 1, 1).expand(2, 3, 2, 4),
        2,
        discerning._luck(2, 0),
    )
    last = int(pictures[-2].flatten()[0])  # the pair asked about, liked side: its own number
    pairs = torch.randperm(3, generator=discerning._luck(2, 0)).tolist()
    assert pairs[-1] == last and len(person) == 3


def test_a_reader_is_reported_whole():
    found = discern(reader(), HOW)
    assert list(found.told) == list(found.counted) == list(found.auc) == [1, 2]
    assert set(found.controls) == {
        "after another's history",
        "after no history",
        "after the same in another order",
        "same verdict in another order",
    }
    again = discern(reader(), HOW)
    assert again.facts() == found.facts()
    assert "told apart after 2" in found.summary()
    assert len(found.table().splitlines()) == 1 + 2 + 4
    json.dumps(found.facts(), allow_nan=False)


def test_controls_put_the_same_question():
    """The history is another's, the pictures asked about stay; turned, it is told backwards."""
    crowd = Crowd(split="test", people=2, pairs=3)
    seen = looked_at(crowd, reader())
    rows = [
        asked(prompts_of(person), torch.from_numpy(seen[i][1]).float(), 2, discerning._luck(2, i))
        for i, person in enumerate(crowd.scenes())
    ]
    question, pictures = discerning._turned(*rows[0])
    assert [one.liked for one in question.shown] == [o.liked for o in reversed(rows[0][0].shown)]
    assert [one.prompt for one in question.shown] == [o.prompt for o in reversed(rows[0][0].shown)]
    assert torch.equal(pictures[0], rows[0][1][3]) and torch.equal(pictures[-2:], rows[0][1][-2:])
    wording, usual = Wording(), discerning.scored(reader(), rows, Wording())
    back = discerning.scored(reader(), [discerning._turned(*row) for row in rows], wording)
    assert back.shape == usual.shape == (2, 2) and not np.array_equal(back, usual)


def test_ahead_counts_ties_by_half():
    assert discerning.ahead(np.array([[0.9, 0.1], [0.2, 0.7], [0.5, 0.5]])).tolist() == [1, 0, 0.5]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from palate.backbones.builtin.reader import save_reader

    save_reader(reader().model, place := tmp_path_factory.mktemp("reader"))
    return place


def test_the_command_keeps_what_it_says(folder, tmp_path):
    out = tmp_path / "prefdisc.json"
    words = ["eval", "prefdisc", str(folder), "--people", "4", "--pairs", "1", "--out", str(out)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "after another's history" in result.output
    assert json.loads(out.read_bytes())["told apart"]["1"]["n"] == 4
    assert out.with_suffix(".txt").read_text().splitlines()[0].split() == [
        *("pairs", "told", "apart", "by", "counting", "values", "AUC", "off"),
    ]
