"""The paper-scale population as recipes: time, memory, and whether it grows in a straight line.

python -m bench.agents
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.report import figure

PEOPLE = (501, 5_015, 50_153)

ONE = """
import json, resource, sys, time
from pathlib import Path
from palate.data.agents import PICTURES_EACH, Population, build
people = int(sys.argv[1])
started = time.perf_counter()
population = Population(people=people, pictures=2 * round(PICTURES_EACH * people / 2))
shards = build(Path(sys.argv[2]), population)
print(json.dumps({
    "seconds": time.perf_counter() - started,
    "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    "pictures": 2 * sum(s.rows for s in shards if s.file.startswith("pairs")),
    "file_megabytes": sum((Path(sys.argv[2]) / s.file).stat().st_size for s in shards) / 1e6,
}))
"""


def measured(people: int) -> dict[str, float]:
    """One build in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", ONE, str(people), str(Path(folder) / "agents")]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def main() -> None:
    """Measure three sizes and plot them on one page."""
    found = {people: measured(people) for people in PEOPLE}
    for people, facts in found.items():
        print(
            f"{people:7,} people  {facts['pictures']:9,} pictures  {facts['seconds']:6.2f} s  "
            f"{facts['gigabytes']:.2f} GB  {facts['file_megabytes']:.1f} MB of files"
        )
    full = found[PEOPLE[-1]]
    figure("agents/seconds", full["seconds"], "s", bar="<= 60", people=PEOPLE[-1])
    figure("agents/memory", full["gigabytes"], "GB", bar="<= 2", people=PEOPLE[-1])
    figure("agents/files", full["file_megabytes"], "MB", pictures=full["pictures"])
    growth = full["seconds"] / found[PEOPLE[1]]["seconds"]
    figure("agents/time for ten times as many", growth, "ratio", bar="about 10, or less")
    plot(found)


def plot(found: dict[int, dict[str, float]]) -> None:
    """Seconds and memory over people, both axes logarithmic."""
    import matplotlib.pyplot as plt

    people = list(found)
    seconds = [facts["seconds"] for facts in found.values()]
    page, left = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    left.loglog(people, seconds, "o-", color="#2467b0", label="measured")
    straight = [seconds[-1] * p / people[-1] for p in people]
    left.loglog(people, straight, ":", color="#888888", label="in proportion to people")
    for p, s in zip(people, seconds, strict=True):
        said = f"{p:,} people\n{s:.2f} s"
        left.annotate(said, (p, s), xytext=(4, -24), textcoords="offset points")
    left.set(xlabel="people", ylabel="seconds", title="A population as recipes")
    left.margins(0.2)
    left.legend(frameon=False)
    page.savefig(Path(__file__).parent / "results" / "agents.png", dpi=120)


if __name__ == "__main__":
    main()
