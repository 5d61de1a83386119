"""Two runs in one folder, as processes: the second is told of the first; a killed one is no bar."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from palate.errors import InUse
from palate.store.lock import NAME, Lock

HOLD = """
import os, sys, time
from pathlib import Path
from palate.store.lock import Lock
with Lock(Path(sys.argv[1])):
    if "worker" in sys.argv:
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
        print(child, flush=True)
    else:
        print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Starts a process that holds the folder; comes back once it does, with what it said."""
    started = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path), *words], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_process_is_told_of_the_first(holder, tmp_path):
    process, _ = holder()
    since = time.strftime("%Y-%m-%d", time.gmtime())
    began = time.monotonic()
    with pytest.raises(InUse, match=rf"in use by process {process.pid}, since {since} .*--out"):
        Lock(tmp_path).__enter__()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_one_is_no_bar(how, holder, tmp_path):
    process, _ = holder()
    process.send_signal(how)
    process.wait()
    assert (tmp_path / NAME).exists()  # what it left behind
    with Lock(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert not (tmp_path / NAME).exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Nobody forks here.")
def test_a_worker_that_outlives_its_parent_is_no_bar(holder, tmp_path):
    process, child = holder("worker")
    process.kill()
    process.wait()
    try:
        os.kill(int(child), 0)  # it lives
        with Lock(tmp_path):
            pass
    finally:
        os.kill(int(child), signal.SIGKILL)


def test_a_folder_is_free_again_and_others_are_never_barred(tmp_path):
    for _ in range(2):
        one, other = Lock(tmp_path / "new" / "one"), Lock(tmp_path / "other")
        with one, other, pytest.raises(InUse, match=f"in use by process {os.getpid()}"):
            Lock(other.folder).__enter__()
    assert not list(other.folder.iterdir())


def test_an_error_inside_frees_the_folder(tmp_path):
    with pytest.raises(KeyError), Lock(tmp_path):
        raise KeyError
    with Lock(tmp_path):
        pass


def test_a_lock_whose_file_says_nothing_still_bars(holder, tmp_path):
    holder()
    (tmp_path / NAME).write_text("half of some")
    with pytest.raises(InUse, match=r"in use by another process\. Wait until"):
        Lock(tmp_path).__enter__()


def test_the_file_of_a_lock_that_ended_meanwhile_does_not_count(tmp_path, monkeypatch):
    """Its last owner removes it between our opening and our locking it."""
    take, turns = Lock._locked.__globals__["_take"], []

    def late(handle):
        if not turns:
            (tmp_path / NAME).unlink()
        turns.append(handle)
        take(handle)

    monkeypatch.setitem(Lock._locked.__globals__, "_take", late)
    with Lock(tmp_path):
        assert len(turns) == 2 and (tmp_path / NAME).exists()
        with pytest.raises(InUse):
            Lock(tmp_path).__enter__()
