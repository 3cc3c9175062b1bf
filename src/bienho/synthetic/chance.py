"""Seeded chance: every draw of the twin comes from a named stream, never from a clock or a hash order."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterable
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


def stream(seed: int, *parts: object) -> random.Random:
    """A generator of its own for one purpose: the same seed and parts give the same draws in every process."""
    return random.Random("/".join(map(str, (seed, *parts))))  # noqa: S311 - a simulation, not a secret


class Weighted(Generic[T]):
    """A discrete distribution drawn in O(log n); items with weight 0 are left out."""

    __slots__ = ("_bounds", "_items", "total")

    def __init__(self, pairs: Iterable[tuple[T, float]]) -> None:
        kept = [(item, weight) for item, weight in pairs if weight > 0]
        self._items = [item for item, _ in kept]
        self._bounds = list(accumulate(weight for _, weight in kept))
        self.total = self._bounds[-1] if kept else 0.0

    def draw(self, r: random.Random) -> T:
        """One item; IndexError when the distribution is empty."""
        return self._items[min(bisect(self._bounds, r.random() * self.total), len(self._items) - 1)]

    def __bool__(self) -> bool:
        return bool(self._items)
