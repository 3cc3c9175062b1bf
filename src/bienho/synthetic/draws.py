"""Seeded chance for whole columns: a Philox stream per purpose and block, tables of quantiles, pairing within groups.

Only integers and tables made in plain Python decide a draw, and every sort has keys of its own for every row: no result
hangs on the vector instructions of a machine, on an order of blocks, or on a count of processes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
WHOLE = 65_536  # a draw is one of so many
_STEPS = 4_096  # of a table of quantiles: a share is kept to an eighth of a thousandth
_ROWS = (1 << 24) - 1  # most rows of one sort


class Draws:
    """The stream of one purpose in one block: the same seed and parts give the same draws, whoever draws elsewhere."""

    __slots__ = ("_bits",)

    def __init__(self, seed: int, *parts: object) -> None:
        text = "/".join(map(str, (seed, *parts)))
        key = hashlib.blake2b(text.encode(), digest_size=16).digest()
        self._bits: Any = np.random.Philox(key=np.frombuffer(key, dtype="<u8"))

    def raw(self, count: int) -> NDArray[np.uint16]:
        """`count` draws of 0 … 65535."""
        bits: NDArray[np.uint64] = self._bits.random_raw((count + 3) // 4)
        return bits.astype("<u8", copy=False).view("<u2")[:count]

    def below(self, count: int, limit: int | NDArray[Any]) -> Ints:
        """Whole numbers of 0 … limit - 1, limit at most 65536."""
        return (self.raw(count).astype(np.int64) * limit) >> 16

    def chance(self, count: int, share: float | NDArray[Any]) -> Flags:
        """True for about that share of rows (to 1 in 65536)."""
        drawn = self.raw(count)
        if isinstance(share, float | int):
            return drawn < round(share * WHOLE)
        return drawn < np.round(share * WHOLE).astype(np.int32)

    def shuffled(self, count: int) -> Ints:
        """0 … count - 1 in a random order."""
        return sorting(self.raw(count).astype(np.int64))


def sorting(key: Ints) -> Ints:
    """Rows in the order of a key (0 … 2^39 - 1); equal keys in the order of rows."""
    order: Ints = (key << 24) | np.arange(len(key))
    order.sort()
    return order & _ROWS


class Choice:
    """Discrete distributions side by side, drawn with one look: the group and a draw give an item.

    A group is item → weight, items being whole numbers. Shares are rounded to 1/4096 by largest remainders.
    """

    __slots__ = ("_table",)

    def __init__(self, groups: Sequence[Mapping[int, float]]) -> None:
        self._table = np.concatenate([_spread(group) for group in groups])

    def pick(self, group: int | NDArray[Any], raw: NDArray[np.uint16]) -> Ints:
        """Items for draws of `Draws.raw`."""
        return self._table[(raw >> 4) + np.asarray(group, dtype=np.int64) * _STEPS]


def _spread(group: Mapping[int, float]) -> Ints:
    whole = sum(group.values())
    exact = [weight * _STEPS / whole for weight in group.values()]
    counts = [int(share) for share in exact]
    rest = sorted(range(len(exact)), key=lambda place: (counts[place] - exact[place], place))
    for place in rest[: _STEPS - sum(counts)]:
        counts[place] += 1
    return np.repeat(np.array(list(group), np.int64), counts)


class Curve:
    """A distribution of whole numbers given by points (share below, value), straight in between."""

    __slots__ = ("_table",)

    def __init__(self, points: Mapping[float, float]) -> None:
        grid = (np.arange(_STEPS) + 0.5) / _STEPS
        self._table = np.interp(grid, list(points), list(points.values())).astype(np.int64)

    def pick(self, raw: NDArray[np.uint16]) -> Ints:
        """Values for draws of `Draws.raw`."""
        return self._table[raw >> 4]


def even_counts(weights: NDArray[np.float64], whole: int, start: float) -> Ints:
    """`whole` split in proportion to weights, each within one of its share; `start` (0 … 1) says who gets the rest."""
    sums = np.cumsum(weights)
    bounds = np.floor(sums / sums[-1] * whole + start)
    bounds[-1] = whole + np.floor(start)
    return np.diff(bounds, prepend=0.0).astype(np.int64)


def pairs(left: Ints, right: Ints, left_fine: Ints, right_fine: Ints) -> tuple[Ints, Ints]:
    """Rows of `left` and `right` that find each other: the n-th with the n-th of those with the same key.

    Keys are 0 … 2^20; `fine` (0 … 2^18) orders rows of one key. Every row is used once at most.
    """
    if not len(left) or not len(right):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    kinds = int(max(left.max(), right.max())) + 1
    ours, theirs = sorting((left << 18) | left_fine), sorting((right << 18) | right_fine)
    key = left[ours]
    place = np.arange(len(ours)) - _starts(left, kinds)[key]
    found = place < np.bincount(right, minlength=kinds)[key]
    return ours[found], theirs[_starts(right, kinds)[key[found]] + place[found]]


def _starts(key: Ints, kinds: int) -> Ints:
    counts = np.bincount(key, minlength=kinds)
    return np.cumsum(counts) - counts
