"""The models: monthly counts on the scale log(1 + count), normal predictive distributions, refitted at every origin.

| member | what it is |
|---|---|
| `ar` | months 1, 2 and 3 back and two harmonics of the year, ridge, the past fading by 1.5 % a month; iterated |
| `climate` | this month and the last, two harmonics, anomalies of temperature 1 and 2 months back; a fit per horizon |
| `plain` | months 1, 2 and 12 back, nothing fades: the autoregression that any other model has to beat |
| `seasonal` | the same month of the year before, its errors as spread |

The ensemble of members averages their quantiles on the log scale: of normal distributions that is the normal
distribution of the mean of means and the mean of deviations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bienho.surveillance.later import special

Reals = npt.NDArray[np.float64]
HORIZONS = 3
LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
MEMBERS = ("ar", "climate")
"""Of the ensemble; without climate it is `ar` alone."""
FADING = 0.985
_AR_RIDGE, _CLIMATE_RIDGE = 1.0, 3.0
_LEAST_DEVIATION = 0.01
_LAGS = {"ar": (1, 2, 3), "plain": (1, 2, 12)}
LEAST_MONTHS = 48
"""Months of history below which nothing is forecast."""
LEAST_TRIED = 30
"""Months of history from which a forecast is tried, to learn how wide the bands have to be."""


@dataclass(frozen=True, slots=True)
class Predictive:
    """Normal distributions of log(1 + count), months ahead last: `mean` and `deviation` (…, horizons)."""

    mean: Reals
    deviation: Reals

    def quantiles(self, levels: Sequence[float] = LEVELS) -> Reals:
        """Counts (…, horizons, levels), none below zero."""
        at = self.mean[..., None] + self.deviation[..., None] * special.ndtri(np.asarray(levels))
        return np.asarray(np.expm1(np.maximum(at, 0.0)))

    def exceeds(self, limit: npt.ArrayLike) -> Reals:
        """Probability of more cases than `limit` (…, horizons); NaN where there is no limit."""
        with np.errstate(invalid="ignore"):
            # a count exceeds 9.2 from 10 on: halfway between 9 and 10 on the scale of whole counts
            edge = np.log1p(np.floor(np.asarray(limit, dtype=np.float64)) + 0.5)
        return np.asarray(1.0 - special.ndtr((edge - self.mean) / self.deviation))


def fitted(
    counts: npt.ArrayLike, first_month: int, temperature: npt.ArrayLike | None = None, members: Sequence[str] = MEMBERS
) -> Predictive:
    """The next three months after each series (series, months) → Predictive (series, horizons), as the models have it.

    `first_month`: month of the year (1 to 12) of the first column. `temperature`: monthly means of the same months and
    places, in °C; NaN where unknown. Without it a member that needs it is left out. ValueError below LEAST_TRIED.
    """
    values = np.asarray(counts, dtype=np.float64)
    enough(values.shape[1], LEAST_TRIED)
    logs, phase = np.log1p(values), (first_month - 1) % 12
    warmth = None if temperature is None else _anomalies(np.asarray(temperature, dtype=np.float64))
    found = []
    for member in members:
        if member == "climate":
            if warmth is not None:
                found.append(_stack(_climate(line, phase, heat) for line, heat in zip(logs, warmth, strict=True)))
        elif member == "seasonal":
            found.append(_stack(_seasonal(line) for line in logs))
        else:
            found.append(_stack(_autoregression(line, phase, member) for line in logs))
    means, deviations = (np.mean(parts, axis=0) for parts in zip(*found, strict=True))
    # a series that never moved is not known for ever
    return Predictive(means, np.maximum(deviations, _LEAST_DEVIATION))


def enough(months: int, least: int) -> None:
    """ValueError for fewer months than `least`."""
    if months < least:
        raise ValueError(f"{months} months are too few: {least} are needed")


def _stack(parts: Iterable[tuple[Reals, Reals]]) -> tuple[Reals, Reals]:
    means, deviations = zip(*parts, strict=True)
    return np.array(means), np.array(deviations)


def _harmonics(months: npt.ArrayLike, phase: int) -> Reals:
    angle = 2 * np.pi * ((np.asarray(months) + phase) % 12) / 12
    return np.stack([turn(k * angle) for k in (1, 2) for turn in (np.cos, np.sin)], axis=-1)


def _fit(design: Reals, target: Reals, ridge: float, fading: float) -> tuple[Reals, float]:
    """Weighted ridge regression whose first column, the intercept, is free; (coefficients, residual deviation)."""
    weight = fading ** np.arange(len(target))[::-1]
    penalty = ridge * np.eye(design.shape[1])
    penalty[0, 0] = 0.0
    gram = design.T @ (design * weight[:, None]) + penalty
    # a constant series gives a singular matrix when nothing is penalised
    solved = np.linalg.lstsq(gram, design.T @ (weight * target), rcond=None)[0]
    left = target - design @ solved
    freedom = max(weight.sum() - 0.7 * design.shape[1], 5.0)
    return np.asarray(solved, dtype=np.float64), float(np.sqrt((weight * left * left).sum() / freedom))


def _autoregression(line: Reals, phase: int, member: str) -> tuple[Reals, Reals]:
    lags, seasonal = _LAGS[member], member == "ar"
    deepest, end = max(lags), len(line)
    at = np.arange(deepest, end)
    columns = [np.ones((len(at), 1)), np.stack([line[at - lag] for lag in lags], axis=1)]
    if seasonal:
        columns.append(_harmonics(at, phase))
    beta, sigma = _fit(np.hstack(columns), line[at], _AR_RIDGE * seasonal, FADING if seasonal else 1.0)
    weight = dict(zip(lags, beta[1 : 1 + len(lags)].tolist(), strict=True))
    known, mean, psi = line.tolist(), [], [1.0]
    for step in range(HORIZONS):
        value = beta[0] + sum(share * known[end + step - lag] for lag, share in weight.items())
        if seasonal:
            value += float(_harmonics(end + step, phase) @ beta[1 + len(lags) :])
        known.append(float(value))
        mean.append(float(value))
        psi.append(sum(weight.get(lag, 0.0) * psi[step + 1 - lag] for lag in range(1, step + 2)))
    return np.array(mean), sigma * np.sqrt(np.cumsum(np.square(psi[:HORIZONS])))


def _climate(line: Reals, phase: int, warmth: Reals) -> tuple[Reals, Reals]:
    mean, deviation = [], []
    for ahead in range(1, HORIZONS + 1):
        at = np.arange(16, len(line) - ahead)
        here = np.append(at, len(line) - 1)
        design = np.hstack(
            [
                np.ones((len(here), 1)), line[here, None], line[here - 1, None], _harmonics(here + ahead, phase),
                warmth[here - 1, None], warmth[here - 2, None],
            ]
        )  # fmt: skip
        beta, sigma = _fit(design[:-1], line[at + ahead], _CLIMATE_RIDGE, FADING)
        reach = design[-1] @ np.linalg.lstsq(design[:-1].T @ design[:-1], design[-1], rcond=None)[0]
        mean.append(float(design[-1] @ beta))
        deviation.append(sigma * float(np.sqrt(1.0 + max(reach, 0.0))))
    return np.array(mean), np.array(deviation)


def _seasonal(line: Reals) -> tuple[Reals, Reals]:
    error = line[12:] - line[:-12]
    spread = float(np.sqrt(np.mean(error**2)))
    return line[len(line) - 12 : len(line) - 12 + HORIZONS], np.full(HORIZONS, spread)


def _anomalies(temperature: Reals) -> Reals:
    """Deviation from the mean of the same months up to then, so that no later year is known; 0 where unknown."""
    found = np.zeros_like(temperature)
    for month in range(12):
        part = temperature[:, month::12]
        known = np.isfinite(part)
        number = np.cumsum(known, axis=1)
        total = np.cumsum(np.where(known, part, 0.0), axis=1)
        usual = np.divide(total, number, out=np.zeros_like(total), where=number > 0)
        found[:, month::12] = np.where(known, part - usual, 0.0)
    return found
