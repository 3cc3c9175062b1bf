"""What the pages compute beside the gate: how late data comes, and weeks in which nothing was counted."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from bienho.core.errors import DeniedError
from bienho.portal.components import Chart, State
from bienho.portal.desk import Desk
from bienho.portal.presenters import numbers
from bienho.portal.presenters.delays import Delay, delays
from bienho.portal.presenters.received import days_received
from support.fake_gate import NOW, FakeActor, FakeGate, fake_gate


@pytest.fixture(scope="module")
def gate() -> FakeGate:
    made = fake_gate()
    # A file older than the discharge and one without a readable day: neither can be judged.
    made.connection.execute("UPDATE standard.delivery SET created = '20200101' WHERE delivery_seq = 5")
    made.connection.execute("UPDATE standard.delivery SET created = 'không rõ' WHERE delivery_seq = 6")
    return made


def desk(gate: FakeGate, clock: Callable[[], datetime] = lambda: NOW) -> Desk:
    house: Any = SimpleNamespace(gate=gate, clock=clock, province="gialai")
    return Desk(house, FakeActor())


def expected(gate: FakeGate) -> dict[str, list[int]]:
    """Days by facility, '' for all, counted one by one."""
    rows = gate.connection.execute(
        "SELECT e.encounter_key, e.facility_code, e.discharged_at, d.created FROM conformed.encounter e"
        " JOIN standard.delivery d ON d.delivery_seq = e.version_id // 1000000"
    ).fetchall()
    first: dict[tuple[str, str], int] = {}
    for key, code, discharged, created in rows:
        if created == "không rõ":
            continue
        day = datetime.strptime(created, "%Y%m%d").replace(tzinfo=UTC).date()
        days = (day - discharged.date()).days
        first[code, key] = min(days, first.get((code, key), days))
    found: dict[str, list[int]] = defaultdict(list)
    for (code, _), days in first.items():
        if days >= 0:
            found[code].append(days)
            found[""].append(days)
    return found


def within(days: list[int], share: float) -> int:
    return sorted(days)[math.ceil(share * len(days)) - 1]


def test_delays_are_those_counted_one_by_one(gate: FakeGate) -> None:
    found = delays(desk(gate))
    wanted = {code: Delay(len(days), within(days, 0.5), within(days, 0.95)) for code, days in expected(gate).items()}
    assert found.whole == wanted.pop("")
    assert found.by_facility == wanted
    assert len(wanted) > 20


def test_discharges_of_long_ago_do_not_count(gate: FakeGate) -> None:
    found = delays(desk(gate, lambda: NOW + timedelta(days=500)))
    assert found.whole is None
    assert not found.by_facility


def test_who_may_not_read_encounters_gets_no_delays(gate: FakeGate) -> None:
    closed = FakeGate(gate.connection, closed={"conformed.encounter"})
    with pytest.raises(DeniedError):
        delays(desk(closed))
    assert isinstance(desk(closed).try_part(lambda: delays(desk(closed))), State)


def test_a_week_without_rows_is_drawn_as_nothing(gate: FakeGate) -> None:
    definition = numbers.find("encounters")
    assert definition is not None
    weekly = dict(
        gate.connection.execute(
            "SELECT week_start, sum(encounters) FROM derived.facility_week_chapter GROUP BY 1"
        ).fetchall()
    )
    newest = max(weekly)
    for scope in (numbers.Scope("", None, ""), numbers.Scope("", newest - timedelta(weeks=1), "")):
        chart = numbers.by_week(desk(gate), definition, scope)
        assert isinstance(chart, Chart)
        last = scope.week or newest
        weeks: list[date] = [last - timedelta(weeks=back) for back in range(numbers.WEEKS_SHOWN)]
        assert [cells["so"].raw for cells in chart.table.rows] == [weekly.get(week, 0) for week in weeks]


def test_days_begin_at_midnight_in_vietnam(gate: FakeGate) -> None:
    gate.connection.execute("UPDATE standard.delivery SET received_at = '2026-11-20T16:59:59Z' WHERE delivery_seq = 1")
    gate.connection.execute("UPDATE standard.delivery SET received_at = '2026-11-20T17:00:00Z' WHERE delivery_seq = 2")
    rows = gate.connection.execute("SELECT received_at, hoso_found, accepted FROM standard.delivery").fetchall()
    wanted: dict[date, list[int]] = defaultdict(lambda: [0, 0, 0])
    for received, found, accepted in rows:
        day = wanted[received.astimezone(timezone(timedelta(hours=7))).date()]
        for place, amount in enumerate((1, found, accepted)):
            day[place] += amount
    assert {one.day: [one.deliveries, one.found, one.accepted] for one in days_received(desk(gate))} == wanted
