"""Many series over the same periods, and what a detector says of them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
Dates = NDArray[np.datetime64]


@dataclass(frozen=True)
class Panel:
    """Counts of S series in T consecutive periods.

    observed     (S, T), cases; NaN is a period nobody reported, which is not 0
    frequency    periods in a year: 12, 52 or 365
    dates        (T,), first day of each period; None: the same period of an earlier year is `frequency` periods ago
    """

    observed: Floats
    frequency: int
    dates: Dates | None = None

    @property
    def series(self) -> int:
        return int(self.observed.shape[0])

    @property
    def periods(self) -> int:
        return int(self.observed.shape[1])


@dataclass(frozen=True)
class Alarms:
    """What a method says of the periods at `at`: every array is (S, K); NaN where the method has no such number.

    expected    mean of a period without an outbreak
    upper       the largest count that is no alarm; NaN where the method does not judge
    pvalue      chance of a count as large or larger without an outbreak
    score       (observed - expected) / (upper - expected), or the method's own statistic
    phi         overdispersion: variance over mean
    mu0         the mean on which the limit stands, where that is not `expected` alone
    """

    at: Integers
    observed: Floats
    expected: Floats
    upper: Floats
    pvalue: Floats
    score: Floats
    alarm: Booleans
    phi: Floats
    mu0: Floats
    more: dict[str, Floats] = field(default_factory=dict)

    def of(self, line: int) -> Alarms:
        """Those of one series, arrays (1, K)."""
        some = slice(line, line + 1)
        rest = {one.name: getattr(self, one.name)[some] for one in fields(self) if one.name not in ("at", "more")}
        return Alarms(at=self.at, **rest, more={name: values[some] for name, values in self.more.items()})


def empty(panel: Panel, at: Integers) -> dict[str, Any]:
    """NaN arrays for the numbers of `Alarms` that a method has none of."""
    names = ("expected", "upper", "pvalue", "score", "phi", "mu0")
    return {name: np.full((panel.series, len(at)), np.nan) for name in names}


def exceeds(observed: Floats, upper: Floats) -> Booleans:
    """Observed above the limit; where either is unknown there is no alarm."""
    with np.errstate(invalid="ignore"):
        return np.asarray(observed > upper)


def relative_excess(observed: Floats, expected: Floats, upper: Floats) -> Floats:
    """0 at what is expected, 1 at the limit; NaN where the limit is what is expected."""
    width = upper - expected
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(width > 0, (observed - expected) / width, np.nan))
