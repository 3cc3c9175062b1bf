"""Limits on everything that comes from outside. Beyond one there is a clear error, never a guess."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, counts in items, times in seconds."""

    delivery_bytes: int = 64 * MIB
    hoso_per_delivery: int = 50_000
    files_per_hoso: int = 64
    subfile_bytes: int = 32 * MIB
    rows_per_subfile: int = 20_000
    elements_per_row: int = 400
    text_bytes: int = 4 * MIB
    depth: int = 64
    batch_bytes: int = 64 * MIB
    batch_dossiers: int = 2_000
    query_rows: int = 100_000
    query_seconds: int = 60


DEFAULT = Limits()
