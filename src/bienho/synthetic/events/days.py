"""The calendar of the twin: months, working days, holidays and Tết, as arrays over a run of days."""

from __future__ import annotations

from datetime import date

import numpy as np

from bienho.core.holidays import holidays as public_holidays
from bienho.synthetic.events.draw import Array

EPOCH = date(1970, 1, 1).toordinal()
# Share of people who come on that day at all (Saturday, Sunday, holiday), by level: station, centre, hospital.
_OPEN = {1: (0.30, 0.08, 0.04), 2: (0.45, 0.15, 0.08), 3: (0.50, 0.22, 0.10)}


def number(day: date) -> int:
    """Days since 1970-01-01, as Arrow counts them."""
    return day.toordinal() - EPOCH


def day_of(days: int) -> date:
    """The date of a number of days since 1970-01-01."""
    return date.fromordinal(days + EPOCH)


class Days:
    """Arrays over the days `first` to `last`; every lookup takes days since 1970."""

    def __init__(self, first: int, last: int) -> None:
        self.first = first
        run = np.arange(first, last + 1)
        dates = run.astype("datetime64[D]")
        months = dates.astype("datetime64[M]")
        self._month = (months.astype(int) % 12).astype(np.int8)
        self.year = (dates.astype("datetime64[Y]").astype(int) + 1970).astype(np.int16)
        self._next_month = (months + 1).astype("datetime64[D]").astype(np.int64)
        self._half_year = np.array(
            [number(date(y, 7, 1)) if m < 6 else number(date(y + 1, 1, 1)) for y, m in zip(
                self.year.tolist(), self._month.tolist(), strict=True)]
        )  # fmt: skip
        weekday = (run + 3) % 7
        off = np.isin(run, holidays(int(self.year[0]), int(self.year[-1])))
        self._open = np.ones((4, len(run)))
        for level, (saturday, sunday, holiday) in _OPEN.items():
            self._open[level] = np.where(
                off, holiday, np.where(weekday == 5, saturday, np.where(weekday == 6, sunday, 1))
            )
        working = np.flatnonzero((weekday < 5) & ~off)
        self._next = np.append(working, len(run) - 1)[np.searchsorted(working, np.arange(len(run)))] + first

    def _at(self, day: Array) -> Array:
        return np.clip(day - self.first, 0, len(self._month) - 1)

    def month(self, day: Array) -> Array:
        """Month from 0."""
        return self._month[self._at(day)]

    def next_month(self, day: Array) -> Array:
        """First day of the following month."""
        return self._next_month[self._at(day)]

    def next_half(self, day: Array) -> Array:
        """First day of the following half-year."""
        return self._half_year[self._at(day)]

    def attend(self, rng: np.random.Generator, level: Array, day: Array) -> Array:
        """The day on which someone who could wait comes: some wait for a working day, and the week after is fuller."""
        at = self._at(day)
        waits = rng.random(len(day)) >= self._open[level, at]
        later = self._next[self._at(day + rng.geometric(0.7, len(day)))]
        return np.where(waits, later, day)


def holidays(first: int, last: int) -> Array:
    """Public holidays of some years as days since 1970, sorted."""
    return np.array(sorted(number(day) for day in public_holidays(first, last)))
