"""The door: what is looked at before a delivery gets a receipt, and the record of what was turned away.

Only here may a clock decide: a refusal is never replayed, while what has a receipt must read alike for ever (ADR 10).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    SELECT sender, coalesce(sum(deliveries) FILTER (WHERE hour = %(hour)s), 0),
           coalesce(sum(bytes) FILTER (WHERE hour = %(hour)s), 0),
           coalesce(sum(deliveries), 0), coalesce(sum(bytes), 0)
    FROM pipeline.sender_use WHERE sender = ANY(%(senders)s) AND hour > %(since)s AND hour <= %(hour)s GROUP BY sender
"""
_USE = """
    INSERT INTO pipeline.sender_use AS s (sender, hour, deliveries, bytes)
    SELECT sender, %s, deliveries, bytes
    FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS u (sender, deliveries, bytes)
    ON CONFLICT (sender, hour)
    DO UPDATE SET deliveries = s.deliveries + excluded.deliveries, bytes = s.bytes + excluded.bytes
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


@dataclass(frozen=True, slots=True)
class Refusal:
    """An attempt that got no receipt: code and words of the error, who sent it, bytes and SHA-256 where known."""

    code: str
    message: str
    sender: str
    size: int
    sha256: str | None = None


def look(data: bytes, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
    """What is looked at before a receipt. LimitError beyond a limit of a delivery, LIM-TIME when it takes too long."""
    end = clock() + limits.look_seconds

    def tick() -> None:
        if clock() > end:
            raise LimitError(
                "LIM-TIME",
                f"Xem xét tệp lâu hơn {limits.look_seconds:g} giây cho phép.",
                hint="Chia thành nhiều tệp nhỏ hơn rồi gửi lại.",
                who=WHO,
            )

    scan(data, limits, tick)


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
                self._allow(facility, file.size)
            data = read_file(file.path, self._limits)
            look(data, self._limits, self._clock)
            return Delivery(data, self._now(), source=self._source, path=file.given, facility_asserted=facility)
        except InputError as error:
            self._refuse(error, file.size, facility, data)
            raise

    def admit_bytes(self, data: bytes, facility: str) -> Delivery:
        """The same of bytes that an account sends for its facility; one that names another facility is refused too.

        That is seen where the envelope is plain and names one; the judge sets aside what is hidden deeper.
        """
        try:
            self._allow(facility, len(data))
            look(data, self._limits, self._clock)
            must_be_own(data, facility)
            return Delivery(data, self._now(), source=self._source, facility_asserted=facility)
        except InputError as error:
            self._refuse(error, len(data), facility, data)
            raise

    def allow(self, sent: Sequence[tuple[str, int]]) -> list[LimitError | None]:
        """For each (sender, bytes) None, and it counts, or LIM-SENDER, and it does not. All in one transaction."""
        now = self._now()
        told: list[LimitError | None] = []
        counts: dict[str, list[int]] = {}
        with self._connection.transaction():
            # lost in a crash, these counts do no harm; waiting for the disk on every file would
            self._connection.execute("SET LOCAL synchronous_commit = off")
            asked = {"senders": [_short(sender) for sender, _ in sent], "hour": _hour(now), "since": _hour(now) - DAY}
            rows = self._connection.execute(_USED, asked).fetchall()
            used = {row[0]: [int(value) for value in row[1:]] for row in rows}
            for name, size in sent:
                sender = _short(name)
                error = self._over(sender, used.setdefault(sender, [0, 0, 0, 0]), size)
                told.append(error)
                if error is None:
                    used[sender] = [value + (size if place % 2 else 1) for place, value in enumerate(used[sender])]
                    count = counts.setdefault(sender, [0, 0])
                    count[0] += 1
                    count[1] += size
            if counts:
                columns = [list(counts), *([count[place] for count in counts.values()] for place in (0, 1))]
                self._connection.execute(_USE, (_hour(now), *columns))
        return told

    def _over(self, sender: str, used: Sequence[int], size: int) -> LimitError | None:
        limits = self._limits
        for place, (allowed, what, period) in enumerate(
            (
                (limits.sender_hour_deliveries, "lần gửi", "giờ"),
                (limits.sender_hour_bytes, "byte", "giờ"),
                (limits.sender_day_deliveries, "lần gửi", "24 giờ"),
                (limits.sender_day_bytes, "byte", "24 giờ"),
            )
        ):
            found = used[place] + (size if what == "byte" else 1)
            if found > allowed:
                return LimitError(
                    "LIM-SENDER",
                    f"Bên gửi {sender}: lần này là {found} {what} trong {period}; cho phép {allowed}.",
                    hint="Gửi tiếp ở giờ sau; nếu lượng gửi là thật, người quản trị nâng giới hạn.",
                    who=WHO,
                )
        return None

    def _allow(self, facility: str, size: int) -> None:
        (over,) = self.allow([(facility, size)])
        if over is not None:
            raise over

    def _refuse(self, error: InputError, size: int, facility: str | None, data: bytes | None) -> None:
        sender = facility or (claimed_facility(data) if data else None) or self._source
        digest = hashlib.sha256(data).hexdigest() if data is not None else None
        self.note(Refusal(error.code, error.message, sender, size, digest))

    def note(self, refusal: Refusal) -> None:
        """Keep in the log that something was turned away."""
        now = self._now()
        sender = _short(refusal.sender)
        row = (_hour(now), now, self._source, sender, refusal.code, refusal.message, refusal.size, refusal.sha256)
        self._connection.execute(_NOTE, row)
        log.warning("refused a delivery: %s", refusal.code)

    def _prune(self) -> None:
        now = self._now()
        self._connection.execute("DELETE FROM pipeline.sender_use WHERE hour <= %s", (_hour(now) - DAY,))
        self._connection.execute(
            "DELETE FROM pipeline.refused_attempt WHERE last_at < %s",
            (now - timedelta(days=self._limits.refused_days),),
        )


def must_be_own(data: bytes, facility: str) -> None:
    """InputError IN-FACILITY-ACCOUNT for a file that says near its beginning that it is another facility's."""
    claimed = claimed_facility(data)
    if claimed is not None and claimed != facility:
        raise InputError(
            "IN-FACILITY-ACCOUNT",
            f"Tệp ghi MACSKCB {claimed}, còn tài khoản này gửi cho cơ sở {facility}.",
            hint="Chọn đúng tệp của cơ sở, hoặc gửi bằng tài khoản của cơ sở ghi trong tệp.",
            who=WHO,
        )


def refused_attempts(connection: psycopg.Connection, most: int) -> list[dict[str, Any]]:
    """Refused attempts, newest first: {at, source, sender, code, message, bytes, sha256, times}."""
    names = ("at", "source", "sender", "code", "message", "bytes", "sha256", "times")
    return [dict(zip(names, row, strict=True)) for row in connection.execute(_LIST, (most,)).fetchall()]


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _short(name: str) -> str:
    return name.replace("\0", "")[:NAME_MAX]
