"""Dispersion on two processes: each keeps its own people apart; the gradient is as of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from premier_ranks import learn

from palate.learn.checkpoint import weights


def far(one: dict, other: dict) -> float:
    """The largest difference of any weight."""
    return max(
        float((tensor - other[module][name]).abs().max())
        for module, tensors in one.items()
        for name, tensor in tensors.items()
    )


@pytest.mark.slow
def test_two_processes_keep_people_apart_as_one_does(tmp_path: Path) -> None:
    script = Path(__file__).with_name("premier_ranks.py")
    torchrun = [sys.executable, "-W", "error", "-m", "torch.distributed.run"]
    done = subprocess.run(
        [*torchrun, "--standalone", "--nproc-per-node", "2", script, tmp_path / "two"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    learn(tmp_path / "one", accumulate=2)
    learn(tmp_path / "without", accumulate=2, weight=0.0)
    one, two, without = (weights(tmp_path / name) for name in ("one", "two", "without"))
    for module, tensors in one.items():
        torch.testing.assert_close(two[module], tensors, rtol=1e-4, atol=1e-6)
    assert far(one, without) > 0.05  # that it was dispersion which moved them
