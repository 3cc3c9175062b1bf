"""The space-time scan: what it finds, against counting by hand, and that chance alone is seldom a cluster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bienho.core.errors import InputError, LimitError
from bienho.surveillance import ScanOptions, read_places, scan
from bienho.surveillance.scan.clusters import distances

FEW = ScanOptions(replicates=99, max_window=14)


def province(
    seed: int, places: int = 20, periods: int = 40, mean: float = 0.2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.poisson(mean, (places, periods)), 107 + random.random(places), 13 + random.random(places)


def by_hand(cases: np.ndarray, longitude: np.ndarray, latitude: np.ndarray, longest: int) -> float:
    """The largest ratio over every circle and window, one at a time."""
    total, apart = cases.sum(), distances(longitude, latitude)
    best = 0.0
    for centre in range(len(cases)):
        order = np.argsort(apart[centre], kind="stable")
        for size in range(1, len(cases) + 1):
            circle = order[:size]
            if cases[circle].sum() > total / 2:
                break
            for length in range(1, longest + 1):
                inside = cases[circle, -length:].sum()
                expected = cases[circle].sum() * cases[:, -length:].sum() / total
                if inside >= 2 and inside > expected:
                    ratio = inside * np.log(inside / expected)
                    if inside < total:
                        ratio += (total - inside) * np.log((total - inside) / (total - expected))
                    best = max(best, float(ratio))
    return best


@pytest.mark.parametrize("seed", range(4))
def test_the_largest_ratio_is_the_one_found_by_hand(seed: int) -> None:
    cases, longitude, latitude = province(seed, places=9, periods=24)
    found = scan(cases, longitude, latitude, ScanOptions(replicates=9, max_window=12))
    assert found[0].ratio == pytest.approx(by_hand(cases, longitude, latitude, 12), rel=1e-12)


def test_a_planted_cluster_is_found_where_and_when_it_is() -> None:
    cases, longitude, latitude = province(5, mean=0.15)
    near = np.argsort(distances(longitude, latitude)[3])[:3]
    cases[near, -5:] += np.random.default_rng(6).poisson(3, (3, 5))
    first, *others = scan(cases, longitude, latitude, FEW)
    assert first.pvalue == 0.01
    assert first.recurrence == pytest.approx(100)
    assert set(near) <= set(first.places)
    assert 33 <= first.first <= 36
    taken = list(first.places)
    for other in others:
        assert not set(taken) & set(other.places)
        assert other.ratio <= first.ratio
        taken += other.places


def test_chance_alone_is_a_cluster_as_seldom_as_it_says() -> None:
    pvalues = []
    for seed in range(30):
        found = scan(*province(100 + seed, places=12, periods=30), ScanOptions(replicates=19, max_window=10))
        pvalues.append(found[0].pvalue if found else 1.0)
    assert 0 <= np.mean(np.array(pvalues) <= 0.1) <= 0.25
    assert 0.35 < np.mean(pvalues) < 0.75


def test_the_same_seed_gives_the_same_and_passing_over_small_counts_changes_nothing() -> None:
    cases, longitude, latitude = province(8)
    few, many = (scan(cases, longitude, latitude, ScanOptions(replicates=n, max_window=14)) for n in (199, 199))
    assert few == many
    assert few[0].pvalue == pytest.approx(scan(cases, longitude, latitude, FEW)[0].pvalue, abs=0.12)


def test_a_radius_and_a_window_bound_what_is_looked_at() -> None:
    cases, longitude, latitude = province(9)
    found = scan(cases, longitude, latitude, ScanOptions(replicates=9, radius=15.0, max_window=4))
    assert found
    assert all(one.radius_km <= 15 and one.first >= 36 for one in found)


def test_no_cases_are_no_cluster_and_unknown_counts_are_refused() -> None:
    cases, longitude, latitude = province(1)
    assert scan(cases * 0, longitude, latitude, FEW) == []
    gap = cases.astype(float)
    gap[0, 0] = np.nan
    for wrong in (gap, cases[:, :1], -cases - 1):
        with pytest.raises(InputError) as error:
            scan(wrong, longitude, latitude, FEW)
        assert error.value.code == "IN-SCAN"


def test_distances_are_those_of_the_globe() -> None:
    apart = distances(np.array([108.0, 109.2, 108.0]), np.array([13.98, 13.77, 13.98]))
    assert apart[0, 1] == pytest.approx(131.5, abs=1.5)
    assert apart[0, 2] == 0


def test_a_file_of_places_is_read_and_what_is_not_there_is_zero(tmp_path: Path) -> None:
    path = tmp_path / "xa.csv"
    path.write_text(
        "place,longitude,latitude,t,observed\na,108,14,3,2\nb,108.5,14,5,1\na,108,14,3,1\n", encoding="utf-8"
    )
    placed = read_places(path)
    assert placed.names == ("a", "b")
    assert placed.t.tolist() == [3, 4, 5]
    assert placed.cases.tolist() == [[3, 0, 0], [0, 0, 1]]
    for line in ("a,109,14,4,1", "b,x,14,4,1", "b,108.5,14,4,-1", "b,108.5,14,four,1", "c,200,14,4,1"):
        path.write_text(f"place,longitude,latitude,t,observed\na,108,14,3,2\n{line}\n", encoding="utf-8")
        with pytest.raises(InputError, match="dòng 3"):
            read_places(path)


def test_a_file_of_two_far_periods_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "noi.csv"
    lines = ["place,longitude,latitude,t,observed", "A,108,13,0,1", "B,108.5,13.5,9000000,1", "C,108.2,13.1,5,1"]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(LimitError) as caught:
        read_places(path)
    assert caught.value.code == "LIM-SERIES"
