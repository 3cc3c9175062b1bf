"""Farrington et al. 1996 as made flexible by Noufaily et al. 2013.

Quasi-Poisson regression of the same weeks of earlier years (and, with blocks, of all weeks since), early outbreaks
weighed down by their Anscombe residuals, a trend where it is wanted and tenable; an alarm above the upper quantile of
what is predicted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bienho.surveillance.detectors import counts as tails
from bienho.surveillance.detectors.baseline import Baseline, baseline
from bienho.surveillance.detectors.options import PAIR, TRUTH, number, one_of, option, or_nothing, whole
from bienho.surveillance.detectors.regression import Counts, Design, Fit, product, solve
from bienho.surveillance.later import special
from bienho.surveillance.panel import Alarms, Booleans, Floats, Integers, Panel, empty, exceeds, relative_excess

# Series fitted together: their arrays should stay in the processor's cache.
TOGETHER = 256
EXPONENTS = {"2/3": 2 / 3, "1/2": 1 / 2, "none": 1.0}


@dataclass(frozen=True)
class FarringtonOptions:
    """The defaults are those of Noufaily et al. for weeks; see `for_frequency`.

    past_left_out    None: `w`
    classic          the method of 1996: a two-sided limit, and errors of the mean scaled by the overdispersion. Without
                     it they are scaled by the weighted squares of the working residuals, which is what the reference
                     package does (found by its figures); the limits delta and muan and the test of a trend use them
    """

    b: int = option(5, "b", whole(1, 100))
    w: int = option(3, "w", whole(0, 366))
    blocks: int = option(10, "noPeriods", whole(1, 366))
    past_left_out: int | None = option(None, "pastWeeksNotIncluded", or_nothing(whole(0)))
    reweight: bool = option(True, "reweight", TRUTH)
    weights_threshold: float = option(2.58, "weightsThreshold", number(0))
    trend: bool = option(True, "trend", TRUTH)
    trend_p: float = option(1.0, "pThresholdTrend", number(0, 1, reach=True))
    alpha: float = option(0.01, "alpha", number(0, 1))
    limit: str = option("nbPlugin", "thresholdMethod", one_of("delta", "nbPlugin", "muan"))
    power: str = option("2/3", "powertrans", one_of(*EXPONENTS))
    least: tuple[int, int] = option((5, 4), "limit54", PAIR)
    classic: bool = False

    @property
    def quantile(self) -> float:
        """Of the normal, for the limit."""
        return float(special.ndtri(1 - self.alpha / (2 if self.classic else 1)))


CLASSIC = FarringtonOptions(
    b=3, blocks=1, weights_threshold=1.0, trend_p=0.05, limit="delta", power="2/3", classic=True
)


def for_frequency(frequency: int, given: set[str]) -> FarringtonOptions:
    """Defaults for a frequency; `given` are the lower-case names that will be set.

    Whoever sets the number of blocks sets the pair: what is left out is then `w` periods unless it is given too.
    """
    w, blocks, left_out = {12: (1, 4, 6), 365: (10, 10, 180)}.get(frequency, (3, 10, 26))
    return FarringtonOptions(w=w, blocks=blocks, past_left_out=None if "noperiods" in given else left_out)


@dataclass
class _Model:
    """What the baselines of some series say of one period; (S,) each."""

    now: Floats
    alone: Floats
    variance: Floats
    dispersion: Floats
    scale: Floats
    slope: Floats
    spread: Floats
    freedom: Floats
    converged: Booleans

    def put(self, where: Integers, other: _Model) -> None:
        for name, value in vars(other).items():
            getattr(self, name)[where] = value

    @property
    def phi(self) -> Floats:
        return np.maximum(self.dispersion, 1.0)

    def trend_pvalue(self) -> Floats:
        """Of no trend, by Student's t."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(2 * special.stdtr(self.freedom, -np.abs(self.slope) / np.sqrt(self.scale / self.spread)))


