"""Quasi-Poisson regression of thousands of series at once, on one design: a level per block of the year, and a trend.

The normal equations of such a design have the shape of an arrow: blocks do not touch one another, only the trend
touches all. So each step of the iteration is two products of (series x rows) by (rows x blocks) and one division,
whatever the number of series; nothing is factorised. Start, steps and stop are those usual for generalised linear
models (McCullagh and Nelder 1989, 2.5): mu = y + 0.1, at most 25 steps, until the deviance moves by less than 1e-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from bienho.surveillance.panel import Booleans, Floats, Integers

STEPS = 25
STOP = 1e-8
LEAST_MEAN = float(np.finfo(float).eps)
# Products larger than this are given by the linear algebra library to several threads, which wait for one another
# longer than such a product lasts.
LARGEST_PRODUCT = 200_000
# Series that are done stay in the arrays until so few are left: leaving means copying the others.
WORTH_LEAVING = 0.6
# Exponents within which a product of exponentials neither overflows nor vanishes.
TAME = 300.0
# Counts below this are looked up, not computed: a logarithm costs as much as twenty look-ups.
LOOKED_UP = 4096


@dataclass(frozen=True)
class Design:
    """Rows of the baseline, the same for every series.

    block    (n,), 0 … p-1; the last block is that of the period judged
    time     (n,), periods, counted from the period judged, which is 0
    """

    block: Integers
    time: Floats

    @cached_property
    def columns(self) -> Floats:
        """(n, p): 1 where a row is of a block."""
        return np.asarray(self.block[:, None] == np.arange(self.block.max() + 1), dtype=float)

    @cached_property
    def moments(self) -> Floats:
        """(n, 2p + 1): blocks, blocks times time, time squared."""
        time = self.time[:, None]
        return np.concatenate([self.columns, self.columns * time, time**2], axis=1)

    @cached_property
    def line(self) -> Floats:
        """(n, p + 1): blocks and time."""
        return np.concatenate([self.columns, self.time[:, None]], axis=1)

    @cached_property
    def steps(self) -> Integers | None:
        """(n,), whole periods since the first row; None where time does not go in them, as in months told by days."""
        steps = np.rint(self.time - self.time[0]).astype(np.int64)
        return steps if steps.min() >= 0 and (steps + self.time[0] == self.time).all() else None

    def exponential(self, line: Floats) -> Floats:
        """(S, n), exp of level + slope * time for `line` (S, p + 1), the levels and the slope.

        Rows of whole periods need not an exponential each: exp of 17 steps is that of 16 times that of 1.
        """
        level, slope = line[:, :-1], line[:, -1:]
        if not slope.any():
            return np.take(np.exp(level), self.block, axis=1)
        reach = 0 if self.steps is None else int(self.steps.max()) + 1
        first = level + slope * self.time[0]
        if self.steps is None or not max(np.abs(first).max(), np.abs(slope).max() * reach) < TAME:
            return np.asarray(np.exp(product(line, self.line.T)))
        near = int(np.sqrt(reach)) + 1
        fine, coarse = np.arange(near), near * np.arange(-(-reach // near))
        run = np.exp(slope * coarse)[:, :, None] * np.exp(slope * fine)[:, None, :]
        run = run.reshape(len(line), -1)
        run = run[:, :reach] if len(self.steps) == reach else np.take(run, self.steps, axis=1)
        own = np.take(np.exp(first), self.block, axis=1)
        return np.multiply(run, own, out=own)


@dataclass(frozen=True)
class Counts:
    """Counts (S, n), 0 where not known, with what of them is needed again and again.

    start      log(y + 0.1)
    own        y log y - y, what a saturated model has
    curved     y^(2/3), in Anscombe's residuals
    """

    values: Floats
    start: Floats
    own: Floats
    curved: Floats

    @classmethod
    def of(cls, values: Floats) -> Counts:
        top = values.max(initial=0.0)
        if top < LOOKED_UP < values.size and ((place := values.astype(np.int64)) == values).all():
            known = cls.of(np.arange(top + 1))
            return cls(values, *(np.take(one, place) for one in (known.start, known.own, known.curved)))
        saturated = values * np.log(np.where(values > 0, values, 1.0)) - values
        return cls(values, np.log(values + 0.1), saturated, np.cbrt(values) ** 2)

    @classmethod
    def stack(cls, parts: Sequence[Counts]) -> Counts:
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(one, part.name) for one in parts]) for part in fields(cls)))

    def take(self, rows: Integers | Booleans | slice) -> Counts:
        return Counts(*(getattr(self, one.name)[rows] for one in fields(self)))

    def columns(self, places: Integers) -> Counts:
        return Counts(*(np.take(getattr(self, one.name), places, axis=1) for one in fields(self)))


@dataclass
class Fit:
    """One line per series; `weight`, `level_weight`, `centre` and `spread` are those of the last step taken.

    mean, weight               (S, n)
    line                       (S, p + 1), levels and slope of the linear predictor
    level_weight, centre       (S, p), sum of weights of a block and its weighted mean of time
    spread                     (S,), weighted squares of time about the centres; infinite without a trend
    slope, now                 (S,), trend per period, linear predictor of the period judged
    """

    mean: Floats
    line: Floats
    weight: Floats
    level_weight: Floats
    centre: Floats
    spread: Floats
    slope: Floats
    now: Floats
    converged: Booleans

    def leverage(self, design: Design) -> Floats:
        """(S, n), diagonal of the hat matrix."""
        level = np.where(self.level_weight > 0, 1 / np.where(self.level_weight > 0, self.level_weight, 1.0), 0.0)
        flat = 1 / self.spread[:, None]
        square = [level + self.centre**2 * flat, -2 * self.centre * flat, flat]
        return np.asarray(self.weight * product(np.concatenate(square, axis=1), design.moments.T))

    def variance_now(self) -> Floats:
        """(S,), variance of the linear predictor of the period judged, for a dispersion of 1."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(1 / self.level_weight[:, -1] + self.centre[:, -1] ** 2 / self.spread)

    def put(self, where: Integers, other: Fit, chosen: Booleans) -> None:
        for one in fields(self):
            getattr(self, one.name)[where] = getattr(other, one.name)[chosen]


