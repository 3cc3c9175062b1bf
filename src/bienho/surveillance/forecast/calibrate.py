"""Bands as wide as the last three years have needed: forecasts are tried on them, and their errors set the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from bienho.surveillance.forecast.model import HORIZONS, LEAST_MONTHS, LEAST_TRIED, MEMBERS, Predictive, enough, fitted

Reals = npt.NDArray[np.float64]
WINDOW = 36
"""Origins whose errors count."""
PRIOR = 10.0
"""Errors of the width the models claim, counted beside those seen: few errors move the bands little."""


def tried(
    counts: Reals, first_month: int, heat: Reals | None, members: Sequence[str], at: range
) -> dict[int, Predictive]:
    """Number of known months (each of `at`) → what was forecast from them alone."""
    return {
        known: fitted(counts[:, :known], first_month, None if heat is None else heat[:, :known], members)
        for known in at
    }


def needed(first: int) -> int:
    """The earliest origin whose errors count for a forecast from `first` known months."""
    return max(first - WINDOW - HORIZONS + 1, LEAST_TRIED)


def widened(trials: Mapping[int, Predictive], counts: Reals, known: int) -> Predictive:
    """The trial of `known` months with deviations times the spread of the errors that were known by then.

    For each horizon sqrt((PRIOR + sum of z²) / (PRIOR + number)), z = error over claimed deviation on the log scale,
    of the last WINDOW origins of all places together; it can also be below 1.
    """
    found, logs = trials[known], np.log1p(counts[:, :known])
    factor = np.ones(HORIZONS)
    for ahead in range(HORIZONS):
        # an origin of m months forecasts column m + ahead, which has to be known
        past = [one for one in range(max(known - ahead - WINDOW, 0), known - ahead) if one in trials]
        errors = [(logs[:, one + ahead] - trials[one].mean[:, ahead]) / trials[one].deviation[:, ahead] for one in past]
        square = float(np.square(errors).sum())
        factor[ahead] = np.sqrt((PRIOR + square) / (PRIOR + len(past) * len(counts)))
    return Predictive(found.mean, found.deviation * factor)


def predict(
    counts: npt.ArrayLike, first_month: int, temperature: npt.ArrayLike | None = None, members: Sequence[str] = MEMBERS
) -> Predictive:
    """The next three months after each series, as `fitted`, with calibrated bands. ValueError for under four years."""
    values = np.asarray(counts, dtype=np.float64)
    heat = None if temperature is None else np.asarray(temperature, dtype=np.float64)
    known = values.shape[1]
    enough(known, LEAST_MONTHS)
    return widened(tried(values, first_month, heat, members, range(needed(known), known + 1)), values, known)
