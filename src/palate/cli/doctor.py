"""`palate doctor`: is this machine ready?"""

from __future__ import annotations

import os
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import typer

from palate import __version__
from palate.cli.speech import AsJson, say

PARTS = {
    "palate": (
        *("numpy", "pillow", "safetensors", "skia-python", "torch", "typer"),
        *("diffusers", "transformers", "accelerate", "huggingface_hub"),
    ),
    "palate[data]": ("daft", "pyarrow"),
    "palate[train]": ("prodigyopt", "tensorboard", "tqdm"),
}


def doctor(as_json: AsJson = False) -> None:
    """Say what is installed, what the machine has, and what stands in the way."""
    parts = {part: {name: _version(name) for name in names} for part, names in PARTS.items()}
    machine = {
        "python": sys.version.split()[0],
        "cores": os.cpu_count(),
        "free_disk_gb": round(shutil.disk_usage(Path.cwd()).free / 1e9, 1),
    }
    problems = _problems(parts)
    facts = {"palate": __version__, "machine": machine, "parts": parts, "problems": problems}
    lines = [f"palate {__version__}", _line("machine", machine)]
    lines += [
        _line(part, {n: v or "missing" for n, v in found.items()}) for part, found in parts.items()
    ]
    lines += [f"problem: {p}" for p in problems] or ["all is well"]
    say("\n".join(lines), facts, as_json)
    if problems:
        raise typer.Exit(1)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _line(title: str, facts: dict[str, object]) -> str:
    return f"{title:14}" + "  ".join(f"{name} {value}" for name, value in facts.items())


def _problems(parts: dict[str, dict[str, str | None]]) -> list[str]:
    found = [
        f"{name} is not installed. Install it with: pip install '{part}'."
        for part, names in parts.items()
        for name, version in names.items()
        if version is None
    ]
    if find_spec("torchvision"):
        found.append(
            "torchvision is installed. Beside the CPU build of torch it breaks diffusers; "
            "remove it with: pip uninstall torchvision."
        )
    if not any("skia" in problem for problem in found) and not _draws_alike():
        found.append(
            "The drawn world looks different here than where it was made: pictures are fine, but "
            "figures measured on them may not compare."
        )
    return found


def _draws_alike() -> bool:
    from palate.sketchbook.drawing import GOLDEN, fingerprint

    return fingerprint() == GOLDEN
