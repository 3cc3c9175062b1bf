"""The design of Noufaily et al. 2013: 28 kinds of series, past outbreaks in the baseline, one in the last 49 weeks."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bienho.surveillance.detectors.methods import detect
from bienho.surveillance.evaluate.quality import Quality, judge
from bienho.surveillance.panel import Floats, Integers, Panel
from bienho.surveillance.series import fault

WEEKS = 624
# Weeks (from 0): outbreaks of the past begin in the first span, the one to be found in the second.
PAST = (312, 575)
JUDGED = (575, 624)
# Sizes, in standard deviations, of the four outbreaks of the past, whatever the size of the one to be found.
PAST_SIZES = (2.0, 3.0, 5.0, 10.0)
YEAR = 52


@dataclass(frozen=True)
class Scenario:
    """mu(t) = exp(theta + beta t + sum over j ≤ m of gamma1 cos(2 pi j t / 52) + gamma2 sin(2 pi j t / 52)); variance
    phi mu."""

    theta: float
    beta: float
    m: int
    phi: float
    gamma1: float
    gamma2: float

    def mean(self, weeks: int = WEEKS) -> Floats:
        t = np.arange(1, weeks + 1)
        wave = np.zeros(weeks)
        for j in range(1, self.m + 1):
            angle = 2 * np.pi * j * t / YEAR
            wave += self.gamma1 * np.cos(angle) + self.gamma2 * np.sin(angle)
        return np.asarray(np.exp(self.theta + self.beta * t + wave))


def read_scenarios(path: Path) -> list[Scenario]:
    """From a CSV with the columns theta, beta, m, phi, gamma1, gamma2."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [
                Scenario(
                    float(row["theta"]), float(row["beta"]), int(row["m"]), float(row["phi"]),
                    float(row["gamma1"]), float(row["gamma2"]),
                )
                for row in csv.DictReader(file)
            ]  # fmt: skip
    except (OSError, KeyError, ValueError):
        raise fault(
            "IN-SCENARIOS", f"Không đọc được các kịch bản trong {path.name}.",
            "Cần CSV có các cột theta, beta, m, phi, gamma1, gamma2.",
        ) from None  # fmt: skip


def draw_counts(chance: np.random.Generator, mean: Floats, phi: Floats | float) -> Floats:
    """Negative binomial counts with variance phi * mean; Poisson where phi is 1."""
    mean, phi = np.broadcast_arrays(mean, phi)
    wide = phi > 1
    rate = np.where(wide, chance.gamma(mean / np.where(wide, phi - 1, 1), np.where(wide, phi - 1, 1)), mean)
    return chance.poisson(rate).astype(float)


def simulate(scenarios: Sequence[Scenario], replicates: int, size: float, seed: int) -> tuple[Panel, Integers]:
    """(scenarios x replicates, 624) counts, and (…, 49) the outbreak of the weeks judged: 1 while it lasts, else 0.

    An outbreak has Poisson(size * standard deviation of its first week) cases, each floor(lognormal(0, 0.5)) weeks
    after it; it lasts to its last case, and one without a case has not been.
    The same seed gives the same series, outbreaks apart, for every size.
    """
    chance = np.random.default_rng(seed)
    mean = np.repeat(np.stack([one.mean() for one in scenarios]), replicates, axis=0)
    phi = np.repeat([one.phi for one in scenarios], replicates)[:, None]
    counts = draw_counts(chance, mean, phi)
    deviation = np.sqrt(mean * phi)
    during = np.zeros((len(counts), JUDGED[1] - JUDGED[0]), dtype=np.int64)
    past = chance.integers(*PAST, size=(len(counts), len(PAST_SIZES)))
    now = chance.integers(*JUDGED, size=(len(counts), 1))
    for series, starts in enumerate(np.concatenate([past, now], axis=1)):
        for start, large in zip(starts, (*PAST_SIZES, size), strict=True):
            cases = chance.poisson(large * deviation[series, start])
            weeks = start + np.floor(chance.lognormal(0, 0.5, cases)).astype(int)
            weeks = weeks[weeks < (JUDGED[0] if start < PAST[1] else WEEKS)]
            np.add.at(counts[series], weeks, 1)
            if start >= JUDGED[0] and len(weeks):
                during[series, start - JUDGED[0] : weeks.max() + 1 - JUDGED[0]] = 1
    return Panel(counts, YEAR), during


def run_scenarios(
    scenarios: Sequence[Scenario],
    methods: Mapping[str, tuple[str, Mapping[str, str]]],
    *,
    replicates: int = 100,
    sizes: Sequence[float] = (3, 5, 7, 10),
    seed: int = 2013,
) -> list[Quality]:
    """Every method (label → name and parameters) on every size of outbreak; a bed is named by the size."""
    found = []
    for size in sizes:
        panel, during = simulate(scenarios, replicates, size, seed)
        for label, (method, given) in methods.items():
            alarms = detect(panel, method, given, last=JUDGED[1] - JUDGED[0])
            found.append(judge(f"noufaily28 k={size:g}", label, alarms.alarm, during, YEAR))
    return found


def without_outbreaks(series: int = 1000, *, years: int = 8, phi: float = 1.5, seed: int = 1) -> Panel:
    """Weekly series in which every alarm is a false one: seasonal, half with a trend, variance phi times the mean."""
    chance = np.random.default_rng(seed)
    t = np.arange(years * YEAR)
    level = chance.uniform(np.log(0.5), np.log(60), series)[:, None]
    trend = np.where(np.arange(series) % 2, 0.0, chance.uniform(-0.001, 0.002, series))[:, None]
    height, phase = chance.uniform(0.2, 0.8, series)[:, None], chance.uniform(0, 2 * np.pi, series)[:, None]
    mean = np.exp(level + trend * t + height * np.cos(2 * np.pi * t / YEAR + phase))
    return Panel(draw_counts(chance, mean, phi), YEAR)
