"""Which earlier periods a period is compared with, and in which block of the year each lies (Noufaily et al. 2013)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bienho.core.errors import InputError, UsageError
from bienho.surveillance.detectors.regression import Design
from bienho.surveillance.panel import Dates, Integers, Panel

DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Baseline:
    """Rows of the panel (ascending) that make the baseline of one period, with the design over them."""

    rows: Integers
    design: Design


def years_before(day: np.datetime64, years: int) -> np.datetime64:
    """The same day of the calendar; 29 February becomes 1 March where there is none."""
    month = day.astype("datetime64[M]")
    first = (month - np.timedelta64(12 * years, "M")).astype("datetime64[D]")
    return np.datetime64(first + (day - month.astype("datetime64[D]")))


def same_period(at: int, years: int, panel: Panel) -> list[int]:
    """Places of the same period 0, 1, … `years` years ago; -1 where the panel does not reach it.

    With dates, a week is the one beginning nearest to the same day of the calendar, on the same day of the week. Months
    are counted: they may be dated by their last day, which the same month of another year need not have.
    """
    if panel.dates is None or panel.frequency == 12:
        return [max(at - panel.frequency * back, -1) for back in range(years + 1)]
    day = panel.dates[at]
    wanted = np.array([years_before(day, back) for back in range(years + 1)], dtype="datetime64[D]")
    if panel.frequency == 52:
        off = (wanted - day) / DAY % 7
        wanted = wanted - np.where(off > 3.5, off - 7, off).astype(int) * DAY
    return [_place(one, panel.dates) for one in wanted]


def _place(day: np.datetime64, dates: Dates) -> int:
    place = int(np.searchsorted(dates, day))
    return place if place < len(dates) and dates[place] == day else -1


def reachable(panel: Panel, b: int, w: int) -> Integers:
    """Places that have all their `b` years of reference windows, ascending."""
    return np.array(
        [at for at in range(panel.periods) if at >= w and same_period(at, b, panel)[-1] - w >= 0], dtype=np.int64
    )


def baseline(at: int, panel: Panel, *, b: int, w: int, blocks: int, left_out: int) -> Baseline:
    """The baseline of period `at`.

    b, w        years back, and periods before and after the same one
    blocks      1: only those windows; p: all periods since the first window, the window being the last block of p and
                the rest of each year p - 1 blocks as equal as can be, the longer ones first
    left_out    the last periods before `at` that do not belong to it, an outbreak that begins being among them
    """
    places = same_period(at, b, panel)
    if places[-1] - w < 0 or min(places) < 0:
        raise InputError(
            "IN-SERIES-SHORT",
            f"Kỳ thứ {at + 1} không có đủ {b} năm trước đó để so sánh.",
            hint=f"Giảm b, hoặc thêm số liệu: cần ít nhất {b * panel.frequency + w + 1} kỳ.",
            who="người chọn tham số",
        )
    kind = np.full(at + 1, -1, dtype=np.int64)
    for later, place in pairwise(places):
        kind[place - w : place + w + 1] = blocks - 1
        if blocks > 1:
            kind[place + w + 1 : later - w] = _rest(later - place - 2 * w - 1, blocks)
    if blocks == 1:
        kind[max(at - w, 0) :] = 0
    else:
        kind[at - w :] = blocks - 1
    kind[max(at - left_out, 0) :] = -1
    rows = np.nonzero(kind >= 0)[0]
    if not (kind == blocks - 1).any():
        raise UsageError(
            "USE-DETECT-PARAM", "pastWeeksNotIncluded bỏ hết các kỳ so sánh.", hint="Giảm pastWeeksNotIncluded."
        )
    return Baseline(rows, Design(kind[rows], _time(rows, at, panel.dates)))


def _rest(length: int, blocks: int) -> Integers:
    """Blocks 0 … p-2 of the periods between two windows."""
    if length < blocks - 1:
        raise UsageError(
            "USE-DETECT-PARAM",
            f"noPeriods={blocks} là quá nhiều: giữa hai cửa sổ chỉ có {max(length, 0)} kỳ.",
            hint="Giảm noPeriods hoặc w.",
        )
    each, longer = divmod(length, blocks - 1)
    return np.repeat(np.arange(blocks - 1), [each + (block < longer) for block in range(blocks - 1)])


def _time(rows: Integers, at: int, dates: Dates | None) -> np.ndarray:
    """Periods from `at`; with dates in units of the first step of the baseline, as months are not equally long."""
    if dates is None:
        return (rows - at).astype(float)
    step = (dates[1] - dates[0]) / DAY
    return np.asarray((dates[rows] - dates[at]) / DAY / step)
