"""Thresholds of Circular 15/2026: figures by hand, the trap of years that drop out, old communes."""

from __future__ import annotations

import csv
import statistics
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bienho.config import load_profile
from bienho.surveillance.legal import (
    ARTICLES,
    LEAST,
    LOOK_BACK,
    YEARS,
    Now,
    Places,
    State,
    assume_endemic,
    baseline,
    decided,
    judge,
    past,
    period_start,
    rebuilt,
    run_begins,
)
from support.facts import SHARED

D = date.fromisoformat
SERIES = (
    SHARED / "facts" / "surveillance" / "reference" / "outputs" / "tt15_endemic_channel_monthly_gialai_binhdinh.csv"
)


def verdict(month: int, week: int, past_month: list[int], past_week: list[int], **more: Any) -> tuple[State, str]:
    """What the law says of one place with these years, the last first."""
    whole = [np.ones((1, len(years)), dtype=bool) for years in (past_month, past_week)]
    none = [np.zeros_like(one) for one in whole]
    now = Now(*(np.array([value]) for value in (month, week, more.get("confirmed", 0))))
    found = judge(
        now, baseline([past_month], whole[0], none[0]), baseline([past_week], whole[1], none[1]),
        [more.get("endemic", 1)], [more.get("group_a", False)],
    )  # fmt: skip
    return State(found.state[0]), ARTICLES[found.article[0]]


STEADY, WEEKS = [10, 12, 8, 11, 9], [2, 3, 2, 3, 2]
"""Month: mean 10, SD 1.58, limits 11.58 and 13.16. Week: mean 2.4, SD 0.55, limits 2.95 and 3.50."""


@pytest.mark.parametrize(
    ("month", "week", "more", "expected"),
    [
        (13, 2, {}, (State.NORMAL, "")),
        (14, 2, {}, (State.EPIDEMIC, "16.1.b")),
        (14, 9, {}, (State.EPIDEMIC, "16.1.b")),
        (13, 3, {}, (State.WARNING, "22.1.b")),
        (13, 9, {}, (State.WARNING, "22.1.b")),
        (4, 2, {"endemic": 0}, (State.NORMAL, "")),
        (5, 2, {"endemic": 0}, (State.EPIDEMIC, "16.1.c")),
        (4, 3, {"endemic": 0}, (State.WARNING, "22.1.c")),
        (50, 50, {"group_a": True}, (State.CHECK, "22.1.a")),
        (1, 0, {"group_a": True, "confirmed": 1}, (State.WARNING, "22.1.a")),
        (0, 0, {"group_a": True}, (State.NORMAL, "")),
    ],
)
def test_the_articles_by_hand(month: int, week: int, more: dict[str, Any], expected: tuple[State, str]) -> None:
    assert verdict(month, week, STEADY, WEEKS, **more) == expected


def test_a_count_on_the_limit_does_not_exceed_it_and_no_case_is_never_a_warning() -> None:
    assert verdict(4, 0, [4] * 5, [0] * 5) == (State.NORMAL, "")
    assert verdict(0, 0, [0] * 5, [0] * 5) == (State.NORMAL, "")
    assert verdict(1, 1, [0] * 5, [0] * 5) == (State.EPIDEMIC, "16.1.b")
    # so a disease that was never there is not endemic by itself, and the law has another branch for it
    assert assume_endemic([[0] * 5], np.ones((1, 5)))[0] == 0
    assert verdict(1, 1, [0] * 5, [0] * 5, endemic=0) == (State.NORMAL, "")


def test_a_disease_nobody_decided_about_is_endemic_after_three_years_with_cases_of_the_last_five() -> None:
    counts = [[1, 0, 2, 0, 9, 9, 9], [1, 0, 2, 0, 0, 9, 9], [1, 1, 0, 0, 0, 0, 0]]
    present = [[1] * 7, [1] * 7, [1, 1, 0, 0, 0, 1, 1]]
    assert assume_endemic(counts, present).tolist() == [1, 0, -1]
    assert verdict(40, 9, [10, 12], [2, 3], endemic=-1) == (State.UNKNOWN, "16.1")
    assert verdict(0, 0, [], [], endemic=-1) == (State.NORMAL, "")


