"""Reporting triangles of many series, and how complete the counts of recent periods are.

The share reported within a delay is estimated by the reverse-time hazard of Lawless (1994), Adjustments for reporting
delays and the prediction of occurred but not reported events, Canadian Journal of Statistics 22: of the cases known
with a delay up to d, the part whose delay is d, over the periods that have seen delay d. That corrects for right
truncation, and is the chain ladder of insurers. How much more than by chance the reports scatter is the dispersion of
the over-dispersed Poisson chain ladder (England and Verrall 2002, British Actuarial Journal 8).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


def triangle(
    event: npt.ArrayLike, report: npt.ArrayLike, series: npt.ArrayLike, *, now: int, shape: tuple[int, int, int]
) -> npt.NDArray[np.int64]:
    """Counts (series, periods, delays) of what is known at the end of period `now`; the last period is `now` itself.

    `event` and `report` are numbers of periods (days or weeks); `shape` = (series, periods, most delay + 1). Reports
    after `now`, events outside the periods, longer and negative delays are not counted.
    """
    when, told, which = (np.asarray(part, dtype=np.int64) for part in (event, report, series))
    delay, place = told - when, when - (now - shape[1] + 1)
    kept = (told <= now) & (place >= 0) & (place < shape[1]) & (delay >= 0) & (delay < shape[2])
    flat = np.ravel_multi_index((which[kept], place[kept], delay[kept]), shape)
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


@dataclass(frozen=True, slots=True)
class Delays:
    """Of each group: share reported within a delay (groups, delays), its variance, and the dispersion (groups).

    The last delay has share 1: what comes later is not spoken of.
    """

    within: Reals
    variance: Reals
    dispersion: Reals


def _seen(periods: int, delays: int) -> npt.NDArray[np.bool_]:
    """Which cells of a triangle are known: the period has had the time for the delay."""
    return np.arange(periods)[::-1, None] >= np.arange(delays)


def reporting_delays(triangles: npt.ArrayLike) -> Delays:
    """Delays of each group from its triangle (groups, periods, delays)."""
    counts = np.asarray(triangles, dtype=np.float64)
    _, periods, most = counts.shape
    seen = _seen(periods, most)
    known = np.where(seen, counts, 0.0)
    upto = np.cumsum(known, axis=2)
    at = known.sum(axis=1)
    # of delay up to d, in periods that have seen d
    risk = np.where(seen, upto, 0.0).sum(axis=1)
    hazard = np.divide(at, risk, out=np.zeros_like(at), where=risk > 0)
    hazard[:, 0] = 0.0
    kept = np.minimum(1.0 - hazard, 1.0)
    within = np.ones_like(at)
    within[:, :-1] = np.cumprod(kept[:, :0:-1], axis=1)[:, ::-1]
    # Greenwood's formula in reverse time
    parts = np.divide(hazard, risk * kept, out=np.zeros_like(at), where=(risk > 0) & (kept > 0))
    spread = np.zeros_like(at)
    spread[:, :-1] = np.cumsum(parts[:, :0:-1], axis=1)[:, ::-1]
    return Delays(within, within**2 * spread, _dispersion(known, upto, hazard, seen))


def _dispersion(known: Reals, upto: Reals, hazard: Reals, seen: npt.NDArray[np.bool_]) -> Reals:
    """Pearson's chi-square by its degrees of freedom, of reports given those known up to their delay; at least 1."""
    expected = upto * hazard[:, None, :]
    variance = expected * (1.0 - hazard[:, None, :])
    usable = seen & (variance > 0) & (np.arange(known.shape[2]) > 0)
    square = np.divide((known - expected) ** 2, variance, out=np.zeros_like(known), where=usable).sum(axis=(1, 2))
    freedom = usable.sum(axis=(1, 2)) - (usable.any(axis=1)).sum(axis=1)
    return np.maximum(np.divide(square, freedom, out=np.ones(len(known)), where=freedom > 0), 1.0)
