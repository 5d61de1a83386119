"""A training's folder: what is trained in it, when to write a checkpoint, and where to go on."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from palate import store
from palate.errors import BadFile, BadInput, Unfinished
from palate.learn import checkpoint
from palate.learn.facts import Fact
from palate.learn.machines import Machines
from palate.learn.settings import Fit
from palate.learn.training import Training

PLAN = "run.json"


class Run:
    """Keeps a training in a folder; without a folder, keeps nothing."""

    def __init__(self, folder: Path | None, config: Fit, machines: Machines) -> None:
        self._folder, self._config, self._machines = folder, config, machines
        self._saved_at = time.monotonic()

    def take_up(self, training: Training, plan: Mapping[str, Any]) -> Fact | None:
        """Claim the folder, and go on from its last checkpoint: how it went until there, if any."""
        if self._folder is None:
            return None
        check_plan(self._folder, plan)
        if self._machines.first:
            begin(self._folder, plan)
        self._machines.wait()
        found = checkpoint.load(self._folder)
        return training.restore(found) if found else None

    def due(self, step: int) -> bool:
        """Whether a checkpoint is to be written after so many steps."""
        every, seconds = self._config.checkpoint_steps, self._config.checkpoint_seconds
        if self._folder is None:
            return False
        if step == self._config.steps or (every and step % every == 0):
            return True
        return seconds is not None and time.monotonic() - self._saved_at >= seconds

    def save(self, training: Training, fact: Fact) -> None:
        """Write a checkpoint: every process gathers, the first one writes."""
        if self._folder is None:
            return
        captured = training.capture(fact)
        if self._machines.first:
            checkpoint.save(self._folder, captured, self._config.keep)
        self._machines.wait()
        self._saved_at = time.monotonic()

    def stopped(self, fact: Fact) -> Unfinished:
        """What to say after ctrl-C."""
        done = f"Stopped after step {fact.step} of {fact.steps}"
        if self._folder is None:
            return Unfinished(f"{done}. Nothing was kept, as no folder was given for it.")
        return Unfinished(
            f"{done}; all of it is in {self._folder}. Run the same command again to go on."
        )


def check_plan(run: Path, plan: Mapping[str, Any]) -> None:
    """Refuse to go on in a folder where something else was begun."""
    begun = _read_plan(run)
    if begun is None or begun == plan:
        return
    fields = sorted(k for k in begun.keys() | plan.keys() if begun.get(k) != plan.get(k))
    differ = "; ".join(f"{k} was {begun.get(k)} and is now {plan.get(k)}" for k in fields)
    raise BadInput(
        f"{run} holds another training: {differ}. Give a new folder, or the settings it began with."
    )


def begin(run: Path, plan: Mapping[str, Any]) -> None:
    """Write down what is trained here, and clear what a killed process left half-written."""
    run.mkdir(parents=True, exist_ok=True)
    for stray in run.glob("*.part"):
        shutil.rmtree(stray) if stray.is_dir() else stray.unlink()
    if not (run / PLAN).exists():
        store.write_json(run / PLAN, dict(plan))


def _read_plan(run: Path) -> dict[str, Any] | None:
    path = run / PLAN
    if not path.exists():
        if checkpoint.steps(run):
            raise BadInput(f"{run} holds checkpoints but no {PLAN}. Give a new folder.")
        return None
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        raise BadFile(f"{path} is damaged. Give a new folder.") from None
