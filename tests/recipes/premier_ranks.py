"""Train Premier's toy on the processes torchrun started.

torchrun --standalone --nproc-per-node 2 premier_ranks.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from palate.learn.fit import fit
from palate.learn.machines import Machines
from palate.learn.settings import Fit
from palate.recipes.premier import DEBUG
from palate.recipes.recipe import changed

STEPS = 2


def learn(run: Path, *, accumulate: int = 1, weight: float = 10.0) -> None:
    """A few plain steps in which dispersion weighs more than the flow."""
    words = [f"spread.shared={weight}", f"spread.distinct={weight}", "people=12"]
    parts = changed(DEBUG, words).parts()
    config = Fit(
        steps=STEPS, batch=8, lr=0.3, optimizer="sgd", weight_decay=0.0, schedule="constant",
        clip=None, accumulate=accumulate, checkpoint_steps=STEPS,
    )  # fmt: skip
    for _ in fit(parts.modules, parts.items, parts.loss, config, run=run):
        pass


if __name__ == "__main__":
    assert Machines().processes == 2
    learn(Path(sys.argv[1]))
    torch.distributed.destroy_process_group()