def product(left: Floats, right: Floats) -> Floats:
    """`left` @ `right`, a few rows of `left` at a time."""
    rows = max(LARGEST_PRODUCT // (right.shape[0] * right.shape[1]), 1)
    result = np.empty((len(left), right.shape[1]))
    for first in range(0, len(left), rows):
        np.matmul(left[first : first + rows], right, out=result[first : first + rows])
    return result


def solve(counts: Counts, prior: Floats, design: Design, trend: bool) -> Fit:
    """Fits every series with weights `prior` (S, n; 0 where the count is not known)."""
    series, rows = counts.values.shape
    blocks = design.columns.shape[1]
    wide, narrow = [np.empty((series, rows)) for _ in range(2)], [np.empty((series, blocks)) for _ in range(2)]
    line = np.empty((series, blocks + 1))
    spread, slope, now = (np.empty(series) for _ in range(3))
    done = Fit(wide[0], line, wide[1], narrow[0], narrow[1], spread, slope, now, np.zeros(series, dtype=bool))
    left, going = np.arange(series), np.ones(series, dtype=bool)
    state = _start(counts, prior, design, trend)
    for step in range(STEPS):
        fit, state = _step(state, design, trend)
        over = going & (fit.converged | (step == STEPS - 1))
        done.put(left[over], fit, over)
        going &= ~over
        if not going.any():
            break
        if going.mean() < WORTH_LEAVING:
            state, left, going = state.take(going), left[going], going[going]
    return done


@dataclass
class _State:
    """Where the iteration stands; the counts come into it only by sums that never change.

    weight     (S, n), prior weight times mean
    sums       (S, 2p + 1), of the weights over the columns of `Design.moments`; without a trend (S, p)
    towards    (S, p + 1), of the weighted working response over the columns of `Design.line`
    target     (S, p + 1), of the weighted counts over them
    own        (S,), of what a saturated model has
    """

    prior: Floats
    weight: Floats
    sums: Floats
    towards: Floats
    target: Floats
    own: Floats
    deviance: Floats

    def take(self, rows: Booleans) -> _State:
        return _State(*(getattr(self, one.name)[rows] for one in fields(self)))


def _start(counts: Counts, prior: Floats, design: Design, trend: bool) -> _State:
    blocks = design.columns.shape[1]
    weighted = prior * counts.values
    weight = weighted + 0.1 * prior
    sums = product(weight, design.moments if trend else design.columns)
    towards = product(weight * counts.start - 0.1 * prior, design.line)
    own = np.einsum("sn,sn->s", prior, counts.own)
    deviance = 2 * (own - np.einsum("sn,sn->s", weighted, counts.start) + sums[:, :blocks].sum(axis=1))
    return _State(prior, weight, sums, towards, product(weighted, design.line), own, deviance)


def _step(state: _State, design: Design, trend: bool) -> tuple[Fit, _State]:
    """One step of iteratively reweighted least squares."""
    blocks = design.columns.shape[1]
    level_weight = state.sums[:, :blocks]
    filled = np.where(level_weight > 0, level_weight, 1.0)
    level = state.towards[:, :blocks] / filled
    centre, spread, slope = np.zeros_like(level), np.full(len(level), np.inf), np.zeros(len(level))
    if trend:
        centre = state.sums[:, blocks:-1] / filled
        spread = state.sums[:, -1] - (level_weight * centre**2).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (state.towards[:, -1] - (level_weight * centre * level).sum(axis=1)) / spread
        level = level - slope[:, None] * centre
    line = np.concatenate([level, slope[:, None]], axis=1)
    mean = design.exponential(line)
    np.maximum(mean, LEAST_MEAN, out=mean)
    weight = state.prior * mean
    sums = product(weight, design.moments if trend else design.columns)
    total = sums[:, :blocks].sum(axis=1)
    deviance = 2 * (state.own - (line * state.target).sum(axis=1) + total)
    with np.errstate(invalid="ignore"):
        converged = np.abs(deviance - state.deviance) / (np.abs(deviance) + 0.1) < STOP
    fit = Fit(mean, line, state.weight, level_weight, centre, spread, slope, level[:, -1], converged)
    towards = _towards(sums, level, slope, state.target, trend)
    return fit, _State(state.prior, weight, sums, towards, state.target, state.own, deviance)


def _towards(sums: Floats, level: Floats, slope: Floats, target: Floats, trend: bool) -> Floats:
    """Sums of the working response, predictor + (y - mu) / mu, without going through the rows again."""
    blocks = level.shape[1]
    towards = target.copy()
    towards[:, :blocks] += sums[:, :blocks] * (level - 1)
    if trend:
        timed = sums[:, blocks:-1]
        towards[:, :blocks] += timed * slope[:, None]
        towards[:, -1] += (timed * (level - 1)).sum(axis=1) + sums[:, -1] * slope
    return towards
