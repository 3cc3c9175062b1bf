"""From many tests to a few alarms: false discoveries over communes, and the ensemble with its budget."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from bienho.core.errors import InputError
from bienho.surveillance.detectors import counts as tails
from bienho.surveillance.detectors import ears as recent
from bienho.surveillance.detectors.baseline import reachable
from bienho.surveillance.detectors.farrington import FarringtonOptions, farrington, for_frequency
from bienho.surveillance.detectors.options import number, option, whole
from bienho.surveillance.panel import Alarms, Booleans, Floats, Integers, Panel, empty, relative_excess

LEAST_YEARS = 3


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

    `sudden`: the part of the budget of the period itself; the rest is that of the last `span` periods together.
    """

    budget: float = option(0.01, "budget", number(0, 0.5))
    sudden: float = option(0.7, "sudden", number(0, 1))
    span: int = option(4, "span", whole(2, 12))


def first_place(panel: Panel) -> int:
    """The first period the ensemble judges: with seven before it there is at least EARS."""
    return recent.first_place("C1", recent.EarsOptions().baseline)


def ensemble(panel: Panel, at: Integers, options: EnsembleOptions | None = None) -> Alarms:
    """The house's default: what is sudden, what is slow, and for series without three years what is new.

    With three years or more, two tests of the regression of Noufaily et al.: the count of the period, and the sum of
    the last `span` periods against the sum of what was expected; `pvalue` is the smaller one over its part of the
    budget, so that alarms are the p-values up to the budget (Bonferroni). With less: EARS C1 with sigma of at least 1.
    `more["member"]`: 1 sudden, 2 slow, 3 recent, which of them spoke or came closest.
    """
    options = options or EnsembleOptions()
    found, observed = empty(panel, at), panel.observed[:, at]
    member = np.full_like(observed, np.nan)
    years = next((b for b in (5, 4, LEAST_YEARS) if _long_enough(panel, at, b)), None)
    if years is None:
        return _by_history(panel, at, options)
    settings = replace(for_frequency(panel.frequency, set()), b=years, alpha=options.budget * options.sudden)
    window = np.unique(np.maximum(at[:, None] - np.arange(options.span), 0))
    window = window[np.isin(window, reachable(panel, years, settings.w))]
    base = farrington(panel, window, settings)
    here = np.searchsorted(window, at)
    sudden = base.pvalue[:, here]
    slow = _slow(base, window, at, options.span)
    with np.errstate(invalid="ignore"):
        both = np.stack([sudden / options.sudden, slow / (1 - options.sudden)])
        found["pvalue"] = np.minimum(np.fmin(both[0], both[1]), 1.0)
        member = np.where(both[1] < both[0], 2.0, 1.0)
        judged = ~np.isnan(base.upper[:, here])
        alarm = judged & (found["pvalue"] <= options.budget) & (observed > base.expected[:, here])
    for name in ("expected", "upper", "phi", "mu0"):
        found[name] = getattr(base, name)[:, here]
    found["score"] = relative_excess(observed, found["expected"], found["upper"])
    return Alarms(at=at, observed=observed, alarm=alarm, **found, more={"member": member})


def _long_enough(panel: Panel, at: Integers, years: int) -> bool:
    settings: FarringtonOptions = for_frequency(panel.frequency, set())
    return bool(np.isin(at, reachable(panel, years, settings.w)).all())


def _slow(base: Alarms, window: Integers, at: Integers, span: int) -> Floats:
    """P-value of the sum of the last `span` periods; NaN where one of them is not judged or not known."""
    result = np.full((len(base.observed), len(at)), np.nan)
    for column, place in enumerate(at):
        of = np.isin(window, np.arange(place - span + 1, place + 1))
        if of.sum() == span:
            phi = base.phi[:, of].max(axis=1)
            result[:, column] = tails.at_least(base.observed[:, of].sum(axis=1), base.expected[:, of].sum(axis=1), phi)
    return result


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
    short = recent.ears(panel, at, recent.EarsOptions(min_sigma=1.0, alpha=options.budget / 10))
    member = np.full_like(short.observed, 3.0)
    with np.errstate(invalid="ignore"):
        calm = np.minimum(short.pvalue * 10, 1.0)
    parts = {name: getattr(short, name) for name in ("expected", "upper", "score", "alarm", "phi", "mu0")}
    parts |= {"pvalue": calm}
    if long.any():
        rest = ensemble(panel, at[long], options)
        for name, values in parts.items():
            values[:, long] = getattr(rest, name)
        member[:, long] = rest.more["member"]
    return Alarms(at=at, observed=short.observed, **parts, more={"member": member})
