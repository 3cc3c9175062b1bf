"""Forecasts: scores by hand, chances against draws, no look ahead, and the bar on the real months of both halves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bienho.surveillance.forecast import (
    HORIZONS,
    LEVELS,
    MEMBERS,
    Predictive,
    brier,
    coverage,
    evaluate,
    predict,
    skill,
    which_is_served,
    wis,
)
from bienho.surveillance.forecast.calibrate import PRIOR, WINDOW, widened
from bienho.surveillance.forecast.evaluate import limits, origins
from bienho.surveillance.forecast.model import LEAST_TRIED, fitted
from bienho.surveillance.forecast.published import read
from support.facts import SHARED

DATA = SHARED / "facts" / "surveillance"


def made(seed: int = 1, months: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Counts of two places with a season, a memory and an answer to the warmth of the month before; the warmth."""
    rng = np.random.default_rng(seed)
    season = np.sin(2 * np.pi * np.arange(months) / 12)
    warmth = rng.normal(0, 1, (2, months))
    state, counts = np.zeros(2), np.zeros((2, months))
    for month in range(months):
        before = warmth[:, month - 1] if month else 0.0
        state = 0.7 * state + 0.35 * before + rng.normal(0, 0.15, 2)
        counts[:, month] = rng.poisson(np.exp(3.5 + 0.8 * season[month] + state))
    return counts, 25 + 3 * season + warmth


def test_the_interval_score_by_hand() -> None:
    # median 10, band of 80 % from 6 to 15, 20 seen: (|10| / 2 + 0.1 · (9 + 10 · 5)) / 1.5
    assert wis([[6, 10, 15]], [20], (0.1, 0.5, 0.9)) == pytest.approx([(5 + 0.1 * 9 + 5) / 1.5])
    assert wis([[6, 10, 15]], [10], (0.1, 0.5, 0.9)) == pytest.approx([0.9 / 1.5])
    assert coverage([[6, 10, 15]] * 3, [6, 15, 16], 0) == pytest.approx(2 / 3)
    assert brier([0.2, 0.9], [False, True]) == pytest.approx(0.025)


def test_probabilities_and_quantiles_are_those_of_draws() -> None:
    given = Predictive(np.array([[3.0, 4.0, 2.0]]), np.array([[0.5, 0.8, 1.0]]))
    drawn = np.rint(np.expm1(np.maximum(np.random.default_rng(3).normal(given.mean, given.deviation, (200_000, 3)), 0)))
    found = given.exceeds([[30.0, 80.5, 9.2]])
    assert found == pytest.approx((drawn > [30.0, 80.5, 9.2]).mean(axis=0, keepdims=True), abs=0.005)
    assert given.quantiles()[0] == pytest.approx(np.quantile(drawn, LEVELS, axis=0).T, rel=0.03, abs=1)
    assert np.isnan(given.exceeds([[np.nan] * 3])).all()


def test_what_comes_later_changes_no_forecast() -> None:
    counts, warmth = made()
    whole = evaluate(counts, 1, ("ar", "climate"), warmth, most=5)
    changed = counts.copy()
    changed[:, -1] = 9_999
    hot = warmth.copy()
    hot[:, -HORIZONS:] = 60
    known = predict(counts[:, :-HORIZONS], 1, warmth[:, :-HORIZONS])
    again = predict(changed[:, :-HORIZONS], 1, hot[:, :-HORIZONS])
    assert (known.mean == again.mean).all()
    assert (known.deviation == again.deviation).all()
    assert whole.origins == 5


def test_a_place_is_forecast_alone_and_the_month_of_the_year_counts() -> None:
    counts, warmth = made()
    both, one = fitted(counts, 1, warmth), fitted(counts[:1], 1, warmth[:1])
    assert both.mean[:1] == pytest.approx(one.mean)
    # the same series that began in July is a different year
    assert fitted(counts, 7).mean == pytest.approx(fitted(counts, 1).mean, abs=1e-9)
    shifted = fitted(counts[:, 6:], 7, warmth[:, 6:])
    assert shifted.mean == pytest.approx(both.mean, abs=0.2)


def test_climate_helps_where_it_works_and_the_ensemble_beats_the_plain_model() -> None:
    counts, warmth = made(months=200)
    ensemble, alone, plain, seasonal = (
        evaluate(counts, 1, members, warmth, most=60)
        for members in (("ar", "climate"), ("ar",), ("plain",), ("seasonal",))
    )
    assert (skill(ensemble, alone)[:1] > 0).all()
    assert (skill(ensemble, plain) > 0).all()
    assert which_is_served(ensemble, plain, seasonal) == "ensemble"
    assert 0.7 < ensemble.within80 < 0.92
    worse = replace(ensemble, wis=plain.wis * 1.1)
    assert which_is_served(worse, plain, seasonal) == "plain"
    assert which_is_served(worse, plain, replace(seasonal, wis=plain.wis * 0.5)) == ""


