"""Train in a child process and kill it, many times; then see that nothing was lost but time.

    python killed.py FOLDER WORKERS [KILLS]

The parent imports torch and computes nothing with it, so it may fork: a start costs no import.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import accelerate
import psutil
import torch._dynamo
from learn_toys import fingerprints, net, train

from palate.errors import Unfinished
from palate.learn import checkpoint
from palate.learn.settings import Fit
from palate.seeds import uniform

STEPS, EVERY = 80, 2
REACH = 0.35  # seconds; children are killed this late at most


def config(workers: int) -> Fit:
    return Fit(
        steps=STEPS, batch=8, lr=0.01, ema=0.9, checkpoint_steps=EVERY, keep=2, workers=workers
    )


def start(run: Path, workers: int) -> int:
    """A child that trains; it leaves with 3 if ctrl-C stopped it."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            list(train(run, config(workers), net(width=2000)))
            os._exit(0)
        except Unfinished:
            os._exit(3)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    return child


def end(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def left_alive(children: list[int]) -> list[int]:
    """Workers that outlived the training they worked for."""
    time.sleep(0.5)
    pids = (p.pid for p in psutil.process_iter() if p.status() != psutil.STATUS_ZOMBIE)
    return [pid for pid in pids if os.getpgid(pid) in children]


def kill_many(run: Path, workers: int, kills: int, whole: dict[str, str]) -> int:
    """Kill so many children; how many of them in the middle of writing a checkpoint."""
    writing, children = 0, []
    while len(children) < kills:
        child = start(run, workers)
        time.sleep(REACH * float(uniform(workers, len(children))))
        newest = checkpoint.steps(run)[:1]
        os.kill(child, signal.SIGKILL)
        if end(child) == 0:  # it was done before: look, and begin again
            assert fingerprints(run, STEPS) == whole
            shutil.rmtree(run)
            continue
        children.append(child)
        writing += bool(list(run.glob("*.part")))
        found = checkpoint.load(run)
        assert [found.step if found else 0] >= newest  # never more is lost than since the last
    assert not left_alive(children)
    return writing


def ask_to_stop(run: Path, workers: int) -> None:
    """Ctrl-C as a terminal sends it: to the workers, too."""
    child = start(run, workers)
    while not checkpoint.steps(run):
        time.sleep(0.01)
    os.killpg(child, signal.SIGINT)
    assert end(child) == 3


def main(folder: Path, workers: int, kills: int = 50) -> None:
    """Uninterrupted, killed, and asked to stop: all three must end the same."""
    assert end(start(folder / "whole", workers)) == 0
    whole = fingerprints(folder / "whole", STEPS)
    writing = kill_many(folder / "cut", workers, kills, whole)
    ask_to_stop(folder / "asked", workers)
    for run in (folder / "cut", folder / "asked"):
        assert end(start(run, workers)) == 0
        assert fingerprints(run, STEPS) == whole
        assert not list(run.glob("*.part"))
    print(f"{kills} killed, {writing} of them while writing; the same to the bit")


if __name__ == "__main__":
    assert accelerate and torch._dynamo  # imported before the forks, so that no child pays for it
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
