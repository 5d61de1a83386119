"""Randomness is an argument.

Two sources, both free of global state:
- `uniform` and `pick`: numbers that are a pure function of integer keys (a counter-based hash, so
  that person 40,000 of a data set is the same drawn alone, in a batch or on another machine);
- `noise_for`: the starting noise of pictures, one generator per picture, so that the batch a
  picture rides in cannot change it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import torch

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # splitmix64's increment, 2^64 / golden ratio


def name_key(name: str) -> int:
    """A stable 63-bit key for a word: what `uniform` takes in place of a string."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64's finalizer: every input bit reaches every output bit."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def bits(*keys: ArrayLike) -> NDArray[np.uint64]:
    """64 random bits for each combination of integer keys; the keys broadcast."""
    state = np.zeros((), np.uint64)
    with np.errstate(over="ignore"):  # wrapping round is the point
        for key in keys:
            state = _mix(state + np.asarray(key).astype(np.uint64) + _GOLDEN)
    return state


def uniform(*keys: ArrayLike) -> NDArray[np.float64]:
    """A number in [0, 1) for each combination of integer keys; the keys broadcast."""
    return (bits(*keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(*keys: ArrayLike) -> NDArray[np.float64]:
    """A standard normal number for each combination of integer keys (Box-Muller)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(*keys, 1)))
    return radius * np.cos(2.0 * np.pi * uniform(*keys, 2))


def pick(weights: NDArray[np.float64], u: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draw an index along the last axis of `weights`, one for each number of `u` in [0, 1)."""
    reach = np.cumsum(weights, axis=-1)
    return np.minimum((u[..., None] * reach[..., -1:] >= reach).sum(axis=-1), weights.shape[-1] - 1)


def generator(seed: int) -> torch.Generator:
    """A CPU generator for one picture: CUDA streams differ between GPU models, this does not."""
    import torch

    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"A seed is a whole number, not {type(seed).__name__}.")
    fits = -(2**63) <= seed < 2**64  # torch takes no more
    return torch.Generator().manual_seed(seed if fits else seed % 2**64)


def noise_for(seeds: Sequence[int], shape: tuple[int, ...]) -> torch.Tensor:
    """Standard normal noise (len(seeds), *shape): row i depends on seeds[i] alone."""
    import torch

    return torch.stack([torch.randn(shape, generator=generator(s)) for s in seeds])
