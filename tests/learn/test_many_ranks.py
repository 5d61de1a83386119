import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from learn_toys import Steady, fingerprints, train
from ranks import HALF, STEPS, config

from palate.learn import checkpoint


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything two processes are asked to do, in one start of theirs; see ranks.py."""
    folder = tmp_path_factory.mktemp("two")
    script = Path(__file__).with_name("ranks.py")
    torchrun = [sys.executable, "-W", "error", "-m", "torch.distributed.run"]
    done = subprocess.run(
        [*torchrun, "--standalone", "--nproc-per-node", "2", script, folder],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same by one process, in as many parts."""
    folder = tmp_path_factory.mktemp("one")
    list(train(folder, config(False, accumulate=2), Steady()))
    return folder


def assert_same(one: Path, two: Path, step: int) -> None:
    """Weights, averages and moments to rounding; the order of a sum is not the same."""
    left, right = (checkpoint._read(run / checkpoint.name(step)) for run in (one, two))
    assert left.tensors.keys() == right.tensors.keys()
    for group, tensors in left.tensors.items():
        torch.testing.assert_close(right.tensors[group], tensors, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["plain", "sharded"])
def test_two_processes_train_as_one(one, two, way):
    assert_same(one, two / f"{way}-whole", HALF)
    assert_same(one, two / f"{way}-whole", STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["plain", "sharded"])
def test_what_two_saved_two_go_on_with_to_the_bit(two, way):
    whole = fingerprints(two / f"{way}-whole", STEPS)
    assert fingerprints(two / f"{way}-twice", STEPS) == whole


@pytest.mark.slow
@pytest.mark.parametrize("way", ["plain", "sharded"])
def test_what_two_saved_one_goes_on_with(one, two, way):
    run = two / f"{way}-alone"
    list(train(run, config(way == "sharded", accumulate=2), Steady()))
    assert_same(one, run, STEPS)
