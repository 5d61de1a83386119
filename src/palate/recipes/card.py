"""A model card: what it is, how it was made, how good it is, and how to make it again."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from palate import store
from palate.learn.settings import Fit


def write_card(
    folder: Path, name: str, summary: str, fit: Fit, measured: Mapping[str, float], steps: int
) -> None:
    """README.md beside the weights, in the form the Hub reads."""
    rows = "\n".join(f"| {what} | {_shown(what, value)} |" for what, value in measured.items())
    text = f"""---
license: apache-2.0
library_name: palate
tags: [sketchbook, palate]
---
# {name}

{summary[0].upper()}{summary[1:]}.
Made by Palate for its drawn world, Sketchbook: it knows nothing else.

- **Data**: drawings made from seeds, {fit.batch * steps:,} looks at them.
- **Training**: {_done(steps, fit)} of {fit.batch}; {_how(fit)}.
- **Hardware**: {processor()}.
- **Made again by**: `palate train {name}`.

| measured on drawings it never saw | |
|---|---|
{rows}

Apache-2.0, as Palate itself.
"""
    store.write_bytes(folder / "README.md", text.encode())


def _shown(what: str, value: float) -> str:
    """Shares as per cents; errors and distances are none, though they may lie below 1."""
    share = 0 <= value <= 1 and not what.startswith(("flow error", "people apart"))
    return f"{100 * value:.1f} %" if share else f"{value:.4g}"


def _done(steps: int, fit: Fit) -> str:
    whole = f"{fit.steps:,} steps"
    return whole if steps == fit.steps else f"{steps:,} of {whole}, not finished,"


def _how(fit: Fit) -> str:
    average = f"averaged weights ({fit.ema})" if fit.ema else "last weights"
    precision = "bf16 autocast, " if fit.bf16 else ""
    return f"{fit.optimizer}, learning rate {fit.lr}, {fit.schedule}, {precision}{average}"


def processor() -> str:
    """Processor and cores of this machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"
