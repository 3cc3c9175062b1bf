"""Now-casting: triangles, shares against the reference of the outbreak of 2011, bands on reports drawn at random."""

from __future__ import annotations

import csv
from datetime import date

import numpy as np
import pytest

from bienho.surveillance.nowcast import nowcast, reporting_delays, triangle
from support.facts import SHARED

FACTS = SHARED / "facts" / "surveillance"
LINES = FACTS / "data" / "R_surveillance_husO104Hosp_linelist.csv"
REFERENCE = FACTS / "reference" / "outputs"
PERIODS, MOST = 40, 6


def drawn(seed: int, series: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """(final counts, triangle known at the end) of Poisson counts whose reports come by one law of delays."""
    rng = np.random.default_rng(seed)
    share = np.array([0.1, 0.3, 0.25, 0.15, 0.1, 0.06, 0.04])
    final = rng.poisson(level, (series, PERIODS))
    full = rng.multinomial(final, share)
    seen = np.arange(PERIODS)[::-1, None] >= np.arange(MOST + 1)
    return final, np.where(seen, full, 0)


def test_a_triangle_counts_what_is_known_by_now() -> None:
    rng = np.random.default_rng(7)
    event = rng.integers(0, 30, 500)
    report = event + rng.integers(-2, 12, 500)
    which = rng.integers(0, 3, 500)
    found = triangle(event, report, which, now=20, shape=(3, 10, 6))
    for series in range(3):
        for place, day in enumerate(range(11, 21)):
            for delay in range(6):
                told = sum(
                    one == series and when == day and after - when == delay and after <= 20
                    for one, when, after in zip(which, event, report, strict=True)
                )
                assert found[series, place, delay] == told


def test_shares_are_those_the_reports_were_drawn_with() -> None:
    _, known = drawn(1, 60, 40.0)
    found = reporting_delays(known.sum(axis=0, keepdims=True))
    assert found.within[0] == pytest.approx([0.1, 0.4, 0.65, 0.8, 0.9, 0.96, 1.0], abs=0.01)
    assert found.dispersion[0] == pytest.approx(1.0, abs=0.2)
    scattered = reporting_delays(known.sum(axis=0, keepdims=True) * 4)
    assert scattered.dispersion[0] == pytest.approx(4 * found.dispersion[0], rel=0.1)


@pytest.mark.parametrize("level", [0.4, 8.0, 150.0])
def test_final_counts_lie_in_their_bands_as_often_as_promised(level: float) -> None:
    final, known = drawn(int(level * 10), 400, level)
    found = nowcast(known, np.zeros(400, dtype=int))
    recent = slice(PERIODS - 4, PERIODS)
    seen, bands = final[:, recent], found.quantiles[:, recent]
    within = [((seen >= bands[..., n]) & (seen <= bands[..., -1 - n])).mean() for n in (0, 1, 2)]
    # bands of whole numbers hold more than they promise when counts are small; never less
    assert within[0] >= 0.945
    assert within[1] >= 0.79
    assert level < 100 or within[1] < 0.92
    assert found.mean[:, recent].sum() == pytest.approx(seen.sum(), rel=0.1)
    # what is complete is what was observed
    assert (found.quantiles[:, : PERIODS - MOST] == final[:, : PERIODS - MOST, None]).all()


def test_a_period_without_a_report_yet_is_not_predicted_to_be_empty() -> None:
    known = np.zeros((2, PERIODS, MOST + 1), dtype=int)
    known[0, :-1, 1] = 20
    found = nowcast(known)
    assert found.mean[0, -1] == pytest.approx(20, rel=0.1)
    assert found.quantiles[0, -1, 6] > 20
    # and a series of zeros hardly expects anything
    assert found.mean[1, -1] < 1


def test_more_periods_than_delays_are_needed() -> None:
    with pytest.raises(ValueError, match="too few"):
        nowcast(np.zeros((1, MOST + 1, MOST + 1)))


@pytest.mark.shared
def test_the_outbreak_of_2011_as_known_on_the_second_of_june() -> None:
    """The triangle cell by cell; counts by share are the reference's, which rounds up; what came lies in the band."""
    with LINES.open(encoding="utf-8", newline="") as file:
        lines = [(_day(row["dHosp"]), _day(row["dReport"])) for row in csv.DictReader(file)]
    event, report = (np.array(part) for part in zip(*lines, strict=True))
    now = _day("2011-06-02")
    known = triangle(event, report, np.zeros(len(event), dtype=int), now=now, shape=(1, 27, 16))
    with (REFERENCE / "nowcast_reporting_triangle_husO104.csv").open(encoding="utf-8", newline="") as file:
        cells = [row[1:] for row in csv.reader(file)][1:]
    expected = np.array([[0 if cell == "NA" else int(cell) for cell in row] for row in cells])
    assert (known[0] == expected[-27:]).all()
    found = nowcast(known)
    compared = 0
    with (REFERENCE / "nowcast_lawless_husO104_2011-06-02_D15.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            place = _day(row["date"]) - now + 26
            assert found.observed[0, place] == int(row["reported_so_far"])
            if row["nowcast_median"] != "NA":
                by_share = found.observed[0, place] / found.complete[0, place]
                assert abs(by_share - int(row["nowcast_median"])) <= 1.5, row["date"]
                came = (event == _day(row["date"])).sum()
                assert found.quantiles[0, place, 0] <= came <= found.quantiles[0, place, -1]
                compared += 1
    assert compared == 14


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal()
