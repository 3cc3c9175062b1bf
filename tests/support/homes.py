"""Throw-away homes for tests; they live beside the soak runs, which need them too, and wait for no disk."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from bench import homes
from bench.homes import Made

__all__ = ["Made", "temporary_home"]

# parallel test processes make each kind of home once for all of them
homes.KEPT = Path(os.environ["BIENHO_TEST_CONFIG"], "homes") if "BIENHO_TEST_CONFIG" in os.environ else None
temporary_home = partial(homes.temporary_home, synced=False)
