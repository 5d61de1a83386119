"""What is in this file or folder, and what is wrong with it?

Everything is looked at: every picture decoded, every shard hashed. Nothing is changed.
"""

from __future__ import annotations

from pathlib import Path

from palate import store
from palate.data import prefbench, shards
from palate.data.folder import DISLIKED, LIKED, report_folder
from palate.data.holdings import Holding, holding_of, joined
from palate.errors import BadInput, PalateError
from palate.images import open_picture


def check(path: Path) -> Holding:
    """Look at a taste folder, a data set, a table, a profile or a picture."""
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise BadInput(f"There is nothing at {path}. Give a file or a folder.")
    try:
        return _file(path)
    except PalateError as problem:
        return Holding(kind="unusable", problems=((path.name, str(problem)),))


def _folder(path: Path) -> Holding:
    names = {entry.name for entry in path.iterdir() if entry.name[0] != "."}
    if not names:
        raise BadInput(
            f"{path} is empty. A taste has pictures in liked/ and disliked/, a data set has "
            "Parquet files."
        )
    if names & {*LIKED, *DISLIKED}:
        report = report_folder(path)
        facts = {name: n for name, n in vars(report).items() if name != "problems"}
        return Holding(kind="taste", facts=facts, problems=report.problems)
    if names & {shards.PLAN, shards.MANIFEST}:
        return _data_set(path)
    files = [path / name for name in sorted(names) if (path / name).is_file()]
    if not files:
        raise BadInput(f"{path} holds folders only. Name the one to look at.")
    tables = [file for file in files if file.suffix == ".parquet"]
    return joined("tables" if tables else "files", [check(file) for file in tables or files])


def _data_set(path: Path) -> Holding:
    found = shards.read_manifest(path)
    damaged = dict(shards.damage(path))
    whole = [check(path / shard.file) for shard in found if shard.file not in damaged]
    inner = joined("data set", whole)
    return Holding(
        kind="data set",
        facts={"shards": len(found), **inner.facts, **shards.left_out(path)},
        problems=(*damaged.items(), *inner.problems),
    )


def _file(path: Path) -> Holding:
    if path.suffix in (".json", ".pkl"):
        people = (prefbench.read_json if path.suffix == ".json" else prefbench.read_pkl)(path)
        pairs = sum(len(person.pairs) for person in people)
        return Holding(kind="PrefBench", facts={"records": len(people), "pairs": pairs})
    if path.suffix == ".parquet":
        return holding_of(path)
    if path.suffix == ".safetensors":
        header = store.header(path)
        return Holding(kind=header.kind, facts={"tensors": len(header.tensors)})
    height, width, _ = open_picture(path, strict=True).shape
    return Holding(kind="picture", facts={"pixels": height * width})
