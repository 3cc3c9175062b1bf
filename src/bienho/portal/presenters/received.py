"""What came in, by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from bienho.portal import formats
from bienho.portal.desk import Desk

DAYS_SHOWN = 30

#: The gate groups by days of UTC; a day here begins at midnight in Vietnam, {shift} seconds earlier.
PER_DAY = """
SELECT CAST(floor((epoch(received_at) + {shift}) / 86400) AS INTEGER) AS day, count(*) AS deliveries,
    sum(hoso_found) AS found, sum(accepted) AS accepted, sum(duplicates) AS duplicates
FROM standard.delivery
WHERE (epoch(received_at) + {shift}) / 86400 >= {first}
GROUP BY 1
"""
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Day:
    """What came in on one local day: deliveries; dossiers found in them, accepted without findings, known before."""

    day: date
    deliveries: int
    found: int
    accepted: int
    duplicates: int


def days_received(desk: Desk) -> list[Day]:
    """Deliveries by local day over the shown days and as many before them; days without one are left out."""
    today = formats.local(desk.now).date()
    first = today - timedelta(days=2 * DAYS_SHOWN - 1)
    shift = int(formats.LOCAL.utcoffset(None).total_seconds())
    rows = desk.answer(PER_DAY.format(shift=shift, first=(first - EPOCH).days), versions="all")
    return [
        Day(
            EPOCH + timedelta(days=int(row["day"])),
            int(row["deliveries"]),
            int(row["found"] or 0),
            int(row["accepted"] or 0),
            int(row["duplicates"] or 0),
        )
        for row in rows
    ]
