"""How many examples a property is tried on: few on every change, as many as one likes in `make soak`."""

from __future__ import annotations

import os

MEASURE = float(os.environ.get("BIENHO_EXAMPLES", "0.4"))
"""Of what a test says it should be tried on when there is time."""


def some(number: int) -> int:
    """Examples of this run; never fewer than ten, or all where a test names fewer."""
    return max(min(number, 10), round(number * MEASURE))
