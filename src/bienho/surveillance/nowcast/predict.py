"""Predicts the final counts of recent periods, with a band.

What has been reported of a period is a thinned Poisson count: with level L and completeness F, L·F is expected now and
L·(1 - F) later. The level has a gamma distribution made of the series' own complete periods, so that a period of which
nothing has come yet is not predicted to be empty; what is still to come is then negative binomial. Its variance grows
by the dispersion of the reports and by what is not known of F.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import nbinom

from bienho.surveillance.nowcast.delays import Delays, reporting_delays

Reals = npt.NDArray[np.float64]
QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
LEVEL = 8
"""Complete periods the level is learned from."""
_COMPLETE = 0.95


@dataclass(frozen=True, slots=True)
class Nowcast:
    """(series, periods): `observed` so far, `mean` expected in the end; `quantiles` (series, periods, levels).

    `complete`: share of the reports of a period that is in, by the delays of the series' group. `levels`: those of the
    quantiles. Reports later than the longest delay of the triangle are not part of it.
    """

    observed: npt.NDArray[np.int64]
    mean: Reals
    quantiles: Reals
    complete: Reals
    levels: tuple[float, ...]


def nowcast(
    triangles: npt.ArrayLike, groups: npt.ArrayLike | None = None, levels: Sequence[float] = QUANTILES
) -> Nowcast:
    """Final counts of every period of many series.

    `triangles` (series, periods, delays) as `triangle` makes them; `groups`: number of the group whose series share
    their delays (of one disease, say), each its own by default. A series needs more periods than delays.
    """
    counts = np.asarray(triangles, dtype=np.int64)
    series, periods, most = counts.shape
    if periods <= most:
        raise ValueError(f"{periods} periods are too few for delays up to {most - 1}")
    which = np.arange(series) if groups is None else np.asarray(groups, dtype=np.int64)
    pooled = np.zeros((int(which.max(initial=-1)) + 1, periods, most))
    np.add.at(pooled, which, counts)
    delays = reporting_delays(pooled)
    age = np.minimum(np.arange(periods)[::-1], most - 1)
    share, variance = delays.within[which][:, age], delays.variance[which][:, age]
    observed = counts.sum(axis=2)
    shape, rate = _level(observed, share)
    coming, spread = _coming(observed, share, variance, shape, rate, delays, which)
    at = np.asarray(levels)
    size = np.divide(coming**2, spread - coming, out=np.full_like(coming, 1e9), where=spread > coming * (1 + 1e-9))
    chance = np.divide(size, size + coming, out=np.ones_like(coming), where=coming > 0)
    later = nbinom.ppf(at, np.maximum(size, 1e-9)[..., None], np.clip(chance, 1e-12, 1.0)[..., None])
    quantiles = observed[..., None] + np.where(coming[..., None] > 0, np.maximum(later, 0.0), 0.0)
    return Nowcast(observed, observed + coming, quantiles, share, tuple(levels))


def _level(observed: npt.NDArray[np.int64], share: Reals) -> tuple[Reals, Reals]:
    """Gamma (shape, rate) of the level, from the last complete periods of each series; (series, 1) each."""
    complete = share >= _COMPLETE
    rank = np.cumsum(complete[:, ::-1], axis=1)[:, ::-1]
    used = complete & (rank <= LEVEL)
    number = np.maximum(used.sum(axis=1), 1)
    final = np.where(used, observed / np.maximum(share, _COMPLETE), 0.0)
    # half a case more, so that a series of zeros still expects something
    mean = (final.sum(axis=1) + 0.5) / number
    scatter = np.where(used, (final - mean[:, None]) ** 2, 0.0).sum(axis=1) / np.maximum(number - 1, 1)
    # a level moves from week to week: never surer than a fifth of it
    extra = np.maximum(scatter - mean, (0.2 * mean) ** 2)
    shape = mean**2 / extra
    return shape[:, None], (shape / mean)[:, None]


def _coming(
    observed: npt.NDArray[np.int64],
    share: Reals,
    variance: Reals,
    shape: Reals,
    rate: Reals,
    delays: Delays,
    which: npt.NDArray[np.int64],
) -> tuple[Reals, Reals]:
    """Mean and variance of what is still to come."""
    rest = 1.0 - share
    level, sure = shape + observed, rate + share
    mean = level / sure * rest
    own = mean + level * (rest / sure) ** 2
    # derivative of the mean by F: both the level and the rest fall
    slope = level / sure * (1.0 + rest / sure)
    return mean, own * delays.dispersion[which][:, None] + slope**2 * variance
