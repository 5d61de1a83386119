"""Checkpoints: whole or not there, whatever instant the process is killed at.

    run/step_00001200/        weights, average, optimizer (.safetensors), state.json, manifest.json
    run/LATEST                "step_00001200", for scripts

A checkpoint is written into `step_00001200.part`, flushed, renamed, and only then pointed at. The
reader takes the newest, pointed at or not, and believes its manifest (size and sha256 of every
file): a damaged checkpoint is passed over for the one before it. To go back, remove what is newer.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from palate import store
from palate.errors import BadFile, NewerFile, NoSpace

LATEST, MANIFEST, STATE = "LATEST", "manifest.json", "state.json"
WEIGHTS, AVERAGE, OPTIMIZER = "weights", "average", "optimizer"
_NAME = re.compile(r"step_(\d{8,})")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """All it takes to go on from a step."""

    step: int
    tensors: Mapping[str, dict[str, torch.Tensor]]  # WEIGHTS, OPTIMIZER and perhaps AVERAGE
    state: Mapping[str, Any]  # JSON


def name(step: int) -> str:
    """The folder of a step's checkpoint; names sort as steps do."""
    return f"step_{step:08d}"


def steps(run: Path) -> list[int]:
    """The steps with a checkpoint, newest first."""
    found = (_NAME.fullmatch(path.name) for path in run.glob("step_*"))
    return sorted((int(match[1]) for match in found if match), reverse=True)


def save(run: Path, checkpoint: Checkpoint, keep: int) -> None:
    """Publish a checkpoint, then remove all but the newest `keep` up to it."""
    part = run / f"{name(checkpoint.step)}.part"
    try:
        _write(part, checkpoint)
        _publish(part, run / name(checkpoint.step))
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, NoSpace) or error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_space(run, checkpoint.step) from error
        raise
    for step in [s for s in steps(run) if s <= checkpoint.step][keep:]:
        shutil.rmtree(run / name(step), ignore_errors=True)


def _write(part: Path, checkpoint: Checkpoint) -> None:
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for group, tensors in checkpoint.tensors.items():
        file = part / f"{group}.safetensors"
        store.save(file, tensors, kind=_kind(group), config={"step": checkpoint.step})
    store.write_json(part / STATE, {"step": checkpoint.step, **checkpoint.state})
    store.write_json(part / MANIFEST, {path.name: _entry(path) for path in part.iterdir()})


def _publish(part: Path, final: Path) -> None:
    shutil.rmtree(final, ignore_errors=True)  # there only if it was damaged and passed over
    os.replace(part, final)
    _flush(final.parent)
    store.write_bytes(final.parent / LATEST, f"{final.name}\n".encode())


def load(run: Path) -> Checkpoint | None:
    """The newest whole checkpoint, if any was ever written; says so when it had to look further."""
    damage = []
    for step in steps(run):
        try:
            checkpoint = _read(run / name(step))
        except NewerFile:
            raise
        except BadFile as error:
            damage.append(str(error))
            continue
        if damage:
            warnings.warn(f"{' '.join(damage)} Going on from step {step}.", stacklevel=2)
        return checkpoint
    if damage:
        raise BadFile(f"No checkpoint in {run} is whole. {' '.join(damage)} Begin in a new folder.")
    return None


def weights(run: Path, *, averaged: bool = True) -> dict[str, dict[str, torch.Tensor]]:
    """The weights a run has come to, for each module: a state dict."""
    checkpoint = load(run)
    if checkpoint is None:
        raise BadFile(f"{run} holds no checkpoint.")
    tensors = dict(checkpoint.tensors[WEIGHTS])
    if averaged:
        average = checkpoint.tensors.get(AVERAGE, {})
        tensors |= {n: tensor.to(tensors[n].dtype) for n, tensor in average.items()}
    modules: dict[str, dict[str, torch.Tensor]] = {}
    for full, tensor in tensors.items():
        module, _, rest = full.partition(".")
        modules.setdefault(module, {})[rest] = tensor
    return modules


def _read(folder: Path) -> Checkpoint:
    manifest = _read_json(folder / MANIFEST)
    needed = {STATE, f"{WEIGHTS}.safetensors", f"{OPTIMIZER}.safetensors"}
    if not isinstance(manifest, dict) or not needed <= manifest.keys():
        raise BadFile(f"{folder / MANIFEST} is damaged.")
    for file, entry in manifest.items():
        if not (folder / file).is_file() or _entry(folder / file) != entry:
            raise BadFile(f"{folder / file} is missing or damaged.")
    groups = [file.removesuffix(".safetensors") for file in manifest if file != STATE]
    tensors = {g: store.load(folder / f"{g}.safetensors", kind=_kind(g))[1] for g in groups}
    state = _read_json(folder / STATE)
    return Checkpoint(step=state["step"], tensors=tensors, state=state)


def _kind(group: str) -> str:
    return f"training {group}"


def _entry(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": store.fingerprint(path)}


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        raise BadFile(f"{path} is missing or damaged.") from None


def _flush(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _no_space(run: Path, step: int) -> NoSpace:
    before = [s for s in steps(run) if s < step]
    whole = f"The one of step {before[0]} is whole" if before else "None was written before it"
    return NoSpace(
        f"There is no space for the checkpoint of step {step} in {run}: "
        f"{shutil.disk_usage(run).free:,} bytes are free. {whole}; make room and run the same "
        "command again."
    )
