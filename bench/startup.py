"""How long a person waits before anything happens: `import palate` and `palate --help`.

python -m bench.startup
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.report import figure

RUNS = 9
PALATE = str(Path(sys.executable).with_name("palate"))


def seconds(command: list[str]) -> float:
    """The median of several runs after a warm-up, the whole process."""
    taken = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return median(taken[1:])


def main() -> None:
    """Measure both, and a Python that does nothing beside them."""
    nothing = seconds([sys.executable, "-c", "pass"])
    imported = seconds([sys.executable, "-c", "import palate; palate.Taste"])
    helped = seconds([PALATE, "--help"])
    print(f"python alone {nothing:.3f} s, import palate {imported:.3f} s, --help {helped:.3f} s")
    figure("startup/import palate", imported, "s", bar="<= 0.3", python_alone=nothing)
    figure("startup/palate --help", helped, "s", bar="<= 0.7", python_alone=nothing)


if __name__ == "__main__":
    main()