def test_without_history_an_endemic_disease_is_not_judged() -> None:
    assert verdict(40, 9, [10, 12], [2, 3]) == (State.UNKNOWN, "16.1.b")
    assert verdict(0, 0, [10, 12], [2, 3]) == (State.NORMAL, "")
    assert verdict(5, 3, [], [], endemic=0) == (State.EPIDEMIC, "16.1.c")


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.booleans()), min_size=1, max_size=LOOK_BACK))
def test_a_baseline_is_that_of_a_plain_loop(columns: list[tuple[int, bool, bool]]) -> None:
    counts, present, declared = (list(part) for part in zip(*columns, strict=True))
    found = baseline([counts], [present], [declared])
    kept = [count for count, there, epidemic in columns if there and not epidemic][:YEARS]
    assert found.years[0] == len(kept)
    assert (found.enough[0], found.short[0]) == (len(kept) >= LEAST, len(kept) < YEARS)
    if kept:
        assert found.mean[0] == pytest.approx(statistics.fmean(kept))
    if len(kept) > 1:
        assert found.sd[0] == pytest.approx(statistics.stdev(kept), abs=1e-12)
    assert found.used[0].sum() == len(kept)
    assert not (found.used & found.declared).any()
    if len(kept) >= LEAST:
        expected = statistics.fmean(kept) + 2 * statistics.stdev(kept)
        assert found.limit(2)[0] == pytest.approx(expected)
    else:
        assert np.isnan(found.limit(2)[0])


def test_a_declared_year_leaves_and_an_earlier_one_takes_its_place() -> None:
    found = baseline([[10, 500, 10, 12, 8, 9, 99]], np.ones((1, 7)), [[0, 1, 0, 0, 0, 0, 1]])
    assert found.used[0].tolist() == [True, False, True, True, True, True, False]
    # 2020 was declared too, but nobody would have looked so far back
    assert found.declared[0].tolist() == [False, True, False, False, False, False, False]
    assert found.mean[0] == pytest.approx(9.8)


def alarms(series: np.ndarray, itself: bool) -> int:
    """Months above the limit of 16.1.b of a `series` (years, 12); `itself`: years with an alarm drop out."""
    dropped = np.zeros(len(series), dtype=bool)
    found = 0
    for year in range(YEARS, len(series)):
        backward = series[:year][::-1]
        left_out = np.tile(dropped[:year][::-1], (12, 1))
        line = baseline(backward.T, np.ones_like(backward.T), left_out)
        over = line.enough & (series[year] > line.limit(2))
        found += int(over.sum())
        dropped[year] = itself and bool(over.any())
    return found


def test_years_that_drop_themselves_lock_the_alarm_on() -> None:
    """The trap, on a series that doubles once and stays: two years later it is the usual, unless its years drop out."""
    low = np.random.default_rng(1).poisson(20, (10, 12))
    high = np.random.default_rng(2).poisson(40, (14, 12))
    series = np.vstack([low, high])
    honest, locked = alarms(series, itself=False), alarms(series, itself=True)
    assert honest < 60
    assert locked > 150


@pytest.mark.shared
def test_the_alarms_of_the_old_provinces_are_those_of_the_reference() -> None:
    """Limits of every month, and the figures of the trap: 49 months of 252 for dengue in Gia Lai, not 159."""
    with SERIES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    months = {(r["province"], r["disease"], int(r["year"]), int(r["month"])): float(r["cases"]) for r in rows}
    compared = fired = 0
    for row in rows:
        key = (row["province"], row["disease"])
        year, month = int(row["year"]), int(row["month"])
        before = [months.get((*key, year - back, month)) for back in range(1, YEARS + 1)]
        if None in before:
            continue
        line = baseline([before], np.ones((1, YEARS)), np.zeros((1, YEARS)))
        assert line.mean[0] == pytest.approx(float(row["mean5"]), rel=1e-6)
        assert line.limit(1)[0] == pytest.approx(float(row["warn_mean_1sd"]), rel=1e-6, abs=1e-9)
        assert line.limit(2)[0] == pytest.approx(float(row["epidemic_mean_2sd"]), rel=1e-6, abs=1e-9)
        assert (float(row["cases"]) > line.limit(2)[0]) == (row["alarm_all5"] == "1")
        compared += 1
        fired += key == ("Gia Lai", "dengue") and row["alarm_all5"] == "1"
    assert compared > 1500
    dengue = [r for r in rows if (r["province"], r["disease"]) == ("Gia Lai", "dengue")]
    assert (len(dengue), sum(int(r["alarm_all5"]) for r in dengue)) == (252, 49)
    assert 30 < fired <= 49


