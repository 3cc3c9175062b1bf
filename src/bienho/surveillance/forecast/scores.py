"""Scores of forecasts: weighted interval score, coverage, Brier score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


def wis(quantiles: npt.ArrayLike, observed: npt.ArrayLike, levels: Sequence[float]) -> Reals:
    """Weighted interval score of each forecast (Bracher and others 2021, PLOS Computational Biology 17).

    `quantiles` (…, levels), symmetric levels with the median in the middle; `observed` (…). In units of the counts.
    """
    at, seen = np.asarray(quantiles, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    pairs = len(levels) // 2
    total = 0.5 * np.abs(seen - at[..., pairs])
    for place in range(pairs):
        outside = 2 * levels[place]
        low, high = at[..., place], at[..., -1 - place]
        total = total + outside / 2 * (high - low) + np.maximum(low - seen, 0) + np.maximum(seen - high, 0)
    return np.asarray(total / (pairs + 0.5))


def coverage(quantiles: npt.ArrayLike, observed: npt.ArrayLike, place: int) -> float:
    """Share of `observed` within the band from quantile `place` to its mirror, both included."""
    at, seen = np.asarray(quantiles), np.asarray(observed)
    return float(((seen >= at[..., place]) & (seen <= at[..., -1 - place])).mean())


def brier(probability: npt.ArrayLike, happened: npt.ArrayLike) -> float:
    """Mean squared difference of probability and outcome (0 or 1)."""
    return float(((np.asarray(probability) - np.asarray(happened, dtype=np.float64)) ** 2).mean())
