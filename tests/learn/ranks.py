"""Train on the processes torchrun started: plain, then sharded; each also stopped and gone on with.

torchrun --standalone --nproc-per-node 2 ranks.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from learn_toys import Steady, train
from torch.distributed.tensor import DTensor

from palate.errors import BadInput
from palate.learn import checkpoint, machines
from palate.learn.machines import Machines
from palate.learn.settings import Fit

STEPS, HALF = 12, 6


def config(shard: bool, **more) -> Fit:
    values = {"steps": STEPS, "batch": 8, "lr": 0.01, "ema": 0.9, "checkpoint_steps": HALF}
    return Fit(shard=shard, **values, **more)


def to_half(run: Path, settings: Fit) -> None:
    for fact in train(run, settings, Steady()):
        if fact.step == HALF:
            return


def whole_run(run: Path, settings: Fit) -> None:
    """To the end; then the averaged weights draw what they draw from the checkpoint."""
    module = Steady()
    *_, last = train(run, settings, module)
    assert isinstance(module.blocks[0].weight, DTensor) == settings.shard
    x = torch.linspace(-1, 1, 8)[None]
    with last.averaged(), torch.no_grad():
        drawn = module(x)
    again = Steady()
    again.load_state_dict(checkpoint.weights(run)["net"])
    torch.testing.assert_close(drawn, again(x).detach())


def main(folder: Path) -> None:
    here = Machines()
    assert here.processes == 2
    assert here.agree(here.rank == 1, False) == (True, False)  # ctrl-C that reached one of them
    machines._WORTH_A_SHARD = 100  # the first block has 288 numbers
    for shard in (False, True):
        name = "sharded" if shard else "plain"
        whole_run(folder / f"{name}-whole", config(shard))
        for run in ("twice", "alone"):  # "alone" will be gone on with by one process
            to_half(folder / f"{name}-{run}", config(shard))
        list(train(folder / f"{name}-twice", config(shard), Steady()))
    try:
        list(train(None, config(True, optimizer="prodigy"), Steady()))
    except BadInput as error:
        assert "cannot be sharded" in str(error)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
