"""Counts of months and weeks by commune of today and disease, from cases in the warehouse and from older systems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bienho.surveillance.legal.thresholds import LOOK_BACK

Unit = Literal["month", "week"]
Canonical = Callable[[str, date], str | None]
"""Commune of today for a code of a day; None when there is none."""


def period_start(unit: Unit, year: int, number: int) -> date:
    """First day of a month, or the Monday of an ISO week; week 53 of a year that has none is its week 52."""
    if unit == "month":
        return date(year, number, 1)
    try:
        return date.fromisocalendar(year, number, 1)
    except ValueError:
        return date.fromisocalendar(year, number - 1, 1)


def period_of(unit: Unit, day: date) -> tuple[int, int]:
    """(year, number) of the month or the ISO week of a day."""
    return day.isocalendar()[:2] if unit == "week" else (day.year, day.month)


def rebuilt(older: Iterable[Mapping[str, Any]], canonical: Canonical) -> list[dict[str, Any]]:
    """Rows of `reference.case_history` with `commune` of today ('': none) and `start`, first day of the period."""
    rows = []
    for row in older:
        start = period_start(row["unit"], row["year"], row["number"])
        rows.append({**row, "start": start, "commune": canonical(row["commune"], start) or ""})
    return rows


def run_begins(months: Iterable[date]) -> date | None:
    """First day from which the warehouse counts: the second month of the unbroken run of months up to the newest.

    The first month of the run may have begun before the first file. None for fewer than two months.
    """
    ordered = sorted({day.replace(day=1) for day in months}, reverse=True)
    begins = None
    for later, earlier in pairwise(ordered):
        if (later - timedelta(days=1)).replace(day=1) != earlier:
            break
        begins = later
    return begins


@dataclass(frozen=True, slots=True)
class Places:
    """What the places of the arrays are: every disease of every commune, communes first."""

    communes: tuple[str, ...]
    diseases: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.communes) * len(self.diseases)

    def index(self) -> dict[tuple[str, str], int]:
        """Place of (commune, disease)."""
        wide = len(self.diseases)
        return {
            (commune, disease): row * wide + column
            for row, commune in enumerate(self.communes)
            for column, disease in enumerate(self.diseases)
        }


@dataclass(frozen=True, slots=True)
class Past:
    """The same period of the `LOOK_BACK` years before, the last year first: counts, and whether it was counted."""

    years: tuple[int, ...]
    counts: npt.NDArray[np.int64]
    present: npt.NDArray[np.bool_]


def past(
    places: Places,
    unit: Unit,
    day: date,
    cases: Iterable[Mapping[str, Any]],
    older: Iterable[Mapping[str, Any]],
    since: date | None,
) -> Past:
    """The period of `day` in the years before.

    `cases`: rows commune, disease, start (first day of the period), cases, of the warehouse, which counts periods from
    `since` on. `older`: rows of `rebuilt`; a year of a disease in which they have any row is counted, and a commune
    without one had no case. A period that the warehouse counts is never taken from them.
    """
    year, number = period_of(unit, day)
    years = tuple(range(year - 1, year - 1 - LOOK_BACK, -1))
    starts = {period_start(unit, one, number): column for column, one in enumerate(years)}
    counts = np.zeros((len(places), LOOK_BACK), dtype=np.int64)
    present = np.zeros((len(places), LOOK_BACK), dtype=bool)
    ours = np.array([since is not None and start >= since for start in starts])
    present[:, ours] = True
    index, wide = places.index(), len(places.diseases)
    at = {disease: place for place, disease in enumerate(places.diseases)}
    for row in cases:
        place, column = index.get((row["commune"], row["disease"])), starts.get(row["start"])
        if place is not None and column is not None and ours[column]:
            counts[place, column] += row["cases"]
    for row in older:
        if row["unit"] != unit or row["disease"] not in at or row["year"] not in years:
            continue
        column = years.index(row["year"])
        if ours[column]:
            continue
        present[at[row["disease"]] :: wide, column] = True
        place = index.get((row["commune"], row["disease"]))
        if place is not None and row["start"] in starts:
            counts[place, column] += row["cases"]
    return Past(years, counts, present)


def decided(
    places: Places, decisions: Sequence[Mapping[str, Any]], years: Sequence[int]
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
    """What people decided: endemic (1), not endemic (0) or nothing (-1) by place; declared years (n, years).

    `decisions`: rows of `reference.epidemic_decision` in force. One of a commune stands above one of the whole province
    (commune `*`); of two on one level the later document stands.
    """
    endemic = np.full(len(places), -1, dtype=np.int8)
    declared = np.zeros((len(places), len(years)), dtype=bool)
    index, wide = places.index(), len(places.diseases)
    at = {disease: place for place, disease in enumerate(places.diseases)}
    for row in sorted(decisions, key=lambda one: (one["commune"] != "*", one["decided_on"])):
        if row["disease"] not in at:
            continue
        everywhere = row["commune"] == "*"
        where: Any = (
            slice(at[row["disease"]], None, wide) if everywhere else index.get((row["commune"], row["disease"]))
        )
        if where is None:
            continue
        if row["kind"] != "epidemic_year":
            endemic[where] = row["kind"] == "endemic"
        elif row["year"] in years:
            declared[where, list(years).index(row["year"])] = True
    return endemic, declared
