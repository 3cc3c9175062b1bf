"""Quasi-Poisson regression of thousands of series at once, on one design: a level per block of the year, and a trend.

The normal equations of such a design have the shape of an arrow: blocks do not touch one another, only the trend touches
all. So each step of the iteration is a few products of (series x rows) by (rows x blocks) and one division, whatever the
number of series; nothing is factorised. Start, steps and stop are those usual for generalised linear models (McCullagh and
Nelder 1989, 2.5): mu = y + 0.1, at most 25 steps, until the deviance moves by less than 1e-8 of itself.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from bienho.surveillance.panel import Booleans, Floats, Integers

STEPS = 25
STOP = 1e-8
LEAST_MEAN = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Design:
    """Rows of the baseline, the same for every series.

    block    (n,), 0 … p-1; the last block is that of the period judged
    time     (n,), periods, counted from the period judged, which is 0
    """

    block: Integers
    time: Floats

    def columns(self) -> Floats:
        """(n, p): 1 where a row is of a block."""
        return (self.block[:, None] == np.arange(self.block.max() + 1)).astype(float)


@dataclass
class Fit:
    """One line per series; `weight`, `level_weight`, `centre` and `spread` are those of the last step taken.

    mean, weight           (S, n)
    level_weight, centre   (S, p), sum of weights of a block and its weighted mean of time
    spread                 (S,), weighted squares of time about the centres; infinite without a trend
    slope, now             (S,), trend per period, linear predictor of the period judged
    """

    mean: Floats
    predictor: Floats
    weight: Floats
    level_weight: Floats
    centre: Floats
    spread: Floats
    slope: Floats
    now: Floats
    deviance: Floats
    converged: Booleans

    def leverage(self, design: Design) -> Floats:
        """(S, n), diagonal of the hat matrix."""
        with np.errstate(divide="ignore", invalid="ignore"):
            level = np.where(self.level_weight > 0, 1 / self.level_weight, 0.0)[:, design.block]
            off = design.time - self.centre[:, design.block]
            return np.asarray(self.weight * (level + off**2 / self.spread[:, None]))

    def variance_now(self) -> Floats:
        """(S,), variance of the linear predictor of the period judged, for a dispersion of 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(1 / self.level_weight[:, -1] + self.centre[:, -1] ** 2 / self.spread)

    def pearson(self, counts: Floats) -> Floats:
        """(S,), Pearson's chi-squared."""
        return np.asarray((self.weight * ((counts - self.mean) / self.mean) ** 2).sum(axis=1))

    def put(self, where: Integers, other: Fit) -> None:
        for one in fields(self):
            getattr(self, one.name)[where] = getattr(other, one.name)

    def take(self, where: Integers | Booleans) -> Fit:
        return Fit(*(getattr(self, one.name)[where] for one in fields(self)))


def solve(counts: Floats, prior: Floats, design: Design, trend: bool) -> Fit:
    """Fits every line of `counts` (S, n; 0 where not known) with weights `prior` (S, n; 0 where not known)."""
    columns = design.columns()
    series, blocks = len(counts), columns.shape[1]
    mean = counts + 0.1
    done = Fit(
        mean=np.empty_like(mean),
        predictor=np.empty_like(mean),
        weight=np.empty_like(mean),
        level_weight=np.empty((series, blocks)),
        centre=np.empty((series, blocks)),
        spread=np.empty(series),
        slope=np.empty(series),
        now=np.empty(series),
        deviance=np.empty(series),
        converged=np.zeros(series, dtype=bool),
    )
    left = np.arange(series)
    saturated = (prior * (special_log(counts) * counts - counts)).sum(axis=1)
    predictor = np.log(mean)
    before = deviance(counts, prior, mean, predictor, saturated)
    for step in range(STEPS):
        fit = _step(counts, prior, mean, predictor, design, columns, trend, saturated)
        with np.errstate(invalid="ignore"):
            fit.converged = np.abs(fit.deviance - before) / (np.abs(fit.deviance) + 0.1) < STOP
        over = fit.converged if step < STEPS - 1 else np.ones(len(left), dtype=bool)
        if over.any():
            done.put(left[over], fit.take(over))
            go = ~over
            left, counts, prior, saturated = left[go], counts[go], prior[go], saturated[go]
            mean, predictor, before = fit.mean[go], fit.predictor[go], fit.deviance[go]
            if not len(left):
                break
        else:
            mean, predictor, before = fit.mean, fit.predictor, fit.deviance
    return done


def special_log(counts: Floats) -> Floats:
    """log, 0 for 0: a count of 0 adds nothing to a likelihood."""
    return np.log(np.where(counts > 0, counts, 1.0))


def deviance(counts: Floats, prior: Floats, mean: Floats, predictor: Floats, saturated: Floats) -> Floats:
    return np.asarray(2 * (saturated - np.einsum("sn,sn->s", prior, counts * predictor - mean)))


def _step(
    counts: Floats,
    prior: Floats,
    mean: Floats,
    predictor: Floats,
    design: Design,
    columns: Floats,
    trend: bool,
    saturated: Floats,
) -> Fit:
    """One step of iteratively reweighted least squares."""
    weight = prior * mean
    working = predictor + (counts - mean) / mean
    weighted = weight * working
    level_weight = weight @ columns
    filled = np.where(level_weight > 0, level_weight, 1.0)
    level = (weighted @ columns) / filled
    if trend:
        centre = (weight @ (columns * design.time[:, None])) / filled
        spread = weight @ design.time**2 - (level_weight * centre**2).sum(axis=1)
        cross = weighted @ design.time - (level_weight * centre * level).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = cross / spread
        level = level - slope[:, None] * centre
        predictor = level @ columns.T + slope[:, None] * design.time
    else:
        centre, slope = np.zeros_like(level), np.zeros(len(level))
        spread = np.full(len(level), np.inf)
        predictor = level @ columns.T
    mean = np.maximum(np.exp(predictor), LEAST_MEAN)
    return Fit(
        mean,
        predictor,
        weight,
        level_weight,
        centre,
        spread,
        slope,
        level[:, -1].copy(),
        deviance(counts, prior, mean, predictor, saturated),
        np.zeros(len(level), dtype=bool),
    )
