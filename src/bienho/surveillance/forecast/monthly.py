"""Monthly counts of places and of the province, from cases in the warehouse and from older systems."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from bienho.core.errors import InputError
from bienho.surveillance.forecast.model import HORIZONS

Reals = npt.NDArray[np.float64]
WHOLE = "province"
"""The place that is all others together."""
TEMPERATURE = ("side", "year", "month", "temperature")
"""Columns of a file of monthly means in °C."""


@dataclass(frozen=True, slots=True)
class Monthly:
    """`counts` (places, months) from `first` on; the last place is the whole province. Empty when nothing is known."""

    places: tuple[str, ...]
    first: date
    counts: Reals

    def ahead(self) -> list[date]:
        """The months that are forecast."""
        return [_month(self.first, self.counts.shape[1] + step) for step in range(HORIZONS)]


def monthly(
    sides: Sequence[str],
    cases: Iterable[Mapping[str, Any]],
    older: Iterable[Mapping[str, Any]],
    since: date | None,
    until: date,
) -> Monthly:
    """The unbroken months of one disease that end before the month of `until`, of `sides`: halves or other places.

    `cases`: rows side, start (first day of the month), cases, of the warehouse, which counts months from `since` on.
    `older`: rows side, start, cases of months before; a year in which there is any row is counted whole.
    """
    end = until.replace(day=1)
    known: dict[date, npt.NDArray[np.float64]] = {}
    row_of = {side: place for place, side in enumerate(sides)}

    def add(row: Mapping[str, Any]) -> None:
        line = known.setdefault(row["start"], np.zeros(len(sides)))
        if row["side"] in row_of:
            line[row_of[row["side"]]] += row["cases"]

    from_lists = [row for row in older if row["start"] < end and (since is None or row["start"] < since)]
    for year in {row["start"].year for row in from_lists}:
        for month in range(1, 13):
            start = date(year, month, 1)
            if start < end and (since is None or start < since):
                known[start] = np.zeros(len(sides))
    for row in from_lists:
        add(row)
    if since is not None:
        start = since.replace(day=1)
        while start < end:
            known.setdefault(start, np.zeros(len(sides)))
            start = _month(start, 1)
    for row in cases:
        if since is not None and since <= row["start"] < end:
            add(row)
    first = end
    while _month(first, -1) in known:
        first = _month(first, -1)
    months = (end.year - first.year) * 12 + end.month - first.month
    counts = np.array([known[_month(first, step)] for step in range(months)]).reshape(months, len(sides)).T
    return Monthly((*sides, WHOLE), first, np.vstack([counts, counts.sum(axis=0)]))


def read_temperature(data: bytes, told: Monthly, sides: Mapping[str, str]) -> Reals:
    """Temperatures of a file of TEMPERATURE for the places and months of `told`; NaN where the file has none.

    `sides`: place → its half. The province has the mean of its places. InputError IN-CLIMATE names the line that cannot
    be taken.
    """
    try:
        lines = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        missing = [name for name in TEMPERATURE if name not in (lines.fieldnames or ())]
        rows = list(lines) if not missing else []
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("IN-CLIMATE", "Tệp khí hậu không phải CSV chữ UTF-8.", hint=_HINT) from error
    if missing:
        raise InputError("IN-CLIMATE", f"Tệp khí hậu thiếu cột {', '.join(missing)}.", hint=_HINT)
    found = np.full((len(told.places), told.counts.shape[1]), np.nan)
    half = np.array([sides.get(place, "") for place in told.places])
    for number, row in enumerate(rows, 2):
        try:
            step = (int(row["year"]) - told.first.year) * 12 + int(row["month"]) - told.first.month
            value = float(row["temperature"])
            if not (1 <= int(row["month"]) <= 12 and -10 < value < 50):
                raise ValueError
        except (TypeError, ValueError) as error:
            raise InputError("IN-CLIMATE", f"Tệp khí hậu, dòng {number}: không đọc được.", hint=_HINT) from error
        if row["side"] and 0 <= step < found.shape[1]:
            found[half == row["side"], step] = value
    found[-1] = found[:-1].mean(axis=0)
    return found


_HINT = "Các cột side, year, month, temperature; nhiệt độ trung bình tháng tính bằng °C, dấu chấm thập phân."


def _month(start: date, steps: int) -> date:
    number = start.year * 12 + start.month - 1 + steps
    return date(number // 12, number % 12 + 1, 1)
