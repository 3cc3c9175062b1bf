"""What has a receipt and is not in the lake yet, and the limit on it: whoever receives asks here first."""

from __future__ import annotations

import math
from dataclasses import dataclass

import psycopg

from bienho.config import Limits
from bienho.core.errors import BusyError
from bienho.lake import RawStore

SLOWEST = 64 * 1024
"""Bytes per second taken for granted while nothing was measured, or after a batch of next to nothing."""
_READ = "SELECT last_seq, derived_seq, scored_seq, batch_bytes, batch_seconds FROM pipeline.progress WHERE catalog = %s"
_FOLLOW = """
    INSERT INTO pipeline.progress AS p (catalog, last_seq, batch_bytes, batch_seconds) VALUES (%s, %s, %s, %s)
    ON CONFLICT (catalog) DO UPDATE SET last_seq = excluded.last_seq, changed_at = clock_timestamp(),
        batch_bytes = CASE WHEN excluded.batch_bytes > 0 THEN excluded.batch_bytes ELSE p.batch_bytes END,
        batch_seconds = CASE WHEN excluded.batch_bytes > 0 THEN excluded.batch_seconds ELSE p.batch_seconds END
    WHERE (p.last_seq, excluded.batch_bytes) IS DISTINCT FROM (excluded.last_seq, 0::bigint)
"""
_DERIVED = "UPDATE pipeline.progress SET derived_seq = %s, changed_at = clock_timestamp() WHERE catalog = %s"
_SCORED = "UPDATE pipeline.progress SET scored_seq = %s WHERE catalog = %s AND scored_seq <> %s"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a lake has followed raw: sequences in `standard`, `derived` and the scores; bytes per second of late."""

    last_seq: int = 0
    derived_seq: int = 0
    scored_seq: int = 0
    speed: float = SLOWEST


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries with a receipt that are not in the lake, their bytes in raw, and seconds they may take."""

    deliveries: int
    bytes: int
    seconds: float

    def is_full(self, limits: Limits) -> bool:
        return self.deliveries >= limits.waiting_deliveries or self.bytes >= limits.waiting_bytes


def read_progress(connection: psycopg.Connection, catalog: str) -> Progress:
    """What was noted last; zeros for a lake nobody has written yet."""
    row = connection.execute(_READ, (catalog,)).fetchone()
    if row is None:
        return Progress()
    last, derived, scored, size, seconds = row
    return Progress(last, derived, scored, max(SLOWEST, size / seconds if seconds > 0 else 0.0))


def note_progress(
    connection: psycopg.Connection, catalog: str, last_seq: int, size: int = 0, seconds: float = 0.0
) -> None:
    """Note how far a lake has followed; `size` bytes were taken in in `seconds`, 0 = nothing was measured."""
    connection.execute(_FOLLOW, (catalog, last_seq, size, seconds))


def note_derived(connection: psycopg.Connection, catalog: str, seq: int) -> None:
    """Note that `derived` counts deliveries up to `seq`."""
    connection.execute(_DERIVED, (seq, catalog))


def note_scored(connection: psycopg.Connection, catalog: str, seq: int) -> None:
    """Note that the scores count deliveries up to `seq`."""
    connection.execute(_SCORED, (seq, catalog, seq))


def measure(raw: RawStore, connection: psycopg.Connection, catalog: str) -> Backlog:
    """The backlog now. Cheap: neither the lake nor a record is opened."""
    progress = read_progress(connection, catalog)
    deliveries, size = raw.waiting(progress.last_seq)
    return Backlog(deliveries, size, size / progress.speed)


def refuse_when_full(backlog: Backlog, limits: Limits) -> None:
    """BusyError BUSY-BACKLOG when no more may be received now: nothing was kept, the sender tries again."""
    if not backlog.is_full(limits):
        return
    minutes = max(1, math.ceil(backlog.seconds / 2 / 60))
    raise BusyError(
        "BUSY-BACKLOG",
        f"Còn {backlog.deliveries} lần nhận ({backlog.bytes // 1024**2} MiB) chờ xử lý;"
        f" cho phép {limits.waiting_deliveries} lần và {limits.waiting_bytes // 1024**2} MiB."
        " Lần gửi này chưa được nhận.",
        hint=f"Gửi lại sau khoảng {minutes} phút; nếu vẫn đầy, quản trị hệ thống xem `bienho doctor`.",
        who="Bên gửi; quản trị hệ thống nếu kéo dài",
    )
