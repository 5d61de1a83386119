import os
import subprocess
import sys
from pathlib import Path

import pytest
from learn_toys import fingerprints, train

from palate.errors import BadFile, BadInput
from palate.learn import checkpoint
from palate.learn.settings import Fit


def fit(**values) -> Fit:
    return Fit(**{"steps": 20, "batch": 8, "lr": 0.01, "ema": 0.9, "checkpoint_steps": 3} | values)


def leave_at(run: Path, config: Fit, step: int) -> None:
    for fact in train(run, config):
        if fact.step == step:
            return


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"workers": 2},
        {"optimizer": "prodigy", "lr": 1.0, "warmup": 5},
        {"optimizer": "muon"},
        {"optimizer": "sgd", "options": {"momentum": 0.9}, "schedule": "linear", "accumulate": 2},
        {"ema": None, "bf16": True},
    ],
    ids=str,
)
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, settings):
    config = fit(**settings)
    list(train(tmp_path / "whole", config))
    leave_at(tmp_path / "cut", config, 6)  # in the second epoch: 48 of 37
    leave_at(tmp_path / "cut", config, 9)
    list(train(tmp_path / "cut", config))
    assert fingerprints(tmp_path / "cut", 20) == fingerprints(tmp_path / "whole", 20)


def test_workers_and_the_rest_that_is_free_may_change_on_the_way(tmp_path):
    list(train(tmp_path / "whole", fit()))
    leave_at(tmp_path / "cut", fit(), 6)
    list(train(tmp_path / "cut", fit(workers=2, keep=1, checkpoint_steps=None, log_every=7)))
    assert fingerprints(tmp_path / "cut", 20) == fingerprints(tmp_path / "whole", 20)


def test_a_damaged_checkpoint_costs_steps_and_no_bit(tmp_path):
    list(train(tmp_path / "whole", fit()))
    leave_at(tmp_path / "cut", fit(), 9)
    (tmp_path / "cut" / "step_00000009" / "optimizer.safetensors").write_bytes(b"harmed")
    with pytest.warns(UserWarning, match="Going on from step 6"):
        list(train(tmp_path / "cut", fit()))
    assert fingerprints(tmp_path / "cut", 20) == fingerprints(tmp_path / "whole", 20)


def test_another_training_is_refused_and_the_difference_named(tmp_path):
    leave_at(tmp_path, fit(), 3)
    says = r"holds another training: batch was 8 and is now 4; lr was 0\.01 and is now 0\.1\. Give"
    with pytest.raises(BadInput, match=says):
        list(train(tmp_path, fit(batch=4, lr=0.1)))


def test_a_finished_run_says_so_and_holds_its_weights(tmp_path):
    *_, last = train(tmp_path, fit())
    (again,) = train(tmp_path, fit())
    assert again.finished
    assert again == last


def test_what_a_killed_process_left_is_cleared(tmp_path):
    leave_at(tmp_path, fit(), 3)
    (tmp_path / "step_00000006.part").mkdir()
    (tmp_path / "step_00000006.part" / "weights.safetensors").write_bytes(b"half")
    (tmp_path / ".LATEST.12.part").write_text("step_0")
    leave_at(tmp_path, fit(), 9)
    assert not list(tmp_path.glob("*.part"))


def test_checkpoints_by_the_clock(tmp_path):
    list(train(tmp_path, fit(checkpoint_steps=None, checkpoint_seconds=1e-9, keep=99)))
    assert checkpoint.steps(tmp_path) == list(range(20, 0, -1))


def test_a_folder_with_half_a_plan_is_refused(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(BadFile, match=r"run\.json is damaged"):
        list(train(tmp_path, fit()))


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_killed_at_any_instant_it_ends_the_same(tmp_path, workers):
    """See killed.py: kill -9 at random instants, ctrl-C to the whole group, then to the end."""
    done = subprocess.run(
        [sys.executable, "-W", "error", Path(__file__).with_name("killed.py"), tmp_path, workers],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