def test_limits_are_mean_and_two_deviations_of_five_years() -> None:
    counts = np.arange(72.0)[None, :]
    (found,) = limits(counts)
    for ahead in range(HORIZONS):
        before = [72 + ahead - 12 * back for back in range(1, 6)]
        assert found[ahead] == pytest.approx(np.mean(before) + 2 * np.std(before, ddof=1))
    assert np.isnan(limits(counts[:, :24])).all()


def test_too_short_a_history_is_not_forecast() -> None:
    with pytest.raises(ValueError, match="too few"):
        predict(np.ones((1, 47)), 1)
    with pytest.raises(ValueError, match="too few"):
        evaluate(np.ones((1, 50)), 1, ("ar",))
    assert list(origins(51)) == [48]


def test_a_constant_series_is_forecast_as_it_is() -> None:
    found = predict(np.full((1, 60), 7.0), 1)
    assert found.quantiles()[0, :, 3] == pytest.approx([7, 7, 7], abs=0.01)
    zero = evaluate(np.zeros((1, 80)), 1, ("ar", "climate"), np.full((1, 80), 25.0))
    assert zero.wis == pytest.approx(0.0, abs=0.05)
    assert zero.brier < 0.01


def test_bands_are_as_wide_as_past_errors_were() -> None:
    """By a plain loop; an error that is not known yet widens nothing."""
    counts, warmth = made(months=60)
    known, ahead = 55, 1
    claimed = fitted(counts[:, :known], 1, warmth[:, :known])
    squares = []
    for origin in range(known - ahead - WINDOW, known - ahead):
        if origin < LEAST_TRIED:
            continue
        before = fitted(counts[:, :origin], 1, warmth[:, :origin])
        squares += list(
            ((np.log1p(counts[:, origin + ahead]) - before.mean[:, ahead]) / before.deviation[:, ahead]) ** 2
        )
    factor = np.sqrt((PRIOR + sum(squares)) / (PRIOR + len(squares)))
    found = predict(counts[:, :known], 1, warmth[:, :known])
    assert len(squares) == 2 * (known - ahead - LEAST_TRIED)
    assert found.deviation[:, ahead] == pytest.approx(claimed.deviation[:, ahead] * factor)
    assert (found.mean == claimed.mean).all()


def test_bands_too_narrow_or_too_wide_are_mended() -> None:
    """Claims half and twice as wide as the errors of a known law; the shares within bands come back."""
    rng = np.random.default_rng(8)
    logs = rng.normal(5.0, 0.4, (4, 400))
    counts = np.expm1(logs)
    for claimed in (0.2, 0.8):
        said = Predictive(np.full((4, HORIZONS), 5.0), np.full((4, HORIZONS), claimed))
        trials = dict.fromkeys(range(400 - HORIZONS), said)
        mended = [widened(trials, counts, known) for known in range(100, 400 - HORIZONS)]
        quantiles = Predictive(np.array([one.mean for one in mended]), np.array([one.deviation for one in mended]))
        seen = np.stack([counts[:, known : known + HORIZONS] for known in range(100, 400 - HORIZONS)])
        assert coverage(quantiles.quantiles(), seen, 1) == pytest.approx(0.8, abs=0.03)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("disease", "tried", "scores", "within80"),
    [("dengue", 94, [56.8, 79.6, 100.4], 0.794), ("hfmd", 34, [12.7, 17.0, 19.0], 0.711)],
)
def test_the_ensemble_is_worth_what_is_written(disease: str, tried: int, scores: list[float], within80: float) -> None:
    """WIS 71.5, 95.3, 116.1 of ARIMA(2,0,0)(1,0,0)12 for dengue; all was chosen on origins before these."""
    first, counts, heat = read(DATA, disease)
    ours = evaluate(counts, first.month, MEMBERS, heat)
    assert ours.origins == tried
    assert ours.wis.mean(axis=0) == pytest.approx(scores, abs=0.06)
    assert ours.within80 == pytest.approx(within80, abs=0.002)
    if disease == "dengue":
        assert (ours.wis.mean(axis=0) < [71.5, 95.3, 116.1]).all()
        without = evaluate(counts, first.month, ("ar",))
        assert (without.wis.mean(axis=0) < [71.5, 95.3, 116.1]).all()
