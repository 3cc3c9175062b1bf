"""Seasons of a disease by half of the province: from temperature and rain, or from a few waves over the year.

The parameters are round numbers chosen by hand (`data/diseases.yaml`); the README says from what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from bienho.synthetic.events.draw import Array
from bienho.synthetic.reference import document

SIDES = ("east", "west")
YEAR = 365.25
_MIDDLES = (np.arange(12) + 0.5) * YEAR / 12
_DAYS = np.arange(366)


def _daily(monthly: Sequence[float]) -> Array:
    """Values of every day of a year from twelve monthly ones."""
    return np.interp(_DAYS, _MIDDLES, monthly, period=YEAR)


def _lagged(values: Array, mean: float) -> Array:
    """Values felt later: spread over the days before by a gamma kernel (shape 2) of that mean."""
    ago = np.arange(366)
    kernel = ago * np.exp(-ago / (mean / 2))
    return (values[(_DAYS[:, None] - ago) % 366] * kernel).sum(axis=1) / kernel.sum()


@cache
def _weather(side: str, what: str, lag: float) -> Array:
    return _lagged(_daily(document("climate.yaml")[side][what]), lag)


def season(side: str, told: Mapping[str, Any]) -> Array:
    """Relative risk of each day of a year (366 values, mean 1).

    `told` holds `climate` {rain_lag, rain, warm_lag, warm}: log risk = rain·log(20 mm + rain felt) + warm·(°C felt), or
    `waves`: [[per year, height, day of the peak], …] by side or for both: log risk is their sum.
    """
    log = np.zeros(len(_DAYS))
    if climate := told.get("climate"):
        log += climate["rain"] * np.log(20 + _weather(side, "rain", climate["rain_lag"]))
        log += climate["warm"] * _weather(side, "temperature", climate["warm_lag"])
    waves = told.get("waves", ())
    for per_year, height, peak in waves.get(side, ()) if isinstance(waves, Mapping) else waves:
        log += height * np.cos(2 * np.pi * per_year * (_DAYS - peak) / YEAR)
    risk = np.exp(log - log.max())
    return risk / risk.mean()
