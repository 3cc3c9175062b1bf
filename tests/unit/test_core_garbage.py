"""Freed memory goes back to the system."""

from __future__ import annotations

import subprocess
import sys

# pieces too small for the C library to give back one by one, and every other one of the last stays for a while
PIECES = """
import psutil
from bienho.core.garbage import give_back
held = [bytes(60_000) for _ in range(2_000)]
kept = held[::200]
del held
before = psutil.Process().memory_info().rss
give_back()
print(before - psutil.Process().memory_info().rss)
"""


def test_memory_that_was_freed_goes_back() -> None:
    told = subprocess.run([sys.executable, "-c", PIECES], check=True, capture_output=True, text=True)
    assert int(told.stdout) > 50 << 20
