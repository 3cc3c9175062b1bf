"""When Python looks for cycles among objects, and when freed memory goes back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: for work that makes none, while a search would go through all it has made.

    What it leaves counts as old afterwards, or the first object made next would set off the search that was spared.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if not gc.get_freeze_count():  # what somebody else has frozen stays so
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def give_back() -> None:
    """Let the system have the memory that was freed: for the parts of work over everything, now and then.

    The C library keeps it in pieces, and may keep more of them with every part: a gibibyte after fifty. It has a price:
    what comes next has to be given its memory anew (a twentieth of an ingest, asked after each batch). Nothing happens
    where the C library has no such call (it is glibc's).
    """
    arrow = sys.modules.get("pyarrow")
    if arrow:  # it has a store of its own
        arrow.default_memory_pool().release_unused()
    trim = _trim()
    if trim:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
