"""Tails and quantiles of counts: negative binomial with variance phi * mean, Poisson where phi is 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bienho.surveillance.later import special
from bienho.surveillance.panel import Floats

# Two tails that differ by less than this are one: a quantile must not jump on the last digit of a special function.
SAME = 1e-13


def at_most(count: Floats, mean: Floats, phi: Floats) -> Floats:
    """P(Y <= count)."""
    count, mean, phi = np.broadcast_arrays(count, mean, phi)
    wide = phi > 1
    spread = np.where(wide, phi - 1, 1.0)
    with np.errstate(invalid="ignore"):
        negative_binomial = special.betainc(np.maximum(mean / spread, 1e-300), count + 1, 1 / (spread + 1))
        poisson = special.gammaincc(count + 1, mean)
    return np.asarray(np.where(count < 0, 0.0, np.where(wide, negative_binomial, poisson)))


def at_least(count: Floats, mean: Floats, phi: Floats) -> Floats:
    """P(Y >= count), to full relative precision in the tail; 1 at 0, NaN for a count that is not known."""
    count, mean, phi = np.broadcast_arrays(count, mean, phi)
    wide, some = phi > 1, np.where(count > 0, count, 1.0)
    spread = np.where(wide, phi - 1, 1.0)
    with np.errstate(invalid="ignore"):
        negative_binomial = special.betainc(some, np.maximum(mean / spread, 1e-300), spread / (spread + 1))
        poisson = special.gammainc(some, mean)
    tail = np.where(count > 0, np.where(wide, negative_binomial, poisson), 1.0)
    return np.asarray(np.where(np.isnan(count) | np.isnan(mean), np.nan, tail))


def quantile(level: float, mean: Floats, phi: Floats) -> Floats:
    """The smallest count with P(Y <= count) >= level; NaN where the mean is not known or not finite."""
    mean, phi = np.broadcast_arrays(np.asarray(mean, dtype=float), np.asarray(phi, dtype=float))
    return smallest(lambda count, chosen: at_most(count, mean[chosen], phi[chosen]), level, mean, phi * mean)


def smallest(
    cumulative: Callable[[Floats, tuple[np.ndarray, ...]], Floats], level: float, mean: Floats, variance: Floats
) -> Floats:
    """Quantile of counts by halving: `cumulative(counts, where)` is asked only about whole counts.

    mean, variance    set the first bracket; a bracket that is too small is doubled
    Counts beyond what a double holds whole are found to its precision.
    """
    found = np.full(mean.shape, np.nan)
    known = np.nonzero(np.isfinite(mean) & np.isfinite(variance))
    low = np.full(len(known[0]), -1.0)
    with np.errstate(over="ignore"):
        high = np.ceil(mean[known] + 4 * np.sqrt(variance[known]) + 4)
    short = np.arange(len(low))
    while len(short):
        where = tuple(axis[short] for axis in known)
        short = short[cumulative(high[short], where) < level - SAME]
        low[short], high[short] = high[short], high[short] * 2
    wide = np.arange(len(low))
    while len(wide):
        middle = np.floor((low[wide] + high[wide]) / 2)
        enough = cumulative(middle, tuple(axis[wide] for axis in known)) >= level - SAME
        high[wide[enough]] = middle[enough]
        low[wide[~enough]] = middle[~enough]
        wide = wide[high[wide] - low[wide] > np.maximum(1, high[wide] * SAME)]
    found[known] = high
    return found