PLACES = Places(("21583", "21622", "23563"), ("dengue", "hfmd"))


def test_histories_are_rebuilt_from_old_communes() -> None:
    """Two old communes that are one now add up; a divided one goes to its default; no row in a year: not counted."""
    profile = load_profile("gialai")
    old = [m.old_code for m in profile.commune_mapping if m.new_code == "21583"]
    older = [
        {"disease": "dengue", "commune": code, "unit": "month", "year": year, "number": 6, "cases": cases}
        for code, year, cases in ((old[0], 2023, 3), (old[1], 2023, 4), ("21634", 2022, 5), (old[0], 2025, 9))
    ]
    rows = rebuilt([*older, {**older[0], "commune": "00000", "year": 2020}], profile.canonical_commune)
    found = past(PLACES, "month", D("2026-06-15"), [], rows, None)
    assert found.years == tuple(range(2025, 2015, -1))
    place = PLACES.index()[("21583", "dengue")]
    assert found.counts[place].tolist() == [9, 0, 7, 0, 0, 0, 0, 0, 0, 0]
    assert found.counts[PLACES.index()[("21622", "dengue")]].tolist() == [0, 0, 0, 5, 0, 0, 0, 0, 0, 0]
    assert found.present[place].tolist() == [True, False, True, True, False, True, False, False, False, False]
    assert not found.present[PLACES.index()[("21583", "hfmd")]].any()
    assert found.present[PLACES.index()[("23563", "dengue")]].tolist() == found.present[place].tolist()


def test_what_the_warehouse_counts_is_not_taken_from_older_systems_too() -> None:
    older = rebuilt(
        [
            {"disease": "dengue", "commune": "23563", "unit": "week", "year": y, "number": 10, "cases": 7}
            for y in (2023, 2025)
        ],
        lambda code, _: code,
    )
    cases = [
        {"commune": "23563", "disease": "dengue", "start": period_start("week", year, 10), "cases": year - 2000}
        for year in (2023, 2024, 2025)
    ]
    found = past(PLACES, "week", period_start("week", 2026, 10), cases, older, D("2024-01-01"))
    place = PLACES.index()[("23563", "dengue")]
    assert found.counts[place, :4].tolist() == [25, 24, 7, 0]
    assert found.present[place, :4].tolist() == [True, True, True, False]


def test_week_53_is_compared_with_the_last_week_of_years_that_have_none() -> None:
    assert period_start("week", 2020, 53) == D("2020-12-28")
    assert period_start("week", 2021, 53) == D("2021-12-27")
    found = past(PLACES, "week", D("2026-12-30"), [], [], D("2020-01-01"))
    assert found.present[0].tolist() == [True] * 6 + [False] * 4


def test_the_warehouse_counts_from_the_second_month_of_its_unbroken_run() -> None:
    assert run_begins([]) is run_begins([D("2026-11-02")]) is None
    days = ["2020-05-01", "2026-08-03", "2026-09-01", "2026-11-02", "2026-10-15", "2026-11-30"]
    assert run_begins(map(D, days)) == D("2026-09-01")


def test_decisions_of_a_commune_stand_above_those_of_the_province_and_later_ones_above_earlier() -> None:
    def row(kind: str, commune: str, day: str, year: int = 0) -> dict[str, Any]:
        return {"disease": "dengue", "commune": commune, "kind": kind, "year": year, "decided_on": D(day)}

    given_ = [
        row("not_endemic", "23563", "2025-01-01"), row("endemic", "*", "2026-01-01"),
        row("epidemic_year", "*", "2024-02-01", 2023), row("epidemic_year", "21583", "2024-02-01", 2022),
        row("epidemic_year", "99999", "2024-02-01", 2022), {**row("endemic", "*", "2026-01-01"), "disease": "mumps"},
    ]  # fmt: skip
    endemic, declared = decided(PLACES, given_, (2025, 2024, 2023, 2022))
    assert endemic.tolist() == [1, -1, 1, -1, 0, -1]
    assert declared[:, 2].tolist() == [True, False] * 3
    assert declared[:, 3].tolist() == [True, False, False, False, False, False]
    endemic, _ = decided(PLACES, [*given_, row("endemic", "23563", "2026-03-01")], (2025,))
    assert endemic[4] == 1
