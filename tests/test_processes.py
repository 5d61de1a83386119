"""Workers begin alike, end with what began them, and one that is lost is said to be."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children

import pytest

from palate.errors import BadInput, Unfinished
from palate.processes import apart, cores, how_many

_began = []
ORPHAN = """
import os, time
from palate.processes import apart

def nothing():
    pass

def sleep():
    time.sleep(60)

if __name__ == "__main__":
    with apart(1, nothing) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(sleep).result()
"""


def _begin(what):
    _began.append(what)


def _told(times):
    return [(os.getpid(), *_began)] * times


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def _alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as stat:
        return stat.read().split(")")[1].split()[0] != "Z"


def test_how_many_is_a_core_each_or_what_was_asked_for():
    assert how_many(None) == cores() >= 1 and how_many(3) == 3
    with pytest.raises(BadInput, match="0 workers were asked for; there must be at least 1"):
        how_many(0)


def test_workers_begin_with_what_is_given_and_are_gone_afterwards():
    with apart(1, _begin, "this") as pool:
        ((worker, *told),) = pool.submit(_told, 1).result()
        assert worker != os.getpid() and told == ["this"]
    assert not _alive(worker) and not active_children()


def test_a_stop_ends_workers_in_the_middle_of_their_work():
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), apart(1, _begin, "this") as pool:
        pool.submit(_told, 1).result()
        pool.submit(time.sleep, 60)
        raise KeyboardInterrupt
    assert time.monotonic() - began < 30 and not active_children()


def test_a_worker_that_was_killed_is_told_of():
    with (
        pytest.raises(Unfinished, match=r"A worker was ended from outside, .*goes on; fewer"),
        apart(2, _begin, "this") as pool,
    ):
        pool.submit(_die).result()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="asks /proc who is there; Linux has it")
def test_workers_of_a_killed_process_end_with_it(tmp_path):
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        assert _alive(worker)
        parent.kill()
    until = time.monotonic() + 20
    while _alive(worker) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _alive(worker)
