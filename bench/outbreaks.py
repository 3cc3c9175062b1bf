"""The 28 scenarios of Noufaily et al. 2013: every method, the default at equal false alarms, and R on the same series.

A published run of R (telkamp7/AEDDO) drew its outbreaks otherwise than the paper; `as_published` draws as it did, so
that its figures can be compared. They rest on about ten outbreaks of each size and scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.beside import Beside, farrington_beside
from bienho.surveillance import Alarms, Panel, detect
from bienho.surveillance.evaluate import Quality, Scenario, judge, read_scenarios, simulate, without_outbreaks
from bienho.surveillance.evaluate.quality import wilson
from bienho.surveillance.evaluate.scenarios import JUDGED, PAST, PAST_SIZES, WEEKS, YEAR
from bienho.surveillance.panel import Booleans, Integers

SEED, REPLICATES = 2013, 100
SIZES = (3.0, 5.0, 7.0, 10.0)
LAST = JUDGED[1] - JUDGED[0]
# Replicates of each size and scenario of which R judges all weeks, not only those of the outbreak; series without one.
WHOLE, QUIET = 1, 50
# The defaults of `farrington`, as both programs read them.
HOUSE = {
    "b": "5", "w": "3", "noPeriods": "10", "pastWeeksNotIncluded": "26", "weightsThreshold": "2.58",
    "pThresholdTrend": "1", "alpha": "0.01", "thresholdMethod": "'nbPlugin'", "limit54": "c(5,4)",
}  # fmt: skip
# Settings of the published run: it misspells the method of its limit, so that its limit is R's default, delta.
PUBLISHED = HOUSE | {"pThresholdTrend": "0.05", "alpha": "0.005", "thresholdMethod": "'delta'", "limit54": "c(0,4)"}
PUBLISHED_FOUND = {3.0: 0.19, 5.0: 0.54, 7.0: 0.73, 10.0: 0.91}
PUBLISHED_FALSE, PUBLISHED_OUTBREAKS = 0.0091, 280


def by_method(path: Path, methods: Mapping[str, tuple[str, Mapping[str, str]]], size: float) -> list[Quality]:
    """Every method on one size; and the ensemble with its limit moved to the false alarms of `farrington`."""
    panel, during = simulate(read_scenarios(path), REPLICATES, size, SEED)
    bed = f"noufaily28 k={size:g}"
    alarms = {label: detect(panel, method, given, last=LAST) for label, (method, given) in methods.items()}
    found = [judge(bed, label, one.alarm, during, YEAR) for label, one in alarms.items()]
    allowed = int(alarms["farrington"].alarm[during == 0].sum())
    moved = _within(alarms["ensemble"], during == 0, allowed)
    return [*found, judge(bed, "ensemble at the false alarms of farrington", moved, during, YEAR)]


def _within(alarms: Alarms, quiet: Booleans, allowed: int) -> Booleans:
    """Alarms at the largest alpha that gives at most `allowed` in quiet periods; none at or below what is expected."""
    with np.errstate(invalid="ignore"):
        judged = alarms.observed > np.floor(alarms.expected)
    pvalue = np.where(judged & ~np.isnan(alarms.upper), alarms.pvalue, np.inf)
    return np.asarray(pvalue < np.sort(pvalue[quiet])[allowed])


def as_published(path: Path, size: float) -> dict[str, Any]:
    """Ours on series drawn as in the published run, beside what R found there."""
    dates = np.datetime64("2000-01-01") + 7 * np.arange(WEEKS)
    counts, during = _drawn_as_published(read_scenarios(path), size)
    given = PUBLISHED | {"limit54": "0,4"}
    alarm = detect(Panel(counts, YEAR, dates), "farrington", given, last=LAST).alarm
    ours = judge(f"as published k={size:g}", "farrington", alarm, during, YEAR)
    found = PUBLISHED_FOUND[size]
    return {
        "size": size, "outbreaks": ours.outbreaks, "found": ours.sensitivity, "low": ours.low, "high": ours.high,
        "false_rate": ours.false_rate, "r_found": found, "r_false_rate": PUBLISHED_FALSE,
        "r_interval": wilson(round(found * PUBLISHED_OUTBREAKS), PUBLISHED_OUTBREAKS),
    }  # fmt: skip


def _drawn_as_published(scenarios: list[Scenario], size: float) -> tuple[np.ndarray, Integers]:
    """Counts of variance mu + phi mu² / (1 + mu); outbreaks in standard deviations of the whole series; past ones of
    any of the sizes; cases after the last week belong to it; only weeks with such a case are of the outbreak."""
    chance = np.random.default_rng(SEED)
    mean = np.repeat(np.stack([one.mean() for one in scenarios]), REPLICATES, axis=0)
    shape = (1 + mean) / np.repeat([one.phi for one in scenarios], REPLICATES)[:, None]
    counts = chance.negative_binomial(shape, shape / (shape + mean)).astype(float)
    during = np.zeros((len(counts), LAST), dtype=np.int64)
    for line, deviation in enumerate(counts.std(axis=1, ddof=1)):
        starts = [*chance.choice(np.arange(*PAST), len(PAST_SIZES), replace=False), chance.integers(*JUDGED)]
        for start, large in zip(starts, [*chance.choice(PAST_SIZES, len(PAST_SIZES)), size], strict=True):
            cases = chance.poisson(large * deviation)
            weeks = np.minimum(start + np.floor(chance.lognormal(0, 0.5, cases)).astype(int), WEEKS - 1)
            np.add.at(counts[line], weeks, 1)
            during[line, weeks[weeks >= JUDGED[0]] - JUDGED[0]] = 1
    return counts, during


def weeks_of_outbreaks(path: Path, size: float) -> dict[str, Any]:
    """R and ours on the weeks of every outbreak."""
    panel, during = simulate(read_scenarios(path), REPLICATES, size, SEED)
    one = farrington_beside(panel, HOUSE, during > 0)
    tried = int(one.asked.any(axis=1).sum())
    ours, theirs = int(one.ours.any(axis=1).sum()), int(one.theirs.any(axis=1).sum())
    return {
        "size": size, "found": ours / tried, "interval": wilson(ours, tried), "r_found": theirs / tried,
        "r_interval": wilson(theirs, tried), **one.as_dict(),
    }  # fmt: skip


def all_weeks(path: Path, size: float) -> dict[str, Any]:
    """R and ours on all weeks of some series with outbreaks."""
    panel, during = simulate(read_scenarios(path), REPLICATES, size, SEED)
    some = np.arange(len(during)) % REPLICATES < WHOLE
    one = farrington_beside(Panel(panel.observed[some], YEAR), HOUSE, np.ones((some.sum(), LAST), dtype=bool))
    return {"size": size, **_false(one, during[some]), **one.as_dict()}


def quiet() -> dict[str, Any]:
    """R and ours on series without outbreaks."""
    panel = without_outbreaks(QUIET, years=8, seed=SEED)
    return farrington_beside(panel, HOUSE, np.ones((QUIET, YEAR), dtype=bool)).as_dict()


def _false(one: Beside, during: Integers) -> dict[str, float]:
    quiet = during == 0
    return {"false_rate": float(one.ours[quiet].mean()), "r_false_rate": float(one.theirs[quiet].mean())}
