"""Plausibility by marginals: sets and distributions over whole tables, in SQL (see the README above)."""

from __future__ import annotations

from plausibility.marginals.check import KINDS, Found, check, judge
from plausibility.marginals.read import read

__all__ = ["KINDS", "Found", "check", "judge", "read"]
