"""Throw-away homes for tests; they live beside the soak runs, which need them too, and wait for no disk."""

from __future__ import annotations

from functools import partial

from bench import homes
from bench.homes import Made

__all__ = ["Made", "temporary_home"]

temporary_home = partial(homes.temporary_home, synced=False)
