"""The door: what is looked at before a delivery gets a receipt, and the record of what was turned away.

Only here may a clock decide: a refusal is never replayed, while what has a receipt must read alike for ever (ADR 10).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from bienho.config import Limits
from bienho.core.errors import InputError, LimitError
from bienho.sources import Delivery, FoundFile, read_file
from bienho.standards.xml130 import claimed_facility, scan

log = logging.getLogger(__name__)
DAY = timedelta(days=1)
NAME_MAX = 40
WHO = "cơ sở gửi"
_USED = """
    SELECT coalesce(sum(deliveries) FILTER (WHERE hour = %(hour)s), 0),
           coalesce(sum(bytes) FILTER (WHERE hour = %(hour)s), 0),
           coalesce(sum(deliveries), 0), coalesce(sum(bytes), 0)
    FROM pipeline.sender_use WHERE sender = %(sender)s AND hour > %(since)s AND hour <= %(hour)s
"""
_USE = """
    INSERT INTO pipeline.sender_use AS s (sender, hour, deliveries, bytes) VALUES (%s, %s, 1, %s)
    ON CONFLICT (sender, hour) DO UPDATE SET deliveries = s.deliveries + 1, bytes = s.bytes + excluded.bytes
"""
_NOTE = """
    INSERT INTO pipeline.refused_attempt AS r (hour, last_at, source, sender, code, message, bytes, sha256)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (hour, source, sender, code, sha256)
    DO UPDATE SET times = r.times + 1, last_at = excluded.last_at, message = excluded.message, bytes = excluded.bytes
"""
_LIST = """
    SELECT last_at, source, sender, code, message, bytes, sha256, times FROM pipeline.refused_attempt
    ORDER BY last_at DESC, code LIMIT %s
"""


class Door:
    """Admits files one by one. `connection` is the worker's, in autocommit; `clock` gives seconds."""

    def __init__(
        self,
        connection: psycopg.Connection,
        limits: Limits,
        *,
        source: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._source = source
        self._now = now
        self._clock = clock
        self._prune()

    def admit(self, file: FoundFile, facility: str | None) -> Delivery:
        """The delivery in a file. InputError when it is refused: then the attempt is logged and nothing is kept.

        The limits per sender are held where a sender is asserted; a MACSKCB inside a file is anybody's to write, so it
        only names the attempt in the log.
        """
        data: bytes | None = None
        try:
            if facility is not None:
                self._allow(_short(facility), file.size)
            data = read_file(file.path, self._limits)
            scan(data, self._limits, self._deadline())
            return Delivery(data, self._now(), source=self._source, path=file.given, facility_asserted=facility)
        except InputError as error:
            self._refuse(error, file, facility, data)
            raise

    def _deadline(self) -> Callable[[], None]:
        end = self._clock() + self._limits.look_seconds

        def tick() -> None:
            if self._clock() > end:
                raise LimitError(
                    "LIM-TIME",
                    f"Xem xét tệp lâu hơn {self._limits.look_seconds:g} giây cho phép.",
                    hint="Chia thành nhiều tệp nhỏ hơn rồi gửi lại.",
                    who=WHO,
                )

        return tick

    def _allow(self, sender: str, size: int) -> None:
        now, limits = self._now(), self._limits
        with self._connection.transaction():
            # lost in a crash, these counts do no harm; waiting for the disk on every file would
            self._connection.execute("SET LOCAL synchronous_commit = off")
            row = self._connection.execute(
                _USED, {"sender": sender, "hour": _hour(now), "since": _hour(now) - DAY}
            ).fetchone()
            used = [int(value) for value in row or (0, 0, 0, 0)]
            for index, (allowed, what, period) in enumerate(
                (
                    (limits.sender_hour_deliveries, "lần gửi", "giờ"),
                    (limits.sender_hour_bytes, "byte", "giờ"),
                    (limits.sender_day_deliveries, "lần gửi", "24 giờ"),
                    (limits.sender_day_bytes, "byte", "24 giờ"),
                )
            ):
                found = used[index] + (size if what == "byte" else 1)
                if found > allowed:
                    raise LimitError(
                        "LIM-SENDER",
                        f"Bên gửi {sender}: lần này là {found} {what} trong {period}; cho phép {allowed}.",
                        hint="Gửi tiếp ở giờ sau; nếu lượng gửi là thật, người quản trị nâng giới hạn.",
                        who=WHO,
                    )
            self._connection.execute(_USE, (sender, _hour(now), size))

    def _refuse(self, error: InputError, file: FoundFile, facility: str | None, data: bytes | None) -> None:
        now = self._now()
        sender = _short(facility or (claimed_facility(data) if data else None) or self._source)
        digest = hashlib.sha256(data).hexdigest() if data is not None else None
        row = (_hour(now), now, self._source, sender, error.code, error.message, file.size, digest)
        self._connection.execute(_NOTE, row)
        log.warning("refused a delivery: %s", error.code)

    def _prune(self) -> None:
        now = self._now()
        self._connection.execute("DELETE FROM pipeline.sender_use WHERE hour <= %s", (_hour(now) - DAY,))
        self._connection.execute(
            "DELETE FROM pipeline.refused_attempt WHERE last_at < %s",
            (now - timedelta(days=self._limits.refused_days),),
        )


def refused_attempts(connection: psycopg.Connection, most: int) -> list[dict[str, Any]]:
    """Refused attempts, newest first: {at, source, sender, code, message, bytes, sha256, times}."""
    names = ("at", "source", "sender", "code", "message", "bytes", "sha256", "times")
    return [dict(zip(names, row, strict=True)) for row in connection.execute(_LIST, (most,)).fetchall()]


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _short(name: str) -> str:
    return name.replace("\0", "")[:NAME_MAX]