def _model(counts: Counts, known: Floats, design: Design, trend: bool, options: FarringtonOptions) -> _Model:
    fit, weights = solve(counts, known, design, trend), known
    filled = (product(known, design.columns) > 0).sum(axis=1)
    freedom = known.sum(axis=1) - filled - trend
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        converged = fit.converged.copy()
        dispersion, scale = _dispersions(counts, weights, fit, freedom)
        if options.reweight:
            weights = _weights(counts, known, design, fit, np.maximum(dispersion, 1.0), options.weights_threshold)
            fit = solve(counts, weights, design, trend)
            dispersion, scale = _dispersions(counts, weights, fit, freedom)
        scale = dispersion if options.classic or not options.reweight else scale
        alone = fit.variance_now()
        variance = alone * (np.maximum(scale, 1.0) if options.classic else scale)
    model = _Model(fit.now, alone, variance, dispersion, scale, fit.slope, fit.spread, freedom, converged)
    failed = np.nonzero(~converged & trend)[0]
    if len(failed):
        model.put(failed, _model(counts.take(failed), known[failed], design, False, options))
    return model


def _dispersions(counts: Counts, weights: Floats, fit: Fit, freedom: Floats) -> tuple[Floats, Floats]:
    """(S,) each: Pearson's chi-squared, and the weighted squares of the working residuals, over the degrees of freedom.

    NaN where nothing is left to estimate them from.
    """
    square = ((counts.values - fit.mean) / fit.mean) ** 2
    over = np.where(freedom > 0, freedom, np.nan)
    return np.einsum("sn,sn->s", fit.weight, square) / over, np.einsum("sn,sn->s", weights, square) / over


def _weights(counts: Counts, known: Floats, design: Design, fit: Fit, phi: Floats, threshold: float) -> Floats:
    """1 for what is usual, less for past outbreaks, so that they hide no new one; they sum to the number of counts."""
    sixth = design.exponential(fit.line / 6)
    residual = 1.5 * (counts.curved / sixth - sixth * sixth * sixth)
    residual /= np.sqrt(phi[:, None] * (1 - fit.leverage(design)))
    weights, far = known.copy(), residual > threshold
    weights[far] *= residual[far] ** -2.0
    return np.asarray(weights * (known.sum(axis=1) / weights.sum(axis=1))[:, None])


def _judge(counts: Counts, known: Floats, design: Design, options: FarringtonOptions) -> tuple[_Model, Booleans]:
    """The model that is kept, and whether with a trend."""
    if not options.trend:
        return _model(counts, known, design, False, options), np.zeros(len(known), dtype=bool)
    model = _model(counts, known, design, True, options)
    with np.errstate(invalid="ignore", over="ignore"):
        kept = np.isfinite(model.spread) & (np.exp(model.now) <= counts.values.max(axis=1))
        kept &= (model.trend_pvalue() < options.trend_p) | (options.trend_p >= 1)
    kept &= options.b >= 3
    dropped = np.nonzero(np.isfinite(model.spread) & ~kept)[0]
    if len(dropped):
        model.put(dropped, _model(counts.take(dropped), known[dropped], design, False, options))
    return model, kept


def _delta(observed: Floats, model: dict[str, Floats], options: FarringtonOptions) -> tuple[Floats, Floats, Floats]:
    """Limit on a power of the count that makes it nearly normal, by the delta method."""
    exponent = EXPONENTS[options.power]
    mean, phi = model["expected"], model["phi"]
    error = mean * np.sqrt(model["variance"])
    tau = phi + error**2 / mean
    scale = exponent * mean ** (exponent - 0.5) * np.sqrt(tau)
    bound = mean**exponent + options.quantile * scale
    pvalue = special.ndtr((mean**exponent - observed**exponent) / scale)
    # What the reference package calls mu0 here: it takes the mean for a linear predictor. Only good to compare files.
    named = np.exp(mean + options.quantile * error)
    return bound ** (1 / exponent), pvalue, named


def _plugin(observed: Floats, model: dict[str, Floats], options: FarringtonOptions) -> tuple[Floats, Floats, Floats]:
    """Quantile of the negative binomial at the mean, or (muan) at the upper end of what the mean may be."""
    mean = model["expected"]
    if options.limit == "muan":
        mean = mean * np.exp(options.quantile * np.sqrt(model["variance"]))
    upper = tails.quantile(1 - options.alpha, mean, model["phi"])
    return upper, tails.at_least(observed, mean, model["phi"]), mean


