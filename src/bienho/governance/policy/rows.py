"""Rows a decision opens: alternatives of (facility codes, commune codes), each None = no limit of that kind."""

from __future__ import annotations

Rows = tuple[tuple[frozenset[str] | None, frozenset[str] | None], ...] | None
"""None = every row; () = none."""
