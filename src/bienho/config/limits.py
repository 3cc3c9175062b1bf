"""Limits on everything that comes from outside. Beyond one there is a clear error, never a guess.

What each one costs whom who passes it: docs/limits.md. Where they are held: ADR 10.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, counts in items, times in seconds."""

    # of a delivery: passed, it is refused
    delivery_bytes: int = 64 * MIB
    hoso_per_delivery: int = 50_000
    outer_text_bytes: int = 45 * MIB
    """Longest run of text between two tags of the envelope: a sub-file of `subfile_bytes` in base64, with room."""
    depth: int = 64
    archive_members: int = 5_000
    archive_bytes: int = 64 * MIB
    """All members of a zip, opened: what a delivery sent plainly may hold."""
    archive_ratio: int = 100
    """Bytes opened per byte sent; judged above `archive_ratio_from` opened bytes."""
    archive_ratio_from: int = MIB
    look_seconds: float = 10.0
    """What one delivery may take at the door, before there is a receipt."""

    # of a sender: passed, its deliveries are refused until the window has moved on
    sender_hour_deliveries: int = 20_000
    sender_hour_bytes: int = 8 * 1024 * MIB
    sender_day_deliveries: int = 100_000
    sender_day_bytes: int = 32 * 1024 * MIB

    # of one HOSO: passed, that HOSO is set aside
    files_per_hoso: int = 64
    subfile_bytes: int = 32 * MIB
    rows_per_subfile: int = 20_000
    elements_per_row: int = 400
    text_bytes: int = 4 * MIB
    findings_per_dossier: int = 2_000

    # of the house
    batch_bytes: int = 96 * MIB
    """What is taken in at once, or judged for signatures: a batch costs half a CPU-second however small it is, and
    about seven times its bytes of memory."""
    batch_dossiers: int = 4_000
    waiting_deliveries: int = 200_000
    """Deliveries with a receipt that are not in the lake yet; passed, no more are received until the worker follows."""
    waiting_bytes: int = 16 * 1024 * MIB
    """The same in bytes, as they lie in raw."""
    poison_attempts: int = 6
    """How often the process may die on one delivery alone before that delivery is set aside."""
    signature_bytes: int = 64 * MIB
    signature_seconds: int = 60
    signature_memory: int = 1024 * MIB
    rehearsal_seconds: int = 60
    """Processor time of one rehearsal."""
    rehearsal_memory: int = 2_048 * MIB
    query_rows: int = 100_000
    query_seconds: int = 60
    quarantine_days: int = 365
    """Days after receipt during which something set aside counts as work to do."""
    refused_days: int = 400
    """Days for which a refused attempt stays in the log."""


DEFAULT = Limits()