def expectations(panel: Panel, at: Integers, options: FarringtonOptions) -> dict[str, Floats]:
    """(S, K) each, what the regression says of the periods at `at`, before any limit.

    `expected` and `phi`; `variance`, that of the log of what is expected as the limits delta and muan take it, and
    `error`, that by phi; `trend`, 1 where one was kept. NaN where a baseline has no more counts than parameters.
    """
    left_out = options.w if options.past_left_out is None else options.past_left_out
    names = ("expected", "phi", "variance", "error", "trend")
    found = {name: np.full((panel.series, len(at)), np.nan) for name in names}
    bases = [
        baseline(int(one), panel, b=options.b, w=options.w, blocks=options.blocks, left_out=left_out) for one in at
    ]
    for first in range(0, panel.series, TOGETHER):
        some = slice(first, first + TOGETHER)
        known = ~np.isnan(panel.observed[some])
        counts = Counts.of(np.where(known, panel.observed[some], 0.0))
        for columns in _together(bases, TOGETHER // len(known)):
            rows = [bases[column].rows for column in columns]
            here = Counts.stack([counts.columns(one) for one in rows])
            there = np.concatenate([np.take(known, one, axis=1) for one in rows]).astype(float)
            model, kept = _judge(here, there, bases[columns[0]].design, options)
            _store(found, some, columns, model, kept, here.values.sum(axis=1) == 0)
    return found


def farrington(panel: Panel, at: Integers, options: FarringtonOptions | None = None) -> Alarms:
    """Judges the periods at `at` (K,), places in the panel.

    `more`: `trend` and `error`, see `expectations`.

    Raises InputError IN-SERIES-SHORT where `b` years of reference windows are not there, UsageError USE-DETECT-PARAM
    where the year cannot be cut into so many blocks. A baseline with no more counts than parameters is not judged.
    """
    options = options or for_frequency(panel.frequency, set())
    observed = panel.observed[:, at]
    found: dict[str, Floats] = empty(panel, at) | expectations(panel, at, options)
    limit = _delta if options.limit == "delta" else _plugin
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        upper, pvalue, found["mu0"] = limit(observed, found, options)
    zero = found["expected"] == 0
    # The limit of a mean of zero is zero, but for the root of a count: half a quantile above nothing.
    rooted = options.limit == "delta" and options.power == "1/2"
    upper[zero], pvalue[zero] = (options.quantile / 2) ** 2 * rooted, np.where(observed[zero] > 0, 0.0, 1.0)
    pvalue[np.isnan(observed)] = np.nan
    found["score"] = relative_excess(observed, found["expected"], upper)
    upper[recent_cases(panel, at, options.least[1]) < options.least[0]] = np.nan
    return Alarms(
        at=at,
        observed=observed,
        alarm=exceeds(observed, upper),
        **(found_of(found) | {"upper": upper, "pvalue": pvalue}),
        more={"trend": found["trend"], "error": found["error"]},
    )


def _together(bases: list[Baseline], most: int) -> Iterator[list[int]]:
    """Places of baselines that have one design and are fitted together, `most` at a time: few series cost little so."""
    alike: dict[tuple[bytes, bytes], list[int]] = {}
    for place, base in enumerate(bases):
        alike.setdefault((base.design.block.tobytes(), base.design.time.tobytes()), []).append(place)
    for places in alike.values():
        for first in range(0, len(places), max(most, 1)):
            yield places[first : first + max(most, 1)]


def found_of(found: dict[str, Floats]) -> dict[str, Any]:
    """What of the numbers found is a field of `Alarms`."""
    return {name: found[name] for name in ("expected", "upper", "pvalue", "score", "phi", "mu0")}


def _store(
    found: dict[str, Floats], some: slice, columns: list[int], model: _Model, kept: Booleans, zero: Booleans
) -> None:
    """A baseline of zeros expects zero: its regression has no finite answer. Series of one column stand together."""
    usable = (model.converged & (model.freedom > 0)) | zero
    for name, value in (
        ("expected", np.where(zero, 0.0, np.exp(model.now))),
        ("phi", np.where(zero, 1.0, model.phi)),
        ("variance", np.where(zero, 0.0, model.variance)),
        ("error", np.where(zero, 0.0, model.alone * model.phi)),
        ("trend", np.where(zero, False, kept)),
    ):
        found[name][some, columns] = np.where(usable, value, np.nan).reshape(len(columns), -1).T


def recent_cases(panel: Panel, at: Integers, periods: int) -> Floats:
    """Cases of the last `periods` periods, the one judged among them."""
    total = np.concatenate([np.zeros((panel.series, 1)), np.nancumsum(panel.observed, axis=1)], axis=1)
    return np.asarray(total[:, at + 1] - total[:, np.maximum(at + 1 - periods, 0)])
