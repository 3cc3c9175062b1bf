"""How late data comes: days from discharge to the day the facility made the file it sent.

The day of the file (NGAYLAP) is what the sender wrote. Receipt would be the better end, but a store filled from old
files at once has one receipt day for all of them, and then receipt says nothing of the sender.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from bienho.portal.desk import Desk

DAYS_BACK = 365
#: Of a facility with fewer dossiers a quantile says little; its figures are shown but it is not ranked by them.
RANKED_FROM = 10
#: All versions, the earliest file of each dossier: a correction sent later does not make its dossier late.
#: A file older than the discharge, or without a readable day, cannot be judged and is left out.
QUESTION = """
SELECT facility_code, grouping(facility_code) AS whole, count(*) AS dossiers,
    quantile_disc(days, 0.5) AS middle, quantile_disc(days, 0.95) AS late
FROM (
    SELECT e.facility_code, e.encounter_key,
        min(date_diff('day', e.discharged_at, try_strptime(substr(d.created, 1, 8), '%Y%m%d'))) AS days
    FROM conformed.encounter AS e
    JOIN standard.delivery AS d ON d.delivery_seq = e.version_id // 1000000
    WHERE e.discharged_at >= make_date({y}, {m}, {d})
    GROUP BY e.facility_code, e.encounter_key
)
WHERE days >= 0
GROUP BY GROUPING SETS ((facility_code), ())
"""


@dataclass(frozen=True, slots=True)
class Delay:
    """Over `dossiers` dossiers: half came within `middle` days, 95 of 100 within `late` days."""

    dossiers: int
    middle: int
    late: int

    @property
    def ranked(self) -> bool:
        return self.dossiers >= RANKED_FROM


@dataclass(frozen=True, slots=True)
class Delays:
    """`whole` is None when no dossier can be judged."""

    whole: Delay | None
    by_facility: dict[str, Delay]


def delays(desk: Desk) -> Delays:
    """Discharges of the last `DAYS_BACK` days. One statement through the gate, which has no quantiles otherwise."""
    since: date = (desk.now - timedelta(days=DAYS_BACK)).date()
    rows = desk.answer(QUESTION.format(y=since.year, m=since.month, d=since.day), versions="all")
    found = {
        (row["whole"], row["facility_code"] or ""): Delay(int(row["dossiers"]), int(row["middle"]), int(row["late"]))
        for row in rows
        if row["dossiers"]
    }
    return Delays(found.get((1, "")), {code: delay for (whole, code), delay in found.items() if not whole})
