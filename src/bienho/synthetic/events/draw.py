"""Seeded chance by the column: generators of their own for every purpose and block, and many draws at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def generator(seed: int, *parts: object) -> np.random.Generator:
    """A Philox generator for one purpose: the same seed and parts give the same draws, whatever was drawn before."""
    name = "/".join(map(str, (seed, *parts))).encode()
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(int.from_bytes(name, "little"))))


class Choice:
    """Discrete distributions, one per row of `weights` (groups, items), drawn for many groups at once.

    Rows are laid end to end as cumulative shares from g to g + 1, so one search finds all draws.
    """

    def __init__(self, weights: Array) -> None:
        groups, self._items = weights.shape
        totals = weights.sum(axis=1, keepdims=True)
        shares = np.divide(weights, totals, out=np.zeros_like(weights, dtype=float), where=totals > 0)
        self._bounds = (np.cumsum(shares, axis=1) + np.arange(groups)[:, None]).ravel()
        self._last = np.where(weights > 0, np.arange(self._items), 0).max(axis=1)

    def draw(self, rng: np.random.Generator, groups: Array) -> Array:
        """One item per group number."""
        found = np.searchsorted(self._bounds, rng.random(len(groups)) + groups, side="right")
        return np.minimum(found - groups * self._items, self._last[groups])


def pick(rng: np.random.Generator, weights: Array, count: int) -> Array:
    """`count` places of one distribution of any length."""
    bounds = np.cumsum(weights)
    found = np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right")
    return np.minimum(found, len(weights) - 1)


def lot(seed: int, purpose: str, numbers: Array) -> Array:
    """A share in [0, 1) that belongs to each number for good, whatever block it is drawn in (splitmix64)."""
    salt = int(generator(seed, purpose).integers(1 << 62))
    x = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(11)).astype(float) / float(1 << 53)
