"""A million rows of Pick-a-Pic's shape: time and memory of the metadata pass, beside plain pandas.

python -m bench.pickapic
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.report import figure, peak_memory
from palate.data.pickapic import Rules, scan
from palate.data.pickapic.pictures import verdicts

ROWS, FILES, ROUNDS = 1_000_000, 40, 3
LIKED, DISLIKED = 8, 8  # as Rules() has it; spelled out for pandas
USERS = 9_000
Lines = Iterable[tuple[int, str, bool]]  # user, picture, liked
READ = [
    *("has_label", "user_id", "caption", "image_0_uid", "image_1_uid"),
    *("label_0", "label_1", "are_different"),
]


def choices(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Rankings as the site made them: the winner stays, a new picture takes the loser's place."""
    rng = np.random.default_rng(seed)
    rankings = rows // 3
    length = np.minimum(rng.geometric(0.28, rankings), 20)
    activity = rng.lognormal(0, 1.6, USERS)
    user = rng.choice(USERS, rankings, p=activity / activity.sum()) + 1
    left, fresh = np.arange(rankings) * 32, np.arange(rankings) * 32 + 1
    parts = []
    for step in range(20):
        going = np.flatnonzero(length > step)
        draw = rng.random(len(going))
        label = np.select([draw < 0.44, draw < 0.56], [1.0, 0.5], 0.0)
        parts.append((going, left[going], fresh[going], label))
        left[going] = np.where(label == 0.0, fresh[going], left[going])
        fresh[going] += 1
    ranking, one, other, label = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(ranking, kind="stable")[:rows]
    found = {"ranking": ranking, "one": one, "other": other, "label": label, "user": user[ranking]}
    return spoiled({name: column[order] for name, column in found.items()}, rng)


