"""Plain series of counted cases: every period from the first to the last whole one, zero where there was no case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Literal

Period = Literal["day", "week", "month"]
Row = tuple[str, int, int, int, date, int]
COLUMNS = ("series", "t", "year", "epoch_in_year", "date", "observed")


def begin(period: Period, day: date) -> date:
    """First day of the day, ISO week or month a day lies in."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "month" else day


def following(period: Period, start: date) -> date:
    """First day of the next period."""
    if period == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if period == "week" else 1)


def epoch(period: Period, start: date) -> tuple[int, int]:
    """(year, number within it): day of the year, ISO week with its year, or month."""
    if period == "week":
        return start.isocalendar()[:2]
    return start.year, start.month if period == "month" else start.timetuple().tm_yday


def plain(
    names: Iterable[str], period: Period, since: date, as_of: date, counts: Iterable[Mapping[str, Any]]
) -> list[Row]:
    """One row (COLUMNS) per series and period, the series in order, t from 1.

    `counts`: rows series, start (first day of the period), cases; series not named are left out. Only whole periods:
    the first that begins on or after `since`, the last that ends on or before `as_of`.
    """
    starts, start = [], begin(period, since)
    if start < since:
        start = following(period, start)
    while following(period, start) - timedelta(days=1) <= as_of:
        starts.append(start)
        start = following(period, start)
    found: dict[tuple[str, date], int] = {}
    for row in counts:
        key = (row["series"], row["start"])
        found[key] = found.get(key, 0) + row["cases"]
    return [
        (name, t, *epoch(period, start), start, found.get((name, start), 0))
        for name in names
        for t, start in enumerate(starts, 1)
    ]
