"""Methods that compare with the same periods of earlier years as plain samples: RKI, Bayes, endemic channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bienho.surveillance.detectors import counts as tails
from bienho.surveillance.detectors.baseline import same_period
from bienho.surveillance.detectors.options import TRUTH, number, option, whole
from bienho.surveillance.later import special
from bienho.surveillance.panel import Alarms, Floats, Integers, Panel, empty, exceeds, relative_excess

# Upper 95 % limits of a Poisson mean for counts of 0 … 20 (Crow and Gardner 1959, table 1).
CROW_GARDNER = np.array(
    [3.285, 5.323, 6.686, 8.102, 9.598, 11.177, 12.817, 13.765, 14.921, 16.768, 17.633, 19.050, 20.335, 21.364, 22.945,
     23.762, 25.400, 26.306, 27.735, 28.966, 30.017]
)  # fmt: skip


@dataclass(frozen=True)
class RkiOptions:
    """`this_year`: the `w` periods before belong to the sample; each of `b` years gives 2 w + 1."""

    b: int = option(0, "b", whole(0, 100))
    w: int = option(6, "w", whole(0, 366))
    this_year: bool = option(True, "actY", TRUTH)


@dataclass(frozen=True)
class BayesOptions(RkiOptions):
    alpha: float = option(0.05, "alpha", number(0, 1))


@dataclass(frozen=True)
class ChannelOptions:
    b: int = option(5, "b", whole(2, 100))
    w: int = option(0, "w", whole(0, 366))
    z: float = option(2.0, "z", number(0))


def _sample(panel: Panel, at: Integers, options: RkiOptions) -> Floats:
    """(S, K, n), counts of the sample of each period; None of them when there is no such place."""
    offsets = [-back for back in range(options.w, 0, -1)] if options.this_year else []
    for year in range(1, options.b + 1):
        offsets += [off - year * panel.frequency for off in range(-options.w, options.w + 1)]
    return panel.observed[:, at[:, None] + np.array(offsets, dtype=np.int64)]


def first_place(options: RkiOptions, frequency: int) -> int:
    return max(options.b * frequency + options.w if options.b else 0, options.w if options.this_year else 0, 1)


def _moments(sample: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean, standard deviation and number of the known counts."""
    known = ~np.isnan(sample)
    count = known.sum(axis=2).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, sample, 0.0).sum(axis=2) / count
        sigma = np.sqrt((np.where(known, sample - mean[:, :, None], 0.0) ** 2).sum(axis=2) / (count - 1))
    return mean, sigma, count


def rki(panel: Panel, at: Integers, options: RkiOptions | None = None) -> Alarms:
    """Mean + 2 standard deviations; up to a mean of 20 the upper limit of Crow and Gardner for the whole part of it."""
    options = options or RkiOptions()
    found, observed = empty(panel, at), panel.observed[:, at]
    mean, sigma, _ = _moments(_sample(panel, at, options))
    table = CROW_GARDNER[np.clip(np.nan_to_num(mean), 0, 20).astype(int)]
    found["upper"] = np.where(np.isnan(mean), np.nan, np.where(mean > 20, mean + 2 * sigma, table))
    found["expected"] = mean
    found["score"] = relative_excess(observed, mean, found["upper"])
    return Alarms(at=at, observed=observed, alarm=exceeds(observed, found["upper"]), **found)


def bayes(panel: Panel, at: Integers, options: BayesOptions | None = None) -> Alarms:
    """Quantile of the next count after n counts with sum s under Jeffreys' prior: negative binomial, size s + 1/2."""
    options = options or BayesOptions()
    found, observed = empty(panel, at), panel.observed[:, at]
    mean, _, count = _moments(_sample(panel, at, options))
    with np.errstate(invalid="ignore", divide="ignore"):
        found["expected"] = (mean * count + 0.5) / count
        found["phi"] = (count + 1) / count
    found["phi"][count == 0] = np.nan
    found["expected"][count == 0] = np.nan
    found["upper"] = tails.quantile(1 - options.alpha, found["expected"], found["phi"])
    found["pvalue"] = tails.at_least(observed, found["expected"], found["phi"])
    found["score"] = relative_excess(observed, found["expected"], found["upper"])
    return Alarms(at=at, observed=observed, alarm=exceeds(observed, found["upper"]), **found)


def endemic(panel: Panel, at: Integers, options: ChannelOptions | None = None) -> Alarms:
    """Mean + z standard deviations of the same periods of `b` years.

    Communes are small: a standard deviation of five zeros is 0, and one case is then an alarm. `pvalue` is that of
    Student's t for one more value, which says how often a stable series passes the limit.
    """
    options = options or ChannelOptions()
    found, observed = empty(panel, at), panel.observed[:, at]
    places = np.array([same_period(int(one), options.b, panel)[1:] for one in at], dtype=np.int64)
    window = np.arange(-options.w, options.w + 1)
    sample = panel.observed[:, (places[:, :, None] + window).reshape(len(at), -1)]
    mean, sigma, count = _moments(sample)
    found["expected"], found["upper"] = mean, mean + options.z * sigma
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.where(observed == mean, 0.0, (observed - mean) / (sigma * np.sqrt(1 + 1 / count)))
        found["pvalue"] = special.stdtr(count - 1, -off)
    found["score"] = relative_excess(observed, mean, found["upper"])
    return Alarms(at=at, observed=observed, alarm=exceeds(observed, found["upper"]), **found)
