"""Sensitivity, false alarms and days to the signal, from alarms and what is known to have been."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt

import numpy as np

from bienho.surveillance.panel import Booleans, Integers

DAYS = {12: 365.25 / 12, 52: 7.0, 365: 1.0}
Z95 = 1.959963984540054


@dataclass(frozen=True)
class Quality:
    """Of one method on one bed of series.

    found of outbreaks     with an alarm between their first and last period
    low, high              95 % interval (Wilson 1927) of the share found
    false_rate             alarms among the periods without an outbreak
    false_per_year         the same, a series and year
    days                   median from the first period of a found outbreak to the end of the period that alarmed
    """

    bed: str
    method: str
    series: int
    outbreaks: int
    found: int
    low: float
    high: float
    quiet_periods: int
    false_alarms: int
    false_per_year: float
    days: float | None

    @property
    def sensitivity(self) -> float | None:
        return self.found / self.outbreaks if self.outbreaks else None

    @property
    def false_rate(self) -> float | None:
        return self.false_alarms / self.quiet_periods if self.quiet_periods else None

    def as_dict(self) -> dict[str, object]:
        return asdict(self) | {"sensitivity": self.sensitivity, "false_rate": self.false_rate}


def wilson(found: int, of: int) -> tuple[float, float]:
    """95 % interval of a share; the whole range when nothing was tried."""
    if not of:
        return 0.0, 1.0
    share, spread = found / of, Z95**2 / of
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 / (1 + spread) * sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def judge(
    bed: str, method: str, alarm: Booleans, outbreak: Integers, frequency: int, *, quiet: Booleans | None = None
) -> Quality:
    """Counts alarms (S, K) against `outbreak` (S, K), the number of the outbreak of each period, 0 for none.

    `quiet` (S, K): periods whose alarms are false; all without an outbreak when not given.
    """
    quiet = outbreak == 0 if quiet is None else quiet
    delays = []
    outbreaks = 0
    for line, numbers in zip(alarm, outbreak, strict=True):
        for number in np.unique(numbers[numbers > 0]):
            outbreaks += 1
            during = np.nonzero(numbers == number)[0]
            raised = during[line[during]]
            if len(raised):
                delays.append((raised[0] - during[0] + 1) * DAYS[frequency])
    low, high = wilson(len(delays), outbreaks)
    false = int((alarm & quiet).sum())
    periods = int(quiet.sum())
    return Quality(
        bed=bed,
        method=method,
        series=len(alarm),
        outbreaks=outbreaks,
        found=len(delays),
        low=low,
        high=high,
        quiet_periods=periods,
        false_alarms=false,
        false_per_year=false / periods * frequency if periods else 0.0,
        days=float(np.median(delays)) if delays else None,
    )
