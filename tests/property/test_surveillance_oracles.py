"""The vectorised detectors against slow, plain ones written from the formulas."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bienho.surveillance import Panel, detect, discoveries, qvalues
from bienho.surveillance.detectors import counts as tails
from bienho.surveillance.detectors.baseline import baseline
from bienho.surveillance.detectors.farrington import FarringtonOptions, farrington
from bienho.surveillance.detectors.regression import Counts, Design, solve
from bienho.surveillance.evaluate import twin_outbreaks
from bienho.surveillance.evaluate.quality import wilson
from support.examples import some


@settings(max_examples=some(40))
@given(mean=st.floats(1e-9, 5e4), phi=st.one_of(st.just(1.0), st.floats(1.0001, 300)), level=st.floats(0.5, 0.99999))
def test_quantiles_and_tails_are_those_of_the_distribution(mean: float, phi: float, level: float) -> None:
    law = stats.poisson(mean) if phi == 1 else stats.nbinom(mean / (phi - 1), 1 / phi)
    found = float(tails.quantile(level, np.array([mean]), np.array([phi]))[0])
    assert law.cdf(found) >= level - 1e-11
    assert found == 0 or law.cdf(found - 1) < level + 1e-11
    for count in (0.0, found, found + 3):
        assert float(tails.at_least(np.array(count), np.array(mean), np.array(phi))) == pytest.approx(
            law.sf(count - 1), rel=1e-7, abs=1e-290
        )


def plain_fit(counts: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of a Poisson regression and the inverse of the information, by Newton's method to the end."""
    beta = np.linalg.lstsq(columns, np.log(counts + 0.5), rcond=None)[0]
    for _ in range(200):
        mean = np.exp(columns @ beta)
        information = columns.T @ (columns * (weights * mean)[:, None])
        step = np.linalg.solve(information, columns.T @ (weights * (counts - mean)))
        beta = beta + np.clip(step, -1, 1)
    return beta, np.linalg.inv(information)


@settings(max_examples=some(12))
@given(seed=st.integers(0, 10_000), blocks=st.integers(1, 5), trend=st.booleans())
def test_the_batched_regression_is_the_plain_one(seed: int, blocks: int, trend: bool) -> None:
    random = np.random.default_rng(seed)
    rows = 12 * blocks + 10
    design = Design(np.sort(random.integers(0, blocks, rows - blocks).tolist() + list(range(blocks))),
                    -np.arange(rows, 0, -1, dtype=float))  # fmt: skip
    values = random.poisson(random.uniform(2, 30, (6, 1)), (6, rows)).astype(float)
    known = (random.random((6, rows)) > 0.15).astype(float)
    weights = known * random.uniform(0.2, 1.5, (6, rows))
    fit = solve(Counts.of(values * known), weights, design, trend)
    columns = np.concatenate([design.columns, design.time[:, None]], axis=1) if trend else design.columns
    for line in range(6):
        beta, inverse = plain_fit(values[line], columns, weights[line])
        now = np.zeros(columns.shape[1])
        now[blocks - 1] = 1
        assert fit.converged[line]
        assert fit.now[line] == pytest.approx(float(now @ beta), abs=2e-5)
        assert fit.variance_now()[line] == pytest.approx(float(now @ inverse @ now), rel=2e-4)
        hat = np.einsum("ni,ij,nj->n", columns, inverse, columns) * fit.weight[line]
        assert fit.leverage(design)[line] == pytest.approx(hat, abs=2e-4)


def test_many_series_together_are_each_as_alone() -> None:
    random = np.random.default_rng(4)
    counts = random.poisson(random.uniform(0.05, 40, (300, 1)), (300, 330)).astype(float)
    counts[7], counts[8, :200], counts[9, 250:300] = 0, np.nan, np.nan
    at = np.array([328, 329])
    together = farrington(Panel(counts, 52), at)
    for line in (0, 7, 8, 9, 150, 257, 299):
        alone = farrington(Panel(counts[line : line + 1], 52), at)
        for name in ("expected", "upper", "pvalue", "phi", "alarm"):
            assert getattr(together, name)[line] == pytest.approx(getattr(alone, name)[0], rel=1e-9, nan_ok=True)


def test_a_period_nobody_reported_is_as_if_it_were_not_in_the_baseline() -> None:
    random = np.random.default_rng(5)
    counts = random.poisson(8, (1, 300)).astype(float)
    base = baseline(299, Panel(counts, 52), b=4, w=3, blocks=1, left_out=3)
    gone = counts.copy()
    gone[0, base.rows[[2, 9]]] = np.nan
    options = FarringtonOptions(b=4, blocks=1, trend=False, reweight=False)
    found = farrington(Panel(gone, 52), np.array([299]), options)
    assert found.expected[0, 0] == pytest.approx(np.nanmean(gone[0, base.rows]), rel=1e-6)


@settings(max_examples=some(40))
@given(b=st.integers(1, 5), w=st.integers(0, 5), blocks=st.integers(1, 12), left_out=st.integers(0, 40))
def test_blocks_of_the_year_are_as_they_are_defined(b: int, w: int, blocks: int, left_out: int) -> None:
    at, year = 5 * 52 + 20, 52
    panel = Panel(np.zeros((1, at + 1)), year)
    found = baseline(at, panel, b=b, w=w, blocks=blocks, left_out=left_out)
    expected = {}
    for back in range(1, b + 1):
        start = at - back * year
        for place in range(start - w, start + w + 1):
            expected[place] = blocks - 1
        rest = list(range(start + w + 1, start + year - w)) if blocks > 1 else []
        for block, part in enumerate(np.array_split(rest, blocks - 1) if rest else []):
            expected |= {int(place): block for place in part}
    expected |= dict.fromkeys(range(at - w, at + 1), blocks - 1)
    kept = {place: block for place, block in expected.items() if place < at - left_out}
    assert dict(zip(found.rows.tolist(), found.design.block.tolist(), strict=True)) == kept
    assert found.design.time.tolist() == [place - at for place in sorted(kept)]


