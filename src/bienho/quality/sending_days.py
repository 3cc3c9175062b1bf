"""Sending judged by days: which days of care of a facility are missing, few or late; who is silent. Pure; no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Literal

from bienho.core.holidays import calendar as working_days

Mood = Literal["ok", "late", "few", "missing", "waiting", "none"]
SILENT_DAYS = 3
"""A facility that used to send is silent after so many days without a delivery (house policy, not law)."""
LATE_CODES = ("SCORE-LATE", "SCORE-LATE-LEGAL")
LATE_WEEKS = 4
"""Newest scored weeks over which late dossiers are counted."""
RECENT_DAYS = 30
USUAL_WEEKS = 8
LEAST_WEEKS = 4
"""Days of the same weekday a usual number is taken of, and how many of them there must be."""
GRACE_DAYS = 1
"""Working days after a day of care until its dossiers are due (Circular 48/2017: right after the visit)."""
SUNDAY = 6


@dataclass(frozen=True, slots=True)
class DayState:
    """One day of care: dossiers that came, of them late, and the usual number (None: not known yet)."""

    day: date
    count: int
    late: int
    usual: float | None
    mood: Mood


def states(
    counts: Mapping[date, int], late: Mapping[date, int], first: date, last: date, today: date
) -> list[DayState]:
    """Every day from `first` to `last`. Pure. `counts` must reach back `USUAL_WEEKS` weeks before `first`.

    The usual number is the middle of the same weekdays before (a holiday counts as a Sunday), over days on which the
    facility was sending already. A day without a dossier is missing where the usual number is one or more and its
    working day of grace is over; with less than half of the usual number it has few.
    """
    begun = min(counts, default=today)
    since = first - timedelta(weeks=USUAL_WEEKS)
    known = {
        day: (SUNDAY if free else day.weekday(), worked) for day, free, worked in working_days(since, max(last, today))
    }
    worked_today = known[today][1] if today in known else 0
    found = []
    for day in (first + timedelta(days=place) for place in range((last - first).days + 1)):
        kind, worked = known[day]
        before = [
            counts.get(one, 0)
            for one in (day - timedelta(days=back) for back in range(1, 7 * USUAL_WEEKS + 1))
            if one >= begun and one in known and known[one][0] == kind
        ]
        usual = median(before) if len(before) >= LEAST_WEEKS else None
        count = counts.get(day, 0)
        due = day < today and worked_today - worked > GRACE_DAYS
        found.append(DayState(day, count, late.get(day, 0), usual, _mood(count, late.get(day, 0), usual, due=due)))
    return found


def _mood(count: int, late: int, usual: float | None, *, due: bool) -> Mood:
    if count == 0:
        if not due:
            return "waiting"
        return "missing" if usual is not None and usual >= 1 else "none"
    if due and usual is not None and count * 2 < usual:
        return "few"
    return "late" if late else "ok"
