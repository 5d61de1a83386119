"""Data sets as folders of shards, built so that a kill at any instant costs one shard at most.

    out/plan.json          what is being built; a folder holds one plan for ever
    out/pairs-00000.parquet …  each written aside and moved into place whole
    out/problems.json      rows that were left out, if any, and why
    out/manifest.json      last: rows and sha256 of every shard; there only when all is done

Started again, a build keeps whole shards, removes half ones and those no plan names, and ends with
the same manifest, byte for byte. Other files in the folder (a data card) are left alone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from palate.errors import BadInput, BadTable, Unfinished
from palate.store import write_json, writing

PLAN, MANIFEST, PROBLEMS = "plan.json", "manifest.json", "problems.json"


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file of a data set."""

    file: str
    rows: int
    sha256: str


@contextmanager
def building(out: Path, names: Sequence[str]) -> Iterator[None]:
    """Hold a folder against a second builder, and say how far it got if this one is stopped."""
    out.mkdir(parents=True, exist_ok=True)
    handle = os.open(out, os.O_RDONLY)
    try:
        _hold(handle, out)
        yield
    except KeyboardInterrupt:
        raise _unfinished(out, names, "Stopped") from None
    except Unfinished as why:
        raise _unfinished(out, names, str(why)) from None
    finally:
        os.close(handle)


def _hold(handle: int, out: Path) -> None:
    import fcntl  # POSIX only, like the limits of images

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with us, however we end
    except BlockingIOError:
        raise BadInput(
            f"Another process is building in {out}. Wait for it to end, or give another folder."
        ) from None


def _unfinished(out: Path, names: Sequence[str], why: str) -> Unfinished:
    """What to say when a build ends early."""
    done = sum((out / name).exists() for name in names)
    return Unfinished(
        f"{why}: {done} of {len(names)} shards are done; run the same command again to go on."
    )


def missing(out: Path, plan: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Take up the build of a plan in a folder: tidy it, and say which shards are still to write."""
    out.mkdir(parents=True, exist_ok=True)
    _agree(out, json.loads(json.dumps(dict(plan))))  # as it will be read back
    for stray in out.iterdir():
        if _is_ours(stray) and stray.name not in names:
            stray.unlink()
    to_do = [name for name in names if not (out / name).exists()]
    if to_do:  # a shard was taken away since: until it is back, nothing here is finished
        (out / MANIFEST).unlink(missing_ok=True)
    return to_do


def _agree(out: Path, wanted: dict[str, Any]) -> None:
    """Write the plan of a new build; refuse a folder that holds anything but the same plan."""
    begun = _read_json(out / PLAN)
    if begun is None:
        if not all(map(_is_part, out.iterdir())):
            raise BadInput(
                f"{out} holds other files. Give a new or empty folder, or one where this build "
                "began."
            )
        write_json(out / PLAN, wanted)
    elif begun != wanted:
        begun = begun if isinstance(begun, dict) else {}
        changed = sorted(k for k in begun.keys() | wanted.keys() if begun.get(k) != wanted.get(k))
        raise BadInput(
            f"{out} holds another build: {', '.join(changed)} differ. Give a new folder, or the "
            "settings this one began with."
        )


def _is_part(path: Path) -> bool:
    return path.name.startswith(".") and path.suffix == ".part"  # what `store.writing` leaves


def _is_ours(path: Path) -> bool:
    return path.is_file() and (path.suffix == ".parquet" or _is_part(path))


def write_table(path: Path, table: pa.Table) -> None:
    """One shard, whole or not at all; the same table gives the same bytes."""
    with writing(path) as aside:
        pq.write_table(table, aside, compression="zstd", row_group_size=65_536)


@contextmanager
def writing_rows(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """One shard too large to hold: write tables to it one by one, each a row group."""
    # Pictures and vectors never repeat; zstd still takes five percent off a drawn PNG.
    plain: Any = [field.name for field in schema if not pa.types.is_nested(field.type)]
    with (
        writing(path) as aside,
        pq.ParquetWriter(aside, schema, compression="zstd", use_dictionary=plain) as writer,
    ):
        yield writer


def finish(
    out: Path, names: Iterable[str], problems: Sequence[Mapping[str, Any]] = ()
) -> list[Shard]:
    """Write the list of rows left out, if any, and then the manifest: every shard is there."""
    shards = [describe(out / name) for name in names]
    if problems:
        write_json(out / PROBLEMS, {"skipped": len(problems), "problems": list(problems)})
    write_json(out / MANIFEST, [asdict(s) for s in shards])
    return shards


def describe(path: Path) -> Shard:
    """Count a shard's rows and hash its bytes."""
    return Shard(file=path.name, rows=read_metadata(path).num_rows, sha256=_sha256(path))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_metadata(path: Path) -> pq.FileMetaData:
    """A Parquet file's footer, or a sentence that says why there is none."""
    try:
        return pq.read_metadata(path)
    except (pa.ArrowException, OSError) as problem:
        raise BadTable(f"{path} is not a whole Parquet file: {problem}. Make it again.") from None


def read_schema(path: Path) -> pa.Schema:
    """A Parquet file's columns, or a sentence that says why there are none."""
    return read_metadata(path).schema.to_arrow_schema()


def read_manifest(folder: Path) -> list[Shard]:
    """The shards a finished data set says it has (whether they are there, and whole: `damage`)."""
    found = _read_json(folder / MANIFEST)
    if found is None:
        begun = (folder / PLAN).exists()
        raise BadTable(
            f"{folder} holds an unfinished build: run the same command again to finish it."
            if begun
            else f"{folder} holds no data set: there is no {MANIFEST} in it."
        )
    try:
        shards = [Shard(**entry) for entry in found]
        if all(Path(s.file).name == s.file for s in shards):  # nothing outside the folder
            return shards
    except TypeError:
        pass
    raise BadTable(f"{folder / MANIFEST} is not a manifest of shards. Build the data set again.")


def left_out(folder: Path) -> dict[str, int]:
    """How many rows a build had to skip, if any; what and why stands in the file itself."""
    told = _read_json(folder / PROBLEMS)
    return {"rows left out": int(told["skipped"])} if told else {}


def damage(folder: Path) -> Iterator[tuple[str, str]]:
    """Every shard that is missing or no longer what the manifest says: (file, problem)."""
    for shard in read_manifest(folder):
        path = folder / shard.file
        if not path.exists():
            yield shard.file, "is missing"
        elif _sha256(path) != shard.sha256:
            yield shard.file, "is not the file the manifest describes (sha256 differs)"


def build(
    out: Path,
    plan: Mapping[str, Any],
    writers: Mapping[str, Callable[[Path], None]],
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Shard]:
    """Write every shard that is not there yet, then the manifest."""
    with building(out, list(writers)):
        to_do = missing(out, plan, list(writers))
        for left, name in zip(range(len(to_do), 0, -1), to_do, strict=True):
            progress(len(writers) - left, len(writers))
            writers[name](out / name)
        progress(len(writers), len(writers))
        return finish(out, writers)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (ValueError, UnicodeDecodeError):
        raise BadTable(f"{path} is not JSON. Remove the folder and build it again.") from None
