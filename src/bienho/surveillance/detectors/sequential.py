"""Methods that add up small excesses until they are too many: CUSUM (Rossi et al. 1999), GLR (Höhle and Paul 2008).

Both learn from the periods before the first one judged, and then run on: the periods judged follow one another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bienho.core.errors import UsageError
from bienho.surveillance.detectors.options import TRUTH, number, number_or, one_of, option, or_nothing, whole
from bienho.surveillance.later import special
from bienho.surveillance.panel import Alarms, Floats, Integers, Panel, empty

MOST_STEPS = 50
SETTLED = 1e-12
# Overdispersion alpha of a learning time that is looked for, least and most: variance mu + alpha mu².
ALPHA = (1e-8, 1e4)
ALTERNATIONS, STEADY = 100, 1e-9


@dataclass(frozen=True)
class CusumOptions:
    """`m`: the mean without an outbreak; None: that of the periods before; `glm`: their Poisson regression on one
    yearly wave, carried on."""

    k: float = option(1.04, "k", number(0, reach=True))
    h: float = option(2.26, "h", number(0))
    m: float | str | None = option(None, "m", or_nothing(number_or("glm", 0)))
    trans: str = option("rossi", "trans", one_of("standard", "rossi"))
    reset: bool = option(False, "reset", TRUTH)


def cusum(panel: Panel, at: Integers, options: CusumOptions | None = None) -> Alarms:
    """S_t = max(0, S_(t-1) + z_t - k), an alarm at S >= h, z being the standardised count.

    `score` is S. `upper` is the count at which the alarm begins. A period that nobody reported changes nothing. A
    learning time without a case is taken as half a case in all.
    """
    options = options or CusumOptions()
    found, observed = empty(panel, at), panel.observed[:, at]
    found["expected"] = _means(panel, at, options.m)
    total = np.zeros(panel.series)
    alarm = np.zeros(observed.shape, dtype=bool)
    for column in range(len(at)):
        count, mean = observed[:, column], found["expected"][:, column]
        root = np.sqrt(mean)
        need = options.h + options.k - total
        if options.trans == "rossi":
            standing = (count - 3 * mean + 2 * np.sqrt(mean * count)) / (2 * root)
            # Where no count is small enough the root is below 0; its square is what the reference package shows.
            inside = 4 * mean + 2 * root * need
            upper = np.where(inside > 0, (np.sqrt(np.maximum(inside, 0)) - root) ** 2, 0.0)
        else:
            standing = (count - mean) / root
            upper = np.maximum(np.ceil(mean + root * need), 0.0)
        known = ~np.isnan(count)
        total = np.where(known, np.maximum(total + standing - options.k, 0.0), total)
        alarm[:, column] = known & (total >= options.h)
        found["score"][:, column], found["upper"][:, column] = total, upper
        if options.reset:
            total = np.where(alarm[:, column], 0.0, total)
    return Alarms(at=at, observed=observed, alarm=alarm, **found)


def _means(panel: Panel, at: Integers, given: float | str | None) -> Floats:
    """(S, K), what is usual in the periods judged."""
    before = panel.observed[:, : at[0]]
    if isinstance(given, str):
        return seasonal_mean(before, at, panel.frequency)
    level = _level(before) if given is None else np.full(panel.series, given)
    return np.repeat(level[:, None], len(at), axis=1)


def _level(before: Floats) -> Floats:
    count = np.maximum((~np.isnan(before)).sum(axis=1), 1)
    return np.asarray(np.maximum(np.nansum(before, axis=1), 0.5) / count)


@dataclass(frozen=True)
class GlrOptions:
    """`theta`: log of the factor looked for; None: the likeliest factor. `alpha` > 0: variance mu + alpha mu²; None:
    the likeliest alpha of the periods before. `window` > 0: the shift began at most so many periods ago."""

    limit: float = option(5.0, "c.ARL", number(0))
    theta: float | None = option(None, "theta", or_nothing(number(-20, 20)))
    change: str = option("intercept", "change", one_of("intercept"))
    direction: str = option("inc", "dir", one_of("inc", "dec"))
    least_window: int = option(1, "Mtilde", whole(1))
    window: int = option(-1, "M", whole(-1))
    alpha: float | None = option(0.0, "alpha", or_nothing(number(0, reach=True)))


def glr(panel: Panel, at: Integers, options: GlrOptions | None = None) -> Alarms:
    """Log-likelihood ratio of a proportional shift since some period against none; after an alarm it begins anew.

    `expected` is a regression of the periods before on one yearly wave, Poisson or of the variance that is set. `score`
    is the ratio, the alarm at `c.ARL`. `upper`, with a given rise, is the count at which the alarm begins.
    """
    options = options or GlrOptions()
    if options.alpha != 0 and options.theta is None:
        raise UsageError("USE-DETECT-PARAM", "alpha khác 0 cần theta.", hint="Đặt thêm theta, ví dụ theta=log1.5.")
    found, observed = empty(panel, at), panel.observed[:, at]
    before = panel.observed[:, : at[0]]
    alpha = likeliest_alpha(before, panel.frequency) if options.alpha is None else np.full(panel.series, options.alpha)
    found["expected"] = mean = seasonal_mean(before, at, panel.frequency, alpha)
    if options.theta is not None:
        found["score"], found["upper"] = _given_shift(observed, mean, alpha[:, None], options.theta, options.limit)
    else:
        found["score"] = _any_shift(observed, mean, options)
    with np.errstate(invalid="ignore"):
        alarm = (found["score"] >= options.limit) & ~np.isnan(observed)
    return Alarms(at=at, observed=observed, alarm=alarm, **found)


def _given_shift(observed: Floats, mean: Floats, alpha: Floats, theta: float, limit: float) -> tuple[Floats, Floats]:
    """(S, K) ratios, and counts at which they reach the limit (a rise only); alpha (S, 1)."""
    wide = np.where(alpha > 0, alpha, 1.0)
    spread = np.log1p(wide * mean * np.expm1(theta) / (1 + wide * mean))
    per_case = np.where(alpha > 0, theta - spread, theta)
    fixed = np.where(alpha > 0, spread / wide, mean * np.expm1(theta))
    score, upper = np.zeros_like(observed), np.full_like(observed, np.nan)
    total = np.zeros(len(observed))
    for column in range(observed.shape[1]):
        if theta > 0:
            upper[:, column] = np.maximum((limit - total + fixed[:, column]) / per_case[:, column], 0.0)
        step = observed[:, column] * per_case[:, column] - fixed[:, column]
        total = np.maximum(total + np.nan_to_num(step), 0.0)
        score[:, column] = total
        total = np.where(total >= limit, 0.0, total)
    return score, upper


def _any_shift(observed: Floats, mean: Floats, options: GlrOptions) -> Floats:
    """(S, K), the largest ratio over beginnings since the last alarm. Without a window all of them count once there are
    `Mtilde` periods; with one a shift lasts longer than `Mtilde`, as in the reference package."""
    counts = np.nan_to_num(observed)
    expected = np.where(np.isnan(observed), 0.0, mean)
    score = np.zeros_like(observed)
    begin = np.zeros(len(observed), dtype=np.int64)
    places = np.arange(observed.shape[1])
    for column in places:
        # Sums since each period up to this one.
        cases = np.cumsum(counts[:, column::-1], axis=1)[:, ::-1]
        means = np.cumsum(expected[:, column::-1], axis=1)[:, ::-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = np.log(cases / means)
            shift = np.maximum(shift, 0.0) if options.direction == "inc" else np.minimum(shift, 0.0)
            ratio = np.where(cases > 0, cases * shift, 0.0) - np.expm1(shift) * means
        since = places[: column + 1]
        allowed = since >= begin[:, None]
        if options.window > 0:
            allowed &= (since <= column - options.least_window) & (since >= column - options.window)
        else:
            allowed &= (column - begin + 1 >= options.least_window)[:, None]
        best = np.where(allowed & np.isfinite(ratio), ratio, 0.0).max(axis=1)
        score[:, column] = np.maximum(best, 0.0)
        begin = np.where(score[:, column] >= options.limit, column + 1, begin)
    return score


def likeliest_alpha(before: Floats, frequency: int) -> Floats:
    """(S,), the overdispersion of `before` (S, n) about its yearly wave by maximum likelihood, the two in turn."""
    alpha, places = np.full(len(before), ALPHA[0]), np.arange(before.shape[1])
    known = ~np.isnan(before)
    counts = np.where(known, before, 0.0)
    for _ in range(ALTERNATIONS):
        mean = seasonal_mean(before, places, frequency, alpha)
        low, high = (np.full(len(before), np.log(one)) for one in ALPHA)
        for _ in range(MOST_STEPS):
            middle = (low + high) / 2
            rising = _slope(counts, known, mean, np.exp(-middle)[:, None]) < 0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        moved, alpha = np.abs(np.log(alpha) - middle).max(initial=0.0), np.exp(middle)
        if moved < STEADY:
            break
    return alpha


def _slope(counts: Floats, known: Floats, mean: Floats, size: Floats) -> Floats:
    """(S,), derivative of the negative binomial log-likelihood in its size, 1 / alpha."""
    parts = (
        special.digamma(counts + size) - special.digamma(size) - np.log1p(mean / size) + (mean - counts) / (mean + size)
    )
    return np.asarray(np.where(known, parts, 0.0).sum(axis=1))


def seasonal_mean(before: Floats, at: Integers, frequency: int, alpha: Floats | None = None) -> Floats:
    """(S, K): regression of `before` (S, n) on 1, cos and sin of the year, carried on to the periods `at`.

    Poisson, or with `alpha` (S,) of variance mu + alpha mu².
    """
    places = np.concatenate([np.arange(before.shape[1]), at])
    angle = 2 * np.pi * places / frequency
    waves = np.stack([np.ones(len(places)), np.cos(angle), np.sin(angle)], axis=1)
    design, ahead = waves[: before.shape[1]], waves[before.shape[1] :]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), 9)
    known = ~np.isnan(before)
    counts = np.where(known, before, 0.0)
    level = np.log(_level(before))
    extra = np.zeros((len(before), 1)) if alpha is None else alpha[:, None]
    mean = np.where(known, np.exp(level)[:, None], 0.0)
    estimate = np.stack([level, np.zeros_like(level), np.zeros_like(level)], axis=1)
    some = counts.sum(axis=1) > 0
    for _ in range(MOST_STEPS):
        flat = 1 + extra[some] * mean[some]
        slope = ((counts - mean)[some] / flat) @ design
        curve = ((mean[some] / flat) @ products).reshape(-1, 3, 3)
        step = np.linalg.solve(curve + 1e-12 * np.eye(3), slope[:, :, None])[:, :, 0]
        estimate[some] += np.clip(step, -2, 2)
        mean[some] = np.where(known[some], np.exp(np.minimum(estimate[some] @ design.T, 50)), 0.0)
        if not len(step) or np.abs(step).max() < SETTLED:
            break
    return np.asarray(np.exp(np.minimum(estimate @ ahead.T, 50)))
