"""Probes of layers: the regression by hand, and both tasks on a toy reader."""

import json
import math

import pytest
import torch
from prefgen_toy import reader
from typer.testing import CliRunner

from palate.backbones.builtin.reader import save_reader
from palate.cli import app
from palate.errors import BadInput
from palate.methods.prefgen.probe import Task, logistic, right
from palate.recipes import probing
from palate.recipes.probing import Probing, probe

SMALL = Probing(people=4, pairs=8, history=2, each=4)


def test_the_regression_is_where_its_gradient_vanishes():
    x = torch.tensor([[1.0], [1.0], [1.0], [-1.0]], dtype=torch.float64)
    classes = torch.tensor([0, 0, 1, 1])
    ridge = 0.1
    weights = logistic(x, classes, 2, ridge)
    p = (torch.cat([x, torch.ones(4, 1)], 1) @ weights).softmax(1)
    off = p - torch.nn.functional.one_hot(classes, 2)
    slope = (x.T @ off) / 4 + ridge * weights[:1]
    torch.testing.assert_close(slope, torch.zeros(1, 2, dtype=torch.float64), atol=1e-5, rtol=0)
    torch.testing.assert_close(off.mean(0), torch.zeros(2, dtype=torch.float64), atol=1e-5, rtol=0)


def test_without_a_ridge_shares_are_met():
    """One feature that says nothing: the bias alone gives three in four."""
    x, classes = torch.zeros(4, 1, dtype=torch.float64), torch.tensor([0, 0, 0, 1])
    bias = logistic(x, classes, 2, 0.0)[-1]
    assert (bias[0] - bias[1]).item() == pytest.approx(math.log(3), abs=1e-4)


def test_the_layer_that_knows_is_found():
    draw = torch.Generator().manual_seed(0)
    classes = torch.arange(3).repeat(20)
    knows = torch.nn.functional.one_hot(classes, 3) + 0.05 * torch.randn(60, 3, generator=draw)
    states = torch.stack([torch.randn(60, 3, generator=draw), 100 + knows], 1)
    task = Task(states=states[:30], classes=classes[:30], asked=states[30:], answers=classes[30:])
    blind, seeing = right(task).float().mean(0).tolist()
    assert seeing == 1.0
    assert blind < 0.7


def test_histories_of_the_two_halves_share_no_picture():
    person = probing._Person(
        number=7,
        seen=torch.arange(2 * 8).float().reshape(2, 8, 1, 1),
        prompts=[f"prompt {i}" for i in range(8)],
    )
    halves = []
    for half in (0, 1):
        found = set()
        for turn in range(10):
            shown, pictures, pair = probing._drawn(person, SMALL, half, turn)
            numbers = pictures.flatten().int().tolist()
            assert [one.liked for one in shown] == [number < 8 for number in numbers]
            assert len(set(numbers)) == 4
            assert pair not in {number % 8 for number in numbers}
            found |= {number % 8 for number in numbers} | {pair}
        halves.append(found)
    assert halves == [{0, 1, 2, 3}, {4, 5, 6, 7}]


@pytest.mark.parametrize("task", ["who", "like"])
@pytest.mark.parametrize("pool", ["last", "mean", "max"])
def test_both_tasks_on_a_toy(task, pool):
    asked = Probing(people=4, pairs=8, history=2, each=4, pool=pool)
    found = probe(reader(), asked, task)
    assert len(found.layers) == reader().layers + 1
    assert found.chance == (1 / 4 if task == "who" else 1 / 2)
    assert {figure.n for figure in found.layers} == {16 if task == "who" else 8}
    assert all(figure.low <= figure.value <= figure.high for figure in found.layers)


def test_the_command_leaves_plots_and_figures(tmp_path):
    save_reader(reader().model, tmp_path / "reader")
    out = tmp_path / "probe"
    words = ["probe", "--reader", str(tmp_path / "reader"), "--people", "3", "--history", "1"]
    result = CliRunner().invoke(app, [*words, "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert [task["task"] for task in facts["tasks"]] == ["who", "like"]
    assert {path.name for path in out.iterdir()} == {
        "probe.json", "probe.txt", "probe.png", "probe.svg",
    }  # fmt: skip
    assert (out / "probe.txt").read_text().startswith("layer")


def test_what_is_wrong_is_said():
    with pytest.raises(BadInput, match="1 people cannot be told apart"):
        Probing(people=1)
    with pytest.raises(BadInput, match="give at least 18"):
        Probing(pairs=10)
    result = CliRunner().invoke(app, ["probe", "--pool", "sum"])
    assert result.exit_code == 2
    assert "No pooling named 'sum'" in result.output