def spoiled(table: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Some rows of every kind that has to go."""
    rows = len(table["user"])
    again = rng.integers(0, rows // 2, rows // 70)  # said again further on, some the other way
    later = rng.integers(rows // 2, rows, rows // 70)
    for column in table.values():
        column[later] = column[again]
    turned = later[::3]
    table["label"][turned] = 1.0 - table["label"][turned]
    same = rng.integers(0, rows, rows // 1000)
    table["other"][same] = table["one"][same]
    table["has_label"] = rng.random(rows) > 0.02
    table["are_different"] = rng.random(rows) > 0.005
    table["no_user"] = rng.random(rows) < 0.01
    table["no_caption"] = rng.random(rows) < 0.002
    return table


def write(folder: Path, rows: int, files: int, picture_bytes: int, group: int) -> None:
    """The nineteen columns, over many files."""
    table = choices(rows)
    rng = np.random.default_rng(1)
    for number, part in enumerate(np.array_split(np.arange(len(table["user"])), files)):
        mine = {name: column[part] for name, column in table.items()}
        path = folder / f"train-{number:05}-of-{files:05}.parquet"
        pq.write_table(columns(mine, rng, picture_bytes), path, row_group_size=group)


def columns(part: dict[str, np.ndarray], rng: np.random.Generator, size: int) -> pa.Table:
    rows = len(part["user"])
    uid_0, uid_1 = (pa.array([uid(n) for n in part[side].tolist()]) for side in ("one", "other"))
    words = [caption(n) for n in part["ranking"].tolist()]
    zeros = pa.array(np.zeros(rows, np.int64))
    address = pa.array(["https://text-to-image-human-preferences/images/x.png"] * rows)
    return pa.table(
        {
            "are_different": part["are_different"],
            "best_image_uid": uid_0,
            "caption": pa.array(words, mask=part["no_caption"]),
            "created_at": zeros.cast(pa.timestamp("ns")),
            "has_label": part["has_label"],
            "image_0_uid": uid_0,
            "image_0_url": address,
            "image_1_uid": uid_1,
            "image_1_url": address,
            "jpg_0": pictures(rows, size, rng),
            "jpg_1": pictures(rows, size, rng),
            "label_0": part["label"],
            "label_1": 1.0 - part["label"],
            "model_0": pa.array(["stabilityai/stable-diffusion-xl-base-1.0"] * rows),
            "model_1": pa.array(["dreamlike-art/dreamlike-photoreal-2.0"] * rows),
            "ranking_id": part["ranking"],
            "user_id": pa.array(part["user"], mask=part["no_user"]),
            "num_example_per_prompt": zeros,
            "__index_level_0__": zeros,
        }
    )


def uid(number: int) -> str:
    digits = f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def caption(ranking: int) -> str:
    return f"a portrait of character {ranking % 90_000}, intricate, highly detailed, artstation"


def pictures(rows: int, size: int, rng: np.random.Generator) -> pa.Array:
    data = rng.integers(0, 256, (rows, size), np.uint8)
    data[:, :3] = 0xFF, 0xD8, 0xFF
    offsets = np.arange(rows + 1, dtype=np.int32) * size
    return pa.Array.from_buffers(
        pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )


def by_palate(files: list[Path]) -> tuple[dict[str, int], Callable[[], Lines]]:
    kept = scan(files, Rules())
    account = dict(kept.report.rows.dropped)
    uids = partial(kept.uids.take, pa.array(kept.picture))
    return account, lambda: zip(kept.user, uids().to_pylist(), kept.liked, strict=True)


def by_pandas(files: list[Path]) -> tuple[dict[str, int], Callable[[], Lines]]:
    """The same rules and the same account, as one would write them on an afternoon."""
    rows = pd.concat([pd.read_parquet(f, columns=READ) for f in files], ignore_index=True)
    account = {}

    def keep(reason: str, good: pd.Series) -> Any:
        account[reason] = int((~good).sum())
        return rows[good]

    rows = keep("no_label", rows.has_label)
    rows = keep("no_user", rows.user_id.notna())
    rows = keep("no_caption", rows.caption.fillna("").str.strip() != "")
    uids = rows[["image_0_uid", "image_1_uid"]].fillna("")
    rows = keep("no_picture_id", (uids.image_0_uid != "") & (uids.image_1_uid != ""))
    rows = keep("same_picture", rows.image_0_uid != rows.image_1_uid)
    labels = rows.label_0.isin([0.0, 0.5, 1.0]) & (rows.label_0 + rows.label_1 == 1.0)
    rows = keep("bad_labels", labels)
    rows = keep("not_different", rows.are_different)
    rows = keep("tie", rows.label_0 != 0.5).copy()

    first = rows.image_0_uid < rows.image_1_uid
    rows["low"] = rows.image_0_uid.where(first, rows.image_1_uid)
    rows["high"] = rows.image_1_uid.where(first, rows.image_0_uid)
    rows["low_won"] = (rows.label_0 == 1.0) == first
    same_pair = ["user_id", "low", "high"]
    rows = keep("contradiction", rows.groupby(same_pair).low_won.transform("nunique") == 1)
    rows = keep("duplicate", ~rows.duplicated(same_pair))

    gain = rows.low_won.map({True: 1, False: -1})
    low = pd.DataFrame({"user": rows.user_id, "uid": rows.low, "net": gain})
    high = pd.DataFrame({"user": rows.user_id, "uid": rows.high, "net": -gain})
    net = pd.concat([low, high]).groupby(["user", "uid"], as_index=False).net.sum()
    net = net[net.net != 0].assign(liked=lambda table: table.net > 0)
    counts = net.groupby("user").liked.agg(["sum", "size"])
    enough = counts[(counts["sum"] >= LIKED) & (counts["size"] - counts["sum"] >= DISLIKED)].index
    net = net[net.user.isin(enough)]
    rows = keep("user_dropped", rows.user_id.isin(enough))
    return account, lambda: zip(net.user.astype("int64"), net.uid, net.liked, strict=True)


def measure(who: str, folder: str) -> None:
    """In a process of its own: time, peak memory, the account and a digest of the kept set."""
    files = sorted(Path(folder).glob("*.parquet"))
    started = time.perf_counter()
    account, kept = {"palate": by_palate, "pandas": by_pandas}[who](files)
    seconds, peak = time.perf_counter() - started, peak_memory()
    lines = sorted(f"{user} {uid} {liked:d}" for user, uid, liked in kept())
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    facts = {"seconds": seconds, "peak": peak, "kept": len(lines)}
    print(json.dumps({**facts, "found": [account, digest]}))


def touched(folder: str) -> None:
    """In a process of its own: bytes read to look at the pictures of the few most active users."""
    files = sorted(Path(folder).glob("*.parquet"))
    kept = scan(files, Rules(liked=40, disliked=40))
    before = bytes_read()
    for file in files:
        pq.ParquetFile(file).close()
    footers, before = bytes_read() - before, bytes_read()
    verdicts(kept)
    read = bytes_read() - before - footers
    users = len(set(kept.user.tolist()))
    print(json.dumps({"read": read, **picture_chunks(kept), "users": users}))


def bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split("rchar:")[1].split()[0])


def picture_chunks(kept) -> dict[str, int]:
    """Bytes of all picture columns, and of those parts that hold a kept picture."""
    place = {tuple(p) for p in kept.place[np.unique(kept.picture)].tolist()}
    every = needed = 0
    for number, source in enumerate(kept.sources):
        about, start = pq.read_metadata(source.path), 0
        for group in (about.row_group(g) for g in range(about.num_row_groups)):
            sides = {
                side for f, row, side in place if f == number and 0 <= row - start < group.num_rows
            }
            start += group.num_rows
            for column in (group.column(c) for c in range(19)):
                if column.path_in_schema.startswith("jpg_"):
                    every += column.total_compressed_size
                    needed += column.total_compressed_size * (
                        int(column.path_in_schema[-1]) in sides
                    )
    return {"all": every, "needed": needed}


def apart(what: str, folder: str) -> dict:
    command = [sys.executable, "-m", "bench.pickapic", what, folder]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def main() -> None:
    """Make the rows, run both ways in turn, compare; then count what looking at pictures reads."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), ROWS, FILES, picture_bytes=200, group=1_000)
        runs = [(apart("palate", folder), apart("pandas", folder)) for _ in range(ROUNDS)]
    ours, theirs = (sorted((r[i] for r in runs), key=seconds)[ROUNDS // 2] for i in (0, 1))
    print(f"{ROWS:,} rows     seconds  peak GB  opinions kept   (median of {ROUNDS})")
    for name, run in (("palate", ours), ("pandas", theirs)):
        memory = run["peak"] / 1e9
        print(f"{name:14}{run['seconds']:10.2f}{memory:9.2f}{run['kept']:15,}")
    same = ours["found"] == theirs["found"]
    figure("pickapic/seconds for a million rows", ours["seconds"], "s", "<= 30", rows=ROWS)
    figure("pickapic/peak memory", ours["peak"] / 1e9, "GB", "<= 2")
    figure("pickapic/times faster than pandas", theirs["seconds"] / ours["seconds"], "x", ">= 3")
    figure("pickapic/pandas peak memory", theirs["peak"] / 1e9, "GB")
    figure("pickapic/same set and account", same, "1 = yes", "= 1", kept=ours["kept"])
    reading()


def reading() -> None:
    """A set of which few pictures are kept: what is read of the others?"""
    if not Path("/proc/self/io").exists():  # only Linux counts them for us
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), 20_000, 10, picture_bytes=4_000, group=20)
        io = apart("touched", folder)
    print(
        f"pictures of {io['users']} users: {io['read'] / 1e6:.1f} MB read, where "
        f"{io['needed'] / 1e6:.1f} MB of row groups hold one; {io['all'] / 1e6:.1f} MB in all"
    )
    read = io["read"] / io["needed"]
    figure("pickapic/picture bytes read per byte needed", read, "ratio", "<= 1.1", **io)


def seconds(run: dict) -> float:
    return run["seconds"]


if __name__ == "__main__":
    if len(sys.argv) == 3:
        {"touched": touched}.get(sys.argv[1], lambda f: measure(sys.argv[1], f))(sys.argv[2])
    else:
        main()
