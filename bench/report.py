"""How a figure is printed, so that nobody has to ask where it came from."""

from __future__ import annotations

import json
import platform
import resource
import subprocess
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from palate.recipes.card import processor

RUNS = 7  # of each side of a ratio
PACKAGES = ("numpy", "pyarrow", "daft", "skia-python")


def figure(name: str, value: float, unit: str, bar: str | None = None, **more: Any) -> None:
    """Print one measured figure as a JSON line; `bar` is what it should be, like "<= 30"."""
    about = {"commit": commit(), "machine": processor(), "versions": versions()}
    line = {"name": name, "value": round(float(value), 4), "unit": unit, "bar": bar}
    print(json.dumps({**line, **more, **about}), flush=True)


def ratio(one: Callable[[], object], other: Callable[[], object]) -> float:
    """The median of one's time over the other's, in turns after a warm-up."""
    one(), other()
    found = []
    for _ in range(RUNS):
        times = []
        for call in (one, other):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        found.append(times[0] / times[1])
    return median(found)


def peak_memory() -> int:
    """Bytes this process has held at most."""
    try:  # not ru_maxrss where we can help it: a child begins with its parent's peak
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if platform.system() == "Darwin" else peak * 1024


@cache
def commit() -> str | None:
    """The commit measured; None outside a repository or before its first commit."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    except OSError:
        return None
    return run.stdout.strip() if run.returncode == 0 else None


@cache
def versions() -> dict[str, str]:
    """Python and the packages that do the work; those not installed are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