COUNTS = st.lists(st.integers(0, 40), min_size=40, max_size=60).map(lambda c: np.array(c, dtype=float))


@settings(max_examples=some(25))
@given(COUNTS, st.sampled_from([0.0, 0.5]))
def test_ears_is_as_published(counts: np.ndarray, least: float) -> None:
    panel = Panel(counts[None], 52)
    c2 = {}
    for t in range(9, len(counts)):
        part = counts[t - 9 : t - 2]
        sigma = max(part.std(ddof=1), least)
        off = counts[t] - part.mean()
        c2[t] = 0.0 if off == 0 else (off / sigma if sigma else np.inf * np.sign(off))
    found = detect(panel, "ears-c3", {"minSigma": str(least)})
    sums = [sum(max(0.0, c2[t - back] - 1) for back in range(3)) for t in found.at]
    assert found.score[0] == pytest.approx(sums, rel=1e-9)
    assert found.alarm[0].tolist() == [one > 2 for one in sums]
    clear = found.upper[0] > 0
    near = np.abs(np.array(sums) - 2) < 1e-9
    assert (found.alarm[0] == (found.observed[0] > found.upper[0]))[clear & ~near].all()
    c1 = detect(panel, "ears-c1", {"minSigma": str(least), "alpha": "0.01"})
    for column, t in enumerate(c1.at):
        part = counts[t - 7 : t]
        limit = part.mean() + 2.3263478740408408 * max(part.std(ddof=1), least)
        assert c1.upper[0, column] == pytest.approx(limit, rel=1e-12)


@settings(max_examples=some(12))
@given(COUNTS)
def test_the_likeliest_shift_is_found_among_all(counts: np.ndarray) -> None:
    """GLR: the ratio by maximising over a grid of factors and every beginning since the last alarm."""
    found = detect(Panel(counts[None], 12), "glr", {"theta": "NULL", "c.ARL": "4"}, last=15)
    mean, begin = found.expected[0], 0
    for column in range(15):
        best = 0.0
        for first in range(begin, column + 1):
            cases, expected = found.observed[0, first : column + 1].sum(), mean[first : column + 1].sum()
            shifts = np.linspace(0, 5, 4001)
            best = max(best, float((cases * shifts - (np.exp(shifts) - 1) * expected).max()))
        assert found.score[0, column] == pytest.approx(best, rel=1e-3, abs=2e-2)
        if found.score[0, column] >= 4:
            begin = column + 1


@settings(max_examples=some(50))
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.01, 0.5))
def test_false_discoveries_are_held_as_benjamini_and_hochberg_say(values: list[float], rate: float) -> None:
    pvalues = np.array(values)
    ordered = np.sort(pvalues)
    passing = [k for k in range(1, len(values) + 1) if ordered[k - 1] * len(values) / k <= rate]
    expected = pvalues <= ordered[passing[-1] - 1] if passing else np.zeros(len(values), dtype=bool)
    assert discoveries(pvalues, rate).tolist() == expected.tolist()
    assert (qvalues(pvalues, dependent=True) >= qvalues(pvalues)).all()
    with_unknown = np.concatenate([pvalues, [np.nan]])
    assert qvalues(with_unknown)[:-1].tolist() == qvalues(pvalues).tolist()


@settings(max_examples=some(25))
@given(st.integers(0, 60), st.integers(1, 60))
def test_the_interval_of_a_share_is_that_of_the_library(found: int, more: int) -> None:
    told = stats.binomtest(found, found + more).proportion_ci(method="wilson")
    assert wilson(found, found + more) == pytest.approx((told.low, told.high), abs=1e-12)


def test_outbreaks_of_a_twin_are_counted_as_they_are_told() -> None:
    """One is found in its commune, its spread next door is neither found nor false, another is too small to count."""
    first, weeks = date(2024, 1, 1), 110
    usual = [(first + timedelta(days=7 * week), "a", commune, 0) for week in range(weeks) for commune in ("x", "y")]
    begin = first + timedelta(days=7 * 90)
    burst = [(begin, "a", "x", 1)] * 20 + [(begin + timedelta(days=7), "a", "y", 1)] * 9 + [(begin, "a", "z", 2)] * 2
    lone = [(first + timedelta(days=7 * 80), "a", "y", 0)] * 9
    columns = dict(
        zip(("day", "disease", "commune", "outbreak_no"), zip(*usual, *burst, *lone, strict=True), strict=True)
    )
    told = [
        {"outbreak_no": number, "disease": "a", "first": begin, "end": begin + timedelta(days=14)} for number in (1, 2)
    ]
    end = first + timedelta(days=7 * weeks - 1)
    (found,) = twin_outbreaks(columns, told, first, end, {"c1": ("ears-c1", {"minSigma": "0.5"})})
    assert (found.outbreaks, found.found, found.false_alarms, found.days) == (1, 1, 1, 7.0)
    assert found.quiet_periods == 3 * 52 - 3 * 3
