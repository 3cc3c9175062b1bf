"""EARS C1, C2 and C3 (Hutwagner et al. 2003): the last few periods as the measure, for series without history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bienho.surveillance.detectors.options import number, option, or_nothing, whole
from bienho.surveillance.later import special
from bienho.surveillance.panel import Alarms, Floats, Integers, Panel, empty, exceeds, relative_excess

# Periods between the baseline and the period judged, so that a slow beginning is not part of its own measure.
GAP = {"C1": 0, "C2": 2, "C3": 2}
# C3 adds what was excessive in this and the two periods before.
MEMORY = 2
LEAST_KNOWN = 3


@dataclass(frozen=True)
class EarsOptions:
    baseline: int = option(7, "baseline", whole(LEAST_KNOWN))
    min_sigma: float = option(0.0, "minSigma", number(0, reach=True))
    alpha: float = option(0.001, "alpha", number(0, 1))


@dataclass(frozen=True)
class SumOptions:
    """`limit` is what the sum of excesses must not pass; `alpha`, when set, gives it as a quantile of the normal."""

    baseline: int = option(7, "baseline", whole(LEAST_KNOWN))
    min_sigma: float = option(0.0, "minSigma", number(0, reach=True))
    limit: float = option(2.0, "limit", number(0))
    alpha: float | None = option(None, "alpha", or_nothing(number(0, 1)))


def first_place(kind: str, baseline: int) -> int:
    return baseline + GAP[kind] + (MEMORY if kind == "C3" else 0)


def measure(panel: Panel, at: Integers, baseline: int, gap: int, min_sigma: float) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the baseline of each period; NaN with fewer than three known counts."""
    windows = sliding_window_view(panel.observed, baseline, axis=1)[:, at - gap - baseline]
    known = ~np.isnan(windows)
    count = known.sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, windows, 0.0).sum(axis=2) / count
        square = (np.where(known, windows - mean[:, :, None], 0.0) ** 2).sum(axis=2)
        sigma = np.maximum(np.sqrt(square / (count - 1)), min_sigma)
    enough = count >= LEAST_KNOWN
    return np.where(enough, mean, np.nan), np.where(enough, sigma, np.nan)


def _standing(observed: Floats, mean: Floats, sigma: Floats) -> Floats:
    """(y - mean) / sigma; without any spread whatever is above the mean is infinitely far."""
    with np.errstate(invalid="ignore", divide="ignore"):
        off = (observed - mean) / sigma
    return np.asarray(np.where(observed == mean, 0.0, off))


def ears(panel: Panel, at: Integers, options: EarsOptions | None = None, *, kind: str = "C1") -> Alarms:
    """C1 (baseline up to the period before) or C2 (two periods left between): mean + z sigma."""
    options = options or EarsOptions()
    found = empty(panel, at)
    observed = panel.observed[:, at]
    mean, sigma = measure(panel, at, options.baseline, GAP[kind], options.min_sigma)
    found["expected"] = mean
    found["upper"] = upper = mean + special.ndtri(1 - options.alpha) * sigma
    found["pvalue"] = special.ndtr(-_standing(observed, mean, sigma))
    found["score"] = relative_excess(observed, mean, upper)
    return Alarms(at=at, observed=observed, alarm=exceeds(observed, upper), **found)


def ears_sum(panel: Panel, at: Integers, options: SumOptions | None = None) -> Alarms:
    """C3 as published: an alarm when the sum over t, t-1, t-2 of max(0, C2 - 1) passes the limit.

    `score` is the sum. `upper` is the count that just reaches the limit, 0 where the two periods before pass it alone,
    which alarms whatever the count is.
    """
    options = options or SumOptions()
    limit = options.limit if options.alpha is None else float(special.ndtri(1 - options.alpha))
    found = empty(panel, at)
    observed = panel.observed[:, at]
    excess = []
    for back in range(MEMORY, -1, -1):
        mean, sigma = measure(panel, at - back, options.baseline, GAP["C3"], options.min_sigma)
        excess.append(np.maximum(_standing(panel.observed[:, at - back], mean, sigma) - 1, 0.0))
    before = np.nan_to_num(excess[0], nan=0.0, posinf=np.inf) + np.nan_to_num(excess[1], nan=0.0, posinf=np.inf)
    found["expected"], found["score"] = mean, before + excess[2]
    with np.errstate(invalid="ignore"):
        left = np.where(sigma > 0, sigma * (1 + limit - before), 0.0)
        found["upper"] = np.where(before > limit, 0.0 * mean, np.maximum(mean + left, 0.0))
        alarm = found["score"] > limit
    return Alarms(at=at, observed=observed, alarm=alarm, **found)
