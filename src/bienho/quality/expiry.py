"""When something set aside stops counting as work to do.

Nothing is written: expiry follows from the day of receipt, a number of days and the day one asks about, so a rebuilt
lake says the same. Raw keeps the bytes; a replay reads expired things too.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

LOCAL = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")


def last_day(received_at: datetime, days: int) -> date:
    """The last day on which it is work to do, in local time."""
    return received_at.astimezone(LOCAL).date() + timedelta(days=days)


def days_left(received_at: datetime, days: int, as_of: date) -> int:
    """Days until its last day, 0 on that day, negative when expired."""
    return (last_day(received_at, days) - as_of).days


def open_since(as_of: date, days: int) -> datetime:
    """What was received at or after this moment is not expired on `as_of`."""
    return datetime.combine(as_of - timedelta(days=days), time(), LOCAL)
