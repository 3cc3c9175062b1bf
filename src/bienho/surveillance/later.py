"""Functions of scipy, imported when a detector or a forecast first computes: most commands of a terminal never do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bienho.core.deferred import deferred

if TYPE_CHECKING:
    from scipy import special
else:
    special = deferred("scipy.special")

__all__ = ["special"]
