"""The arithmetic of choices. A vote: `user` saw pictures `one` and `other`, and `won` is for `one`.

Users and pictures are numbered from 0. All arrays have one entry for each vote.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def inconsistent(user: Ints, one: Ints, other: Ints, won: Bools) -> tuple[Bools, Bools]:
    """Votes that contradict another by the same user on the same two pictures; mere repeats.

    Of votes that contradict each other none says anything; of repeats the first does.
    """
    low, high = np.minimum(one, other), np.maximum(one, other)
    pair = low * (int(high.max(initial=0)) + 1) + high
    order = np.lexsort((pair, user))  # stable: the first in the files stays first
    fresh = _changes(user[order]) | _changes(pair[order])
    group = np.cumsum(fresh) - 1
    for_low = np.bincount(group, weights=(won == (one == low))[order])
    split = (for_low > 0) & (for_low < np.bincount(group))
    contradicts, repeats = np.empty_like(won), np.empty_like(won)
    contradicts[order] = split[group]
    repeats[order] = ~fresh & ~split[group]
    return contradicts, repeats


def opinions(user: Ints, one: Ints, other: Ints, won: Bools) -> tuple[Ints, Ints, Ints]:
    """(user, picture, wins less losses) for every picture a user voted on."""
    pictures = int(max(one.max(initial=0), other.max(initial=0))) + 1
    key = np.concatenate([user * pictures + one, user * pictures + other])
    gain = np.where(np.concatenate([won, ~won]), 1, -1)
    distinct, place = np.unique(key, return_inverse=True)
    net = np.bincount(place, weights=gain, minlength=len(distinct)).astype(np.int64)
    return distinct // pictures, distinct % pictures, net


def first_places(codes: Ints, count: int) -> Ints:
    """Where each of `count` codes stands first."""
    first = np.zeros(count, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # the last one written is the first in order
    return first


def _changes(values: Ints) -> Bools:
    return np.concatenate([[True], values[1:] != values[:-1]]) if len(values) else np.empty(0, bool)
