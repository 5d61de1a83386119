"""What measuring costs beside the encoders: the Fréchet trace, and CMMD against its products.

python -m bench.metrics

Ratios are of runs that take turns, so that a busy machine slows both alike. scipy, the rival, is no
dependency: without it that line is left out.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.report import figure, peak_memory
from palate.evals import kernels
from palate.evals.frechet import trace_of_root
from palate.evals.kernels import cmmd, cmmd_of_moments
from palate.evals.moments import Moments
from palate.seeds import noise_for

WIDTH, POINTS, CLIP = 2048, 10_000, 768


def seconds(call: Callable[[], object]) -> float:
    """Of one run."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def clouds(n: int, width: int) -> tuple[Tensor, Tensor]:
    """Points of length 1 whose mean cosine is about a half, as CLIP's have."""
    common = noise_for([0], (width,))[0]
    one, other = (noise_for([seed], (n, width))[0] for seed in (1, 2))
    return F.normalize(one + common, dim=1), F.normalize(other + 1.02 * common, dim=1)


def trace(n: int) -> None:
    """Against scipy's root of the product, which is what most software takes."""
    try:
        from scipy.linalg import sqrtm  # type: ignore[import-not-found]
    except ImportError:
        print("scipy is not installed: no figure for the trace against its sqrtm.")
        return
    a, b = (torch.cov(noise_for([seed], (n, WIDTH))[0].double().T) for seed in (3, 4))
    found: list[float] = []
    ours = seconds(lambda: found.append(trace_of_root(a, b)))
    theirs = seconds(lambda: found.append(float(sqrtm((a @ b).numpy()).real.trace())))
    kind = "full" if n > WIDTH else "singular"
    name = f"metrics/trace of {WIDTH}², {kind}, over scipy's sqrtm"
    gap = abs(found[0] / found[1] - 1)
    figure(name, ours / theirs, "x", bar="<= 0.2", seconds=round(ours, 2), relative_gap=gap)


def products(x: Tensor, y: Tensor, block: int) -> float:
    """The matrix products alone of an exact CMMD: blocks of x x', y y' and x y', halves once."""
    total, out = 0.0, torch.empty(block, block)
    for a, b in ((x, x), (y, y), (x, y)):
        for i, left in enumerate(a.split(block)):
            for j, right in enumerate(b.split(block)):
                if a is not b or j >= i:
                    k = torch.mm(left, right.T, out=out[: len(left), : len(right)].contiguous())
                    total += float(k[0, 0])
    return total


def _forget_peak() -> int:
    """Bytes in use now, from which on the peak counts anew; Linux and glibc."""
    ctypes.CDLL(None).malloc_trim(0)  # what was freed is not in use, and would hide what is taken
    Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def discrepancy() -> None:
    """Time over the bare products, bytes beyond the points, and the error of single precision."""
    x, y = clouds(POINTS, CLIP)
    cmmd(x[:2100], y[:2100])
    before = _forget_peak()
    found = cmmd(x, y)
    extra = peak_memory() - before
    ratios = []
    for _ in range(3):
        bare = seconds(lambda: products(x, y, kernels._BLOCK))
        ratios.append(seconds(lambda: cmmd(x, y)) / bare)
    figure("metrics/CMMD, memory beyond the points", extra / 1e6, "MB", bar="<= 100", n=POINTS)
    figure("metrics/CMMD over its matrix products", median(ratios), "x", bar="<= 1.25", n=POINTS)
    exact = cmmd(x.double(), y.double())
    error = abs(found / exact - 1)
    figure("metrics/CMMD against float64, relative", error * 1e6, "e-6", bar="<= 100")
    one, other = Moments.of(x), Moments.of(y)
    error = abs(cmmd_of_moments(one, other) / exact - 1)
    figure("metrics/CMMD of moments against float64", error * 1e6, "e-6", bar="<= 100")


def main() -> None:
    """All of it."""
    discrepancy()
    trace(3 * WIDTH)
    trace(WIDTH // 2)


if __name__ == "__main__":
    main()
