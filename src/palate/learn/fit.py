"""The only training loop.

The caller brings modules, items and a loss, and hears facts; the loop orders, steps, averages,
watches and saves. Killed at any instant, the same call goes on from the last checkpoint and ends,
on a CPU in fp32, with the very same weights.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import default_collate

from palate.learn import optim
from palate.learn.console import Console, ctrl_c
from palate.learn.ema import Ema
from palate.learn.facts import Fact, Window
from palate.learn.learner import Learner, Loss
from palate.learn.machines import Machines
from palate.learn.run import Run
from palate.learn.sampler import Collate, Items, Order, batches
from palate.learn.settings import Fit
from palate.learn.state import whole
from palate.learn.training import Training


def fit(
    modules: Mapping[str, nn.Module],
    items: Items,
    loss: Loss,
    config: Fit,
    *,
    run: Path | None = None,  # the folder for its checkpoints
    logs: Path | None = None,  # the folder for TensorBoard
    collate: Collate = default_collate,
    about: Mapping[str, Any] | None = None,  # what else must not change when the run goes on
    minutes: float = math.inf,  # stop after so many, with a checkpoint
) -> Iterator[Fact]:
    """Train `modules` on `items`; yields every `log_every` steps, at checkpoints and at the end."""
    end = time.monotonic() + 60 * minutes
    machines = Machines()
    order = _order(items, config, machines)
    learner = Learner(modules, loss, config, machines.device)
    plan = _plan(config, items, learner, about)
    model = machines.spread(learner, config)
    training = _training(learner, config)
    keeper = Run(run, config, machines)
    begun = keeper.take_up(training, plan)
    first = begun.step if begun else 0

    data = batches(items, order, config, first=first, collate=collate)
    console = Console(config, first=first, logs=logs, shown=machines.first)
    with closing(data), closing(console), ctrl_c() as pressed:
        console.say(_greeting(begun, run))
        if begun and begun.finished:
            yield begun
        window = Window(machines, config)
        for step in range(first, config.steps):
            optim.set_lr(training.optimizer, config, step)
            starts = order.starts(step)
            for start in starts:
                with machines.holding(model, start != starts[-1]):
                    losses = model(machines.take(next(data)), start)
                    (losses["loss"] / len(starts)).backward()
                window.part(losses)
            gradient = whole(clip_grad_norm_(learner.parameters(), config.clip or math.inf))
            window.step(gradient)
            training.advance(step)

            done = step + 1
            late = time.monotonic() >= end
            save, stop, late = machines.agree(keeper.due(done) or late, pressed(), late)
            if save or stop or done % config.log_every == 0 or done == config.steps:
                fact = window.fact(done, optim.rates(training.optimizer), training.averaged)
                console.show(fact)
                if save or stop:
                    keeper.save(training, fact)
                if stop and not fact.finished:
                    raise keeper.stopped(fact)
                yield fact
                if late:
                    return
                window.restart()


def _order(items: Items, config: Fit, machines: Machines) -> Order:
    return Order(
        items=len(items),
        seed=config.seed,
        batch=config.batch,
        accumulate=config.accumulate,
        processes=machines.processes,
        rank=machines.rank,
    )


def _training(learner: Learner, config: Fit) -> Training:
    return Training(
        learner=learner,
        optimizer=optim.build(config, learner.each()),
        average=Ema(learner.named_trained(), config.ema) if config.ema else None,
    )


def _plan(
    config: Fit, items: Items, learner: Learner, about: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What a folder's checkpoints belong to, as JSON gives it back."""
    plan = {**config.lasting(), "items": len(items), "modules": learner.shapes(), **(about or {})}
    return json.loads(json.dumps(plan))


def _greeting(begun: Fact | None, run: Path | None) -> str:
    if begun is None:
        return f"Beginning in {run}." if run else "Beginning; nothing will be kept."
    if begun.finished:
        return f"{run} is finished: all {begun.steps} steps are done."
    return f"Going on in {run} after step {begun.step} of {begun.steps}."
