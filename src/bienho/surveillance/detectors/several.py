"""From many tests to a few alarms: false discoveries over communes, and the ensemble with its budget."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bienho.core.errors import InputError
from bienho.surveillance.detectors import counts as tails
from bienho.surveillance.detectors import ears as recent
from bienho.surveillance.detectors.baseline import reachable
from bienho.surveillance.detectors.farrington import FarringtonOptions, expectations, for_frequency, recent_cases
from bienho.surveillance.detectors.options import PAIR, number, option, whole
from bienho.surveillance.later import special
from bienho.surveillance.panel import Alarms, Booleans, Floats, Integers, Panel, empty, exceeds, relative_excess

LEAST_YEARS = 3
# Seven periods know no season: where it rises, three times as many pass the limit as should. Measured on series without
# outbreaks (`evaluate.without_outbreaks`).
RISING = 3.0


def qvalues(pvalues: Floats, *, dependent: bool = False) -> Floats:
    """The least rate of false discoveries at which each test is one (Benjamini and Hochberg 1995); (S,) or (S, K).

    Tests of one column are judged together; NaN was not tested. `dependent`: valid under any dependence
    (Benjamini and Yekutieli 2001).
    """
    pvalues = np.asarray(pvalues, dtype=float)
    columns = pvalues[:, None] if pvalues.ndim == 1 else pvalues
    order = np.argsort(columns, axis=0, kind="stable")
    sorted_p = np.take_along_axis(columns, order, axis=0)
    tested = (~np.isnan(columns)).sum(axis=0)
    rank = np.arange(1, len(columns) + 1)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = (special.digamma(tested + 1) + np.euler_gamma) if dependent else np.ones(len(tested))
        raised = np.where(np.isnan(sorted_p), np.inf, sorted_p * tested * factor / rank)
    lowest = np.minimum.accumulate(raised[::-1], axis=0)[::-1]
    result = np.empty_like(columns)
    np.put_along_axis(result, order, np.minimum(lowest, 1.0), axis=0)
    result[np.isnan(columns)] = np.nan
    return result.reshape(pvalues.shape)


def discoveries(pvalues: Floats, rate: float = 0.1, *, dependent: bool = False) -> Booleans:
    """Which tests are alarms when at most `rate` of the alarms of a column may be false on average."""
    with np.errstate(invalid="ignore"):
        return np.asarray(qvalues(pvalues, dependent=dependent) <= rate)


@dataclass(frozen=True)
class EnsembleOptions:
    """`budget`: the share of periods without an outbreak that may alarm, for each series.

    `sudden`: the part of the budget of the period itself; the rest is that of the last `span` periods together. Two:
    the cases of one exposure fall ill over about two weeks, and longer sums go on alarming when an outbreak is over.
    `least`: cases, periods: no alarm with fewer cases in the last periods. Three, at which Circular 15/2026 warns of a
    disease that is not endemic; the five of Farrington et al. leave most outbreaks of a commune unseen.
    """

    budget: float = option(0.01, "budget", number(0, 0.5))
    sudden: float = option(0.5, "sudden", number(0, 1))
    span: int = option(2, "span", whole(2, 12))
    least: tuple[int, int] = option((3, 4), "limit54", PAIR)


def first_place(panel: Panel) -> int:
    """The first period the ensemble judges: with seven before it there is at least EARS."""
    return recent.first_place("C1", recent.EarsOptions().baseline)


def ensemble(panel: Panel, at: Integers, options: EnsembleOptions | None = None) -> Alarms:
    """The house's default: what is sudden, what is slow, and for series without three years what is new.

    With three years or more, two tests of the regression of Noufaily et al.: the count of the period, and the sum of
    the last `span` periods against the sum of what was expected, both with the error of the regression; `pvalue` is
    the smaller one over its part of the budget, so that alarms are the p-values up to the budget (Bonferroni).
    With less history: EARS C1 by Student's t, sigma at least 1.
    `more["member"]`: 1 sudden, 2 slow, 3 recent, which of them spoke or came closest.
    """
    options = options or EnsembleOptions()
    found, observed = empty(panel, at), panel.observed[:, at]
    years = next((b for b in (5, 4, LEAST_YEARS) if _long_enough(panel, at, b)), None)
    if years is None:
        return _by_history(panel, at, options)
    settings = replace(
        for_frequency(panel.frequency, set()), b=years, alpha=options.budget * options.sudden, least=options.least
    )
    window = np.unique(np.maximum(at[:, None] - np.arange(options.span), 0))
    window = window[np.isin(window, reachable(panel, years, settings.w))]
    base = expectations(panel, window, settings) | {"observed": panel.observed[:, window]}
    here = np.searchsorted(window, at)
    for name, of in (("expected", "expected"), ("phi", "phi"), ("mu0", "expected")):
        found[name] = base[of][:, here]
    ends = [(here[column] + 1 - options.span, here[column] + 1) for column in range(len(at))]
    slow = [_sum_test(base, max(first, 0), end, options.budget * (1 - options.sudden)) for first, end in ends]
    sudden = [_sum_test(base, end - 1, end, options.budget * options.sudden) for _, end in ends]
    pvalue, upper = (np.stack([[one[n] for one in both] for both in (sudden, slow)]) for n in (0, 1))
    pvalue, upper = np.swapaxes(pvalue, 1, 2), np.swapaxes(upper, 1, 2)
    share = np.array([options.sudden, 1 - options.sudden])[:, None, None]
    found["pvalue"] = np.minimum((pvalue / share).min(axis=0), 1.0)
    lowest = np.maximum(upper.min(axis=0), np.floor(found["expected"]))
    few = recent_cases(panel, at, settings.least[1]) < settings.least[0]
    found["upper"] = np.where(few | np.isnan(found["expected"]), np.nan, lowest)
    found["score"] = relative_excess(observed, found["expected"], found["upper"])
    with np.errstate(invalid="ignore"):
        member = np.where(pvalue[1] / share[1] < pvalue[0] / share[0], 2.0, 1.0)
    return Alarms(at=at, observed=observed, alarm=exceeds(observed, found["upper"]), **found, more={"member": member})


def _sum_test(base: dict[str, Floats], first: int, end: int, alpha: float) -> tuple[Floats, Floats]:
    """(S,) p-value of the sum of periods, and the largest count of the last one that is no alarm.

    The error of what is expected belongs to the variance of the sum; without it a budget is overspent by half. A period
    nobody reported, or that is not judged, is as expected.
    """
    some = slice(first, end)
    known = ~np.isnan(base["observed"][:, some]) & ~np.isnan(base["expected"][:, some])
    expected = np.where(known, base["expected"][:, some], 0.0).sum(axis=1)
    observed = np.where(known, base["observed"][:, some], 0.0).sum(axis=1)
    last = known[:, -1]
    with np.errstate(invalid="ignore"):
        phi = np.where(known, base["phi"][:, some], 1.0).max(axis=1)
        phi = phi + expected * np.where(known, base["error"][:, some], 0.0).max(axis=1)
    upper = tails.quantile(1 - alpha, expected, phi) - (observed - np.where(last, base["observed"][:, end - 1], 0.0))
    return np.where(last, tails.at_least(observed, expected, phi), np.nan), np.where(last, upper, np.nan)


def _long_enough(panel: Panel, at: Integers, years: int) -> bool:
    settings: FarringtonOptions = for_frequency(panel.frequency, set())
    return bool(np.isin(at, reachable(panel, years, settings.w)).all())


def _by_history(panel: Panel, at: Integers, options: EnsembleOptions) -> Alarms:
    """Periods with three years behind them by the regression, those before by EARS C1."""
    long = np.isin(at, reachable(panel, LEAST_YEARS, for_frequency(panel.frequency, set()).w))
    if at.min(initial=panel.periods) < first_place(panel):
        raise InputError(
            "IN-SERIES-SHORT",
            f"Cần ít nhất {first_place(panel)} kỳ trước kỳ đầu tiên được xét.",
            hint="Xét ít kỳ hơn hoặc thêm số liệu.",
            who="người chọn tham số",
        )
    parts = _recent(panel, at, options)
    member = np.full_like(parts["upper"], 3.0)
    if long.any():
        rest = ensemble(panel, at[long], options)
        for name, values in parts.items():
            values[:, long] = getattr(rest, name)
        member[:, long] = rest.more["member"]
    return Alarms(
        at=at,
        observed=panel.observed[:, at],
        alarm=exceeds(panel.observed[:, at], parts["upper"]),
        **parts,
        more={"member": member},
    )


def _recent(panel: Panel, at: Integers, options: EnsembleOptions) -> dict[str, Any]:
    """C1 with the quantile of Student's t for one more value instead of the normal's, and sigma of at least 1."""
    found, observed = empty(panel, at), panel.observed[:, at]
    days = recent.EarsOptions().baseline
    mean, sigma = recent.measure(panel, at, days, 0, 1.0)
    sigma = sigma * np.sqrt(1 + 1 / days)
    found["expected"] = mean
    found["upper"] = mean + special.stdtrit(days - 1, 1 - options.budget / RISING) * sigma
    found["upper"][recent_cases(panel, at, options.least[1]) < options.least[0]] = np.nan
    found["pvalue"] = np.minimum(special.stdtr(days - 1, (mean - observed) / sigma) * RISING, 1.0)
    found["score"] = relative_excess(observed, mean, found["upper"])
    return found
