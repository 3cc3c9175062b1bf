"""Scheduled reports: when they fall due, what a run is about, what is refused, whose rows fit into whose."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bienho.core.errors import UsageError
from bienho.governance.reports import checked, covered, due_on, next_due, within

GOOD: dict[str, Any] = {
    "name": "tuan-dich", "title_vi": "Lượt khám theo tuần", "owner": "an", "purpose": "giam-sat",
    "dataset": "derived.facility_week_chapter", "columns": ["week_start", "chapter", "encounters"],
    "cadence": "week", "readers": ["an", "binh"], "since": date(2026, 11, 2), "facilities": ["64001"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("cadence", "day", "due", "first"),
    [
        ("week", date(2026, 11, 26), date(2026, 11, 23), date(2026, 11, 16)),  # a Thursday
        ("week", date(2026, 11, 23), date(2026, 11, 23), date(2026, 11, 16)),  # the Monday itself
        ("week", date(2027, 1, 3), date(2026, 12, 28), date(2026, 12, 21)),  # week 53 is not over yet
        ("month", date(2026, 12, 6), date(2026, 11, 2), date(2026, 10, 5)),
        ("month", date(2026, 12, 7), date(2026, 12, 7), date(2026, 11, 2)),
        ("day", date(2026, 11, 26), date(2026, 11, 26), date(2026, 11, 23)),  # the week so far
    ],
)
def test_a_report_falls_due_when_its_weeks_are_over(cadence: Any, day: date, due: date, first: date) -> None:
    assert due_on(cadence, day) == due
    assert covered(cadence, due) == (first, due - timedelta(days=1))


@given(some.dates(date(2000, 1, 1), date(2100, 1, 1)), some.sampled_from(["day", "week", "month"]))
def test_periods_follow_each_other_without_gap_or_overlap(day: date, cadence: Any) -> None:
    due = due_on(cadence, day)
    assert due <= day < next_due(cadence, day)
    assert due_on(cadence, due) == due
    following = next_due(cadence, due)
    if cadence != "day":
        assert covered(cadence, following)[0] == due
        assert (covered(cadence, following)[1] - due).days % 7 == 6


def test_a_run_asks_for_its_period_and_its_facilities() -> None:
    made = checked(GOOD)
    assert made.period == "week_start"
    assert made.filter(date(2026, 11, 23)) == [
        ("week_start", ">=", date(2026, 11, 16)), ("week_start", "<=", date(2026, 11, 22)),
        ("facility_code", "in", ["64001"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Tuần"}, {"name": "x"}, {"title_vi": " "}, {"dataset": "conformed.encounter"}, {"dataset": "no.such"},
        {"columns": []}, {"columns": ["no_such"]}, {"purpose": "vui"}, {"cadence": "hour"}, {"readers": []},
        {"readers": [str(n) for n in range(31)]}, {"facilities": ["'; DROP"]},
    ],
)  # fmt: skip
def test_what_a_report_may_not_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="USE-REPORT"):
        checked({**GOOD, **wrong})


def test_rows_fit_only_into_a_reach_that_holds_them_all() -> None:
    one, two = frozenset({"64001"}), frozenset({"64001", "64002"})
    assert within(None, None)
    assert within(((one, None),), None)
    assert not within(None, ((two, None),))
    assert within(((one, None),), ((two, None),))
    assert not within(((two, None),), ((one, None),))
    assert not within(((one, None), (None, one)), ((two, None),))
    assert within(((one, None), (None, one)), ((two, None), (None, two)))
    assert not within(((None, one),), ((one, None),))
