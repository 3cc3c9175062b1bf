"""What a forecast is worth: every month of the last years forecast from what was known before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bienho.surveillance.forecast.calibrate import needed, tried, widened
from bienho.surveillance.forecast.model import HORIZONS, LEAST_MONTHS, LEVELS, Predictive
from bienho.surveillance.forecast.scores import brier, coverage, wis
from bienho.surveillance.legal.thresholds import YEARS, baseline

Reals = npt.NDArray[np.float64]
ORIGINS = 94
"""Months at which a forecast is made: with three months ahead, the last eight years."""


@dataclass(frozen=True, slots=True)
class Skill:
    """One model over all origins.

    `wis` (series, horizons) means; shares within the 50, 80 and 95 % bands; `brier` of more cases than mean + 2 SD of
    the last five years; `origins`: at how many months it was tried.
    """

    wis: Reals
    within50: float
    within80: float
    within95: float
    brier: float
    origins: int


def limits(counts: npt.ArrayLike) -> Reals:
    """mean + 2 SD of the same month of the last five years for the months after each series; (series, horizons)."""
    values = np.asarray(counts, dtype=np.float64)
    end = values.shape[1]
    at = np.array([[end + ahead - 12 * back for back in range(1, YEARS + 1)] for ahead in range(HORIZONS)])
    there = np.broadcast_to(at >= 0, (len(values), *at.shape)).reshape(-1, YEARS)
    taken = values[:, np.maximum(at, 0)].reshape(-1, YEARS)
    return baseline(taken, there, np.zeros_like(there)).limit(2).reshape(len(values), HORIZONS)


def origins(months: int, most: int = ORIGINS) -> range:
    """Numbers of known months at which a forecast is tried, so that all its months ahead are known."""
    last = months - HORIZONS
    return range(max(last - most + 1, LEAST_MONTHS), last + 1)


def evaluate(
    counts: npt.ArrayLike,
    first_month: int,
    members: Sequence[str],
    temperature: npt.ArrayLike | None = None,
    most: int = ORIGINS,
) -> Skill:
    """Rolling origins, everything fitted anew at each from the months before it. ValueError: too few."""
    values = np.asarray(counts, dtype=np.float64)
    heat = None if temperature is None else np.asarray(temperature, dtype=np.float64)
    at = origins(values.shape[1], most)
    if not at:
        raise ValueError(f"{values.shape[1]} months are too few to try a forecast")
    trials = tried(values, first_month, heat, members, range(needed(at.start), at.stop))
    parts = [widened(trials, values, known) for known in at]
    found = Predictive(np.stack([one.mean for one in parts]), np.stack([one.deviation for one in parts]))
    seen = np.stack([values[:, known : known + HORIZONS] for known in at])
    limit = np.stack([limits(values[:, :known]) for known in at])
    judged = np.isfinite(limit)
    quantiles = found.quantiles()
    within50, within80, within95 = (coverage(quantiles, seen, place) for place in (2, 1, 0))
    missed = brier(found.exceeds(limit)[judged], (seen > limit)[judged]) if judged.any() else float("nan")
    return Skill(wis(quantiles, seen, LEVELS).mean(axis=0), within50, within80, within95, missed, len(at))


def skill(ours: Skill, theirs: Skill) -> Reals:
    """Share of the score of another model that ours saves, by horizon; 0 or less: none."""
    return np.asarray(1.0 - ours.wis.mean(axis=0) / theirs.wis.mean(axis=0))


def which_is_served(ensemble: Skill, plain: Skill, seasonal: Skill) -> str:
    """`ensemble` where it beats the plain autoregression over all horizons, else `plain`.

    '' (nothing is shown) where what would be served does not beat the season.
    """
    best, name = min((ensemble.wis.mean(), "ensemble"), (plain.wis.mean(), "plain"))
    return name if best < seasonal.wis.mean() else ""
