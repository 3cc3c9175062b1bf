"""Detectors at the edges: no cases, little history, months and days, leap days, parameters that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from bienho.core.errors import InputError, UsageError
from bienho.surveillance import METHODS, Panel, detect
from bienho.surveillance.detectors.baseline import same_period, years_before
from bienho.surveillance.detectors.counts import quantile
from bienho.surveillance.detectors.options import defaults, set_options
from bienho.surveillance.detectors.windows import CROW_GARDNER


def weekly(counts: list[float] | np.ndarray, frequency: int = 52) -> Panel:
    return Panel(np.asarray(counts, dtype=float)[None], frequency)


def noise(periods: int, mean: float = 6.0, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, periods).astype(float)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_series_without_a_case_gives_no_alarm(method: str) -> None:
    found = detect(weekly(np.zeros(330)), method, last=20)
    assert not found.alarm.any()


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_same_call_gives_the_same_and_an_alarm_is_a_count_above_its_limit(method: str) -> None:
    panel = weekly(noise(330))
    one, again = detect(panel, method, last=30), detect(panel, method, last=30)
    for name in ("expected", "upper", "pvalue", "score", "alarm", "phi", "mu0"):
        assert np.array_equal(getattr(one, name), getattr(again, name), equal_nan=True)
    if method not in ("ears-c3", "cusum", "glr"):
        assert ((one.observed > one.upper) == one.alarm).all()
    assert one.at.tolist() == list(range(300, 330))


@pytest.mark.parametrize(
    "method", ["ensemble", "farrington", "farrington-classic", "ears-c1", "bayes", "rki", "endemic"]
)
def test_what_has_never_been_is_an_alarm_when_it_comes_in_number(method: str) -> None:
    counts = np.zeros(330)
    counts[-1] = 8
    found = detect(weekly(counts), method, last=1)
    assert found.alarm.all()
    assert found.upper[0, 0] < 8


def test_fewer_cases_than_the_least_are_not_judged() -> None:
    counts = np.zeros(330)
    counts[-1] = 4
    found = detect(weekly(counts), "farrington", last=1)
    assert not found.alarm.any()
    assert np.isnan(found.upper[0, 0])
    assert detect(weekly(counts), "farrington", {"limit54": "4,4"}, last=1).alarm.all()


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_period_nobody_reported_alarms_nobody_and_stops_nothing(method: str) -> None:
    counts = noise(330)
    counts[[20, 100, 321, 328]] = np.nan
    found = detect(weekly(counts), method, last=10)
    assert not found.alarm[0, [1, 8]].any()
    assert not np.isnan(found.upper[0, 9]) or method == "glr"


@pytest.mark.parametrize(("frequency", "periods"), [(12, 12 * 7), (365, 365 * 6 + 30)])
@pytest.mark.parametrize("method", ["ensemble", "farrington", "glr", "endemic"])
def test_months_and_days_have_their_own_defaults(method: str, frequency: int, periods: int) -> None:
    counts = noise(periods, 30)
    counts[-1] = 90
    found = detect(weekly(counts, frequency), method, last=2)
    assert found.alarm[0, 1]


def test_a_history_that_is_too_short_is_said_with_how_much_there_is() -> None:
    with pytest.raises(InputError, match="xét được 17 kỳ") as error:
        detect(weekly(noise(280)), "farrington", last=50)
    assert error.value.code == "IN-SERIES-SHORT"
    with pytest.raises(InputError, match="xét được 0 kỳ"):
        detect(weekly(noise(200)), "farrington", {"b": "5"})
    with pytest.raises(InputError):
        detect(weekly(noise(7)), "ensemble")


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("farrington", {"noPeriods": "60"}),
        ("farrington", {"thresholdMethod": "magic"}),
        ("farrington", {"alpha": "0"}),
        ("farrington", {"alpha": "nan"}),
        ("farrington", {"b": "0"}),
        ("farrington", {"b": "2.5"}),
        ("farrington", {"limit54": "5"}),
        ("farrington", {"unknown": "1"}),
        ("farrington", {"pastWeeksNotIncluded": "300"}),
        ("rki", {"b": "0", "actY": "false"}),
        ("rki", {"b": "0", "w": "0"}),
        ("glr", {"alpha": "0.1"}),
        ("ears-c1", {"baseline": "2"}),
        ("cusum", {"h": "1/0"}),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(method: str, given: dict[str, str]) -> None:
    with pytest.raises(UsageError) as error:
        detect(weekly(noise(330)), method, given, last=5)
    assert error.value.code == "USE-DETECT-PARAM"
    assert error.value.hint


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(UsageError, match="magic"):
        detect(weekly(noise(330)), "magic")


def test_parameters_are_read_as_the_package_writes_them() -> None:
    options = METHODS["farrington"].options(52, {"noperiods"})
    found = set_options(
        options, {"limit54": "c(3,2)", "trend": "FALSE", "powertrans": '"1/2"', "pastweeksnotincluded": "NULL"}
    )
    assert (found.least, found.trend, found.power, found.past_left_out) == ((3, 2), False, "1/2", None)
    assert set_options(METHODS["glr"].options(52, set()), {"theta": "log(1.5)"}).theta == pytest.approx(0.405465108)
    assert defaults(type(options))["noPeriods"] == 10


def test_whoever_sets_the_blocks_sets_the_pair() -> None:
    """Without pastWeeksNotIncluded it is w for given blocks, 26 for the default ones."""
    panel = weekly(noise(330))
    mine = detect(panel, "farrington", {"noPeriods": "10"}, last=3)
    asked = detect(panel, "farrington", {"noPeriods": "10", "pastWeeksNotIncluded": "3"}, last=3)
    house = detect(panel, "farrington", {}, last=3)
    asked_house = detect(panel, "farrington", {"noPeriods": "10", "pastWeeksNotIncluded": "26"}, last=3)
    assert np.array_equal(mine.expected, asked.expected)
    assert np.array_equal(house.expected, asked_house.expected)
    assert not np.array_equal(mine.expected, house.expected)


@pytest.mark.parametrize(
    ("day", "years", "before"),
    [("2024-02-29", 1, "2023-03-01"), ("2024-02-29", 4, "2020-02-29"), ("2026-07-13", 5, "2021-07-13")],
)
def test_the_same_day_of_an_earlier_year(day: str, years: int, before: str) -> None:
    assert years_before(np.datetime64(day), years) == np.datetime64(before)


def test_weeks_with_dates_are_compared_with_the_week_nearest_in_the_calendar() -> None:
    mondays = np.arange(np.datetime64("2014-12-29"), np.datetime64("2026-12-01"), 7)
    panel = Panel(np.zeros((1, len(mondays))), 52, mondays)
    at = len(mondays) - 1
    places = same_period(at, 8, panel)
    for back, place in enumerate(places):
        wanted = years_before(mondays[at], back)
        assert abs((mondays[place] - wanted).astype(int)) <= 3
    assert places[8] != at - 8 * 52
    assert same_period(at, 15, panel)[-1] == -1


def test_the_table_of_crow_and_gardner_holds_what_it_promises() -> None:
    """A Poisson mean at the upper limit of a count gives that count or fewer in 2.5 % or somewhat more."""
    cumulative = [
        sum(np.exp(-m) * m**k / np.prod(np.arange(1.0, k + 1)) for k in range(n + 1))
        for n, m in enumerate(CROW_GARDNER)
    ]
    assert all(0.0099 < one < 0.05 for one in cumulative)
    assert (np.diff(CROW_GARDNER) > 0).all()


def test_a_slow_rise_is_seen_before_one_count_is_enough() -> None:
    counts = np.random.default_rng(3).poisson(4.0, 330).astype(float)
    counts[-2:] = [10, 10]
    found = detect(weekly(counts), "ensemble", last=1)
    assert found.alarm.all()
    assert found.more["member"][0, 0] == 2
    assert not detect(weekly(counts), "farrington", last=1).alarm.any()
    counts[-4:] = [9, 9, 9, 9]
    assert not detect(weekly(counts), "ensemble", last=1).alarm.any()
    assert detect(weekly(counts), "ensemble", {"span": "4"}, last=1).alarm.all()


def test_the_ensemble_changes_its_means_with_the_history() -> None:
    found = detect(weekly(noise(300)), "ensemble")
    member = found.more["member"][0]
    assert (member[: 3 * 52 - 7] == 3).all()
    assert (member[-52:] < 3).all()


def test_a_limit_beyond_what_a_double_counts_is_found() -> None:
    """Bisection between neighbouring doubles has no middle; it ended never."""
    found = quantile(0.99, np.array([1e200, 1e17, 12.0]), np.array([1.0, 3.0, 1.0]))
    assert found[:2] == pytest.approx([1e200, 1e17], rel=1e-6)
    assert found[2] == 21


def test_months_dated_by_their_last_day_are_compared_month_by_month() -> None:
    months = np.arange(np.datetime64("2010-02"), np.datetime64("2020-04"), dtype="datetime64[M]")
    counts = noise(len(months) - 1, 30)
    first, last = months[:-1].astype("datetime64[D]"), months[1:].astype("datetime64[D]") - np.timedelta64(1, "D")
    found = [detect(Panel(counts[None], 12, dates), "rki", {"b": "3", "w": "1"}, last=5) for dates in (first, last)]
    assert same_period(108, 5, Panel(counts[None], 12, last)) == [108 - 12 * back for back in range(6)]
    assert np.array_equal(found[0].upper, found[1].upper)
    assert detect(Panel(counts[None], 12, last), "farrington", last=40).at.tolist() == list(range(81, 121))
