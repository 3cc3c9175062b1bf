"""Work in portions by several processes, with the results in the order of the portions.

The processes are forks: what the parent has made (people, visits, shipments) is there without being sent, and only what
a portion brought goes back.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from bienho.config import cores

T = TypeVar("T")
_at_hand: Callable[[int, int], Any] | None = None


def workers(most: int | None = None) -> int:
    """How many processes may work: as many as `BIENHO_CORES` allows, else as there are cores, at most `most`."""
    allowed = cores() or len(os.sched_getaffinity(0))
    return allowed if most is None else min(allowed, most)


def in_order(work: Callable[[int, int], T], portions: Sequence[tuple[int, int]], crew: int) -> Iterator[T]:
    """`work(first, after)` of every portion; in this process when the crew is one or there is nothing to share.

    An error of a portion is raised here when its turn comes. `work` must change nothing but files of its own.
    """
    if crew <= 1 or len(portions) <= 1:
        for portion in portions:
            yield work(*portion)
        return
    global _at_hand
    _at_hand = work
    try:
        with ProcessPoolExecutor(crew, mp_context=multiprocessing.get_context("fork")) as pool:
            try:
                yield from pool.map(_do, portions)
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        _at_hand = None


def _do(portion: tuple[int, int]) -> Any:
    assert _at_hand is not None  # noqa: S101 - set before the fork
    return _at_hand(*portion)
