"""The calendar of dossiers sent: the state of every day against a slow reading of its definition; the months of it."""

from __future__ import annotations

import random
from datetime import date, timedelta
from statistics import median

import pytest

from bienho.core.holidays import holidays
from bienho.portal.presenters import care_days
from bienho.portal.presenters.mending import Scope
from bienho.quality.sending_days import GRACE_DAYS, LEAST_WEEKS, states

FIRST, TODAY = date(2026, 8, 24), date(2026, 9, 9)
"""Two weeks with the National Day in them; the ninth is a Wednesday."""


def slow(counts: dict[date, int], late: dict[date, int], day: date, today: date) -> str:
    """The mood of a day by its definition, one day at a time."""

    def kind(one: date) -> int:
        return 6 if one in holidays(one.year, one.year) else one.weekday()

    count = counts.get(day, 0)
    between = [day + timedelta(days=back) for back in range(1, (today - day).days + 1)]
    due = day < today and sum(one.weekday() < 5 and kind(one) != 6 for one in between) > GRACE_DAYS
    alike = [
        counts.get(one, 0)
        for one in (day - timedelta(days=back) for back in range(1, 57))
        if one >= min(counts) and kind(one) == kind(day)
    ]
    usual = median(alike) if len(alike) >= LEAST_WEEKS else None
    if not count:
        return "waiting" if not due else "missing" if usual is not None and usual >= 1 else "none"
    if due and usual is not None and count < usual / 2:
        return "few"
    return "late" if late.get(day) else "ok"


@pytest.mark.parametrize("seed", range(12))
def test_every_day_is_as_its_definition_says(seed: int) -> None:
    rng = random.Random(seed)
    since = FIRST - timedelta(weeks=rng.choice((3, 8, 8)))
    days = [since + timedelta(days=place) for place in range((TODAY - since).days + 1)]
    counts = {day: rng.choice((0, 1, 4, 8)) for day in days if day.weekday() < 6 and rng.random() > 0.2}
    late = {day: 1 for day in days if rng.random() < 0.2}
    found = states(counts, late, FIRST, TODAY, TODAY)
    assert [one.day for one in found] == [FIRST + timedelta(days=place) for place in range(17)]
    assert [one.mood for one in found] == [slow(counts, late, one.day, TODAY) for one in found]


def test_a_holiday_without_dossiers_is_not_missing_and_the_last_working_day_is_not_due() -> None:
    since = FIRST - timedelta(weeks=8)
    every = (since + timedelta(days=place) for place in range(80))
    counts = {
        day: 5 for day in every if day.weekday() < 5 and day not in holidays(2026, 2026) and day < date(2026, 9, 7)
    }
    del counts[date(2026, 9, 3)]
    moods = {one.day: one.mood for one in states(counts, {}, FIRST, TODAY, TODAY)}
    assert moods[date(2026, 9, 2)] == "none"  # National Day
    assert moods[date(2026, 9, 3)] == "missing"
    assert moods[date(2026, 9, 6)] == "none"  # a Sunday
    assert moods[date(2026, 9, 7)] == "missing"
    assert (moods[date(2026, 9, 8)], moods[date(2026, 9, 9)]) == ("waiting", "waiting")


def test_a_month_stands_in_whole_weeks_and_the_table_has_its_days() -> None:
    first, last = date(2026, 2, 1), date(2026, 4, 1)
    found = states({date(2026, 2, 2): 3}, {}, first, date(2026, 4, 30), date(2026, 5, 9))
    shown = care_days.calendar(Scope("64001"), found, first, last)
    assert [len(month.weeks) for month in shown.months] == [5, 6, 5]
    for month in shown.months:
        assert all(len(week) == 7 for week in month.weeks)
    days = [day.day for month in shown.months for week in month.weeks for day in week if day]
    assert days == [one.day for one in found]
    assert len(shown.table.rows) == len(found) == 89
    said = next(day for month in shown.months for week in month.weeks for day in week if day and day.text)
    assert (said.day, said.text) == (date(2026, 2, 2), "3")
