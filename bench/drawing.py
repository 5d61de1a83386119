"""How fast pictures are drawn: on one core, and in bulk by one and by two workers.

python -m bench.drawing
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from bench.report import figure
from palate.data import agents, bulk, shards
from palate.data.quick_png import quick_png
from palate.data.works import Draw
from palate.seeds import uniform
from palate.sketchbook.drawing import draw
from palate.sketchbook.scenes import CONTENTS, Scene, look_from_codes
from palate.sketchbook.vocabulary import SIZES

ROOT = Path(__file__).parents[1]
SCENES, RUNS = 3_000, 3
SHARDS, PEOPLE = 4, 600  # people in each shard, two pairs each: 9,600 pictures
ORDER = (1, 2, 1, 2)  # workers, turn and turn about: the machine is not ours alone


def random_scenes() -> list[Scene]:
    """Scenes that share nothing: any content, any look."""
    u = uniform(1, np.arange(SCENES)[:, None], np.arange(1 + len(SIZES)))
    looks = (u[:, 1:] * SIZES).astype(int)
    contents = (u[:, 0] * len(CONTENTS)).astype(int)
    return [
        Scene(content=CONTENTS[content], look=look_from_codes(look), seed=seed)
        for seed, (content, look) in enumerate(zip(contents, looks, strict=True))
    ]


def drawing() -> None:
    """Drawing alone: no file, no encoding, one process."""
    scenes = random_scenes()
    for scene in scenes[:200]:
        draw(scene)
    walls, works = [], []
    for _ in range(RUNS):
        wall, work = time.perf_counter(), time.process_time()
        for scene in scenes:
            draw(scene)
        walls.append(SCENES / (time.perf_counter() - wall))
        works.append(SCENES / (time.process_time() - work))
    print(
        f"drawing alone   {median(walls):6.0f} pictures/s, {median(works):.0f} in a second of CPU"
    )
    figure("drawing/pictures a second", median(walls), "1/s", in_cpu_second=round(median(works)))


def recipes(out: Path) -> None:
    """A population small enough to draw in seconds."""
    population = agents.Population(people=SHARDS * PEOPLE, pictures=4 * SHARDS * PEOPLE)
    for number in range(SHARDS):
        people = np.arange(PEOPLE) + PEOPLE * number
        table = agents.pairs_table(people, population)
        shards.write_table(out / f"pairs-{number:05d}.parquet", table)


def in_bulk() -> None:
    """From recipes to finished Parquet shards, start-up and all."""
    taken: dict[int, list[float]] = {1: [], 2: []}
    others = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "recipes")
        recipes(source)
        for turn, workers in enumerate(ORDER):
            started, before = time.perf_counter(), cores_of_others()
            pairs = bulk.run(source, Path(folder, str(turn)), Draw(), workers=workers).rows
            taken[workers].append(time.perf_counter() - started)
            others.append((cores_of_others() - before) / taken[workers][-1])
            rate, busy = 2 * pairs / taken[workers][-1], others[-1]
            print(f"bulk, {workers} at work {rate:5.0f} pictures/s  (others used {busy:.2f} cores)")
    gain = median(taken[1]) / median(taken[2])
    fair = {"cores_others_used": [round(cores, 2) for cores in others]}  # 0, if it is
    figure("drawing/bulk by 2 workers", 2 * pairs / median(taken[2]), "1/s", pictures=2 * pairs)
    figure("drawing/2 workers against 1", gain, "ratio", bar=">= 1.6", **fair)


def bare() -> float:
    """Pictures drawn and saved as PNG in a second, without Daft, files or other processes."""
    scenes = random_scenes()
    for scene in scenes[:200]:
        draw(scene)
    started = time.perf_counter()
    for scene in scenes:
        quick_png(draw(scene))
    return SCENES / (time.perf_counter() - started)


def ceiling() -> None:
    """What two processes that share nothing gain here over one: no engine does better."""
    command = [sys.executable, "-c", "from bench.drawing import bare; print(bare())"]
    rates: dict[int, list[float]] = {1: [], 2: []}
    for count in ORDER:
        at_once = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
            for _ in range(count)
        ]
        rates[count].append(sum(float(process.communicate()[0]) for process in at_once))
    gain = median(rates[2]) / median(rates[1])
    print(f"bare processes  {median(rates[1]):6.0f} pictures/s by 1, {median(rates[2]):.0f} by 2")
    figure("drawing/2 bare processes against 1", gain, "ratio")


def cores_of_others() -> float:
    """Seconds of CPU that all others have used since the machine started."""
    user, nice, system = map(int, Path("/proc/stat").read_text().split()[1:4])
    ours = sum(os.times()[:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - ours


def main() -> None:
    """Measure all three."""
    drawing()
    ceiling()
    in_bulk()


if __name__ == "__main__":
    main()
