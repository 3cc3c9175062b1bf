"""Prospective space-time permutation scan (Kulldorff et al. 2005): where and since when there are too many cases now.

It needs cases only, no population: what is expected of a circle of communes in the last days is its share of all cases
times the share of those days. Chance is judged by permuting the days among the cases, which keeps both shares; so what
is expected is the same in every replicate, and a replicate is one running sum over the communes by distance, for all
circles and all windows at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bienho.core.errors import InputError
from bienho.surveillance.detectors.options import number, option, whole
from bienho.surveillance.panel import Floats, Integers

EARTH_KM = 6371.0
LEAST_CASES = 2


@dataclass(frozen=True)
class ScanOptions:
    """Windows end in the last period.

    max_window    longest window in periods; never more than half of all periods
    share         largest share of all cases a circle may hold
    radius        largest radius in kilometres; 0: none but `share`
    replicates    of the permutation; the smallest p-value is 1 / (replicates + 1)
    every         periods between two scans: the recurrence interval is in periods
    """

    max_window: int = option(60, "maxWindow", whole(1, 366))
    share: float = option(0.5, "maxShare", number(0, 0.5, reach=True))
    radius: float = option(0.0, "maxRadius", number(0, reach=True))
    replicates: int = option(999, "replicates", whole(9, 99_999))
    seed: int = option(1, "seed", whole(0, 2**31 - 1))
    every: int = option(1, "every", whole(1, 366))


@dataclass(frozen=True)
class Cluster:
    """Places (indices, the centre first), the first period of the window, and how unlikely it is.

    `pvalue` is of the largest ratio anywhere, so many circles and windows looked at are paid for; `recurrence` is how
    many periods pass on average between two such clusters by chance alone.
    """

    places: tuple[int, ...]
    radius_km: float
    first: int
    cases: int
    expected: float
    ratio: float
    pvalue: float
    recurrence: float


def distances(longitude: Floats, latitude: Floats) -> Floats:
    """(P, P) great-circle kilometres between points in degrees."""
    east, north = np.radians(longitude), np.radians(latitude)
    half = np.sin((north[:, None] - north) / 2) ** 2
    half = half + np.cos(north[:, None]) * np.cos(north) * np.sin((east[:, None] - east) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))))


@dataclass(frozen=True)
class _Cylinders:
    """Circles (centre c, its k nearest) x windows (length d) as arrays (k, c, d): a circle grows along axis 0.

    order       (k, c), the place that joins the circle at k; `number of places` is a place without cases that pads
    expected    (k, c, d)
    inside      (k, c), whether the circle is one that is looked at
    """

    order: Integers
    expected: Floats
    inside: np.ndarray
    cases: int

    def counts(self, recent: np.ndarray) -> np.ndarray:
        """(k, c, d) cases from (P + 1, d), the cases of each place in each window; the last line is zeros."""
        total = np.empty((*self.order.shape, recent.shape[1]), dtype=recent.dtype)
        np.take(recent, self.order[0], axis=0, out=total[0])
        for nearest in range(1, len(self.order)):
            np.add(total[nearest - 1], np.take(recent, self.order[nearest], axis=0), out=total[nearest])
        return total

    def ratio(self, cases: np.ndarray, expected: Floats) -> Floats:
        """Log-likelihood ratio; 0 where there are not more cases than expected."""
        all_cases = self.cases
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = cases * np.log(cases / expected)
            rest = all_cases - cases
            outside = np.where(rest > 0, rest * np.log(rest / (all_cases - expected)), 0.0)
        return np.asarray(np.where((cases >= LEAST_CASES) & (cases > expected), inside + outside, 0.0))


def _windows(cases: np.ndarray, longest: int, dtype: type) -> np.ndarray:
    """(P + 1, d) cases of each place in the last 1 … d periods."""
    recent = np.cumsum(cases[:, ::-1][:, :longest], axis=1, dtype=np.int64)
    return np.concatenate([recent, np.zeros((1, longest), dtype=np.int64)]).astype(dtype)


def _cylinders(cases: Integers, apart: Floats, longest: int, options: ScanOptions) -> _Cylinders:
    """Circles around every place, growing until they hold `share` of all cases or reach `radius`."""
    total = int(cases.sum())
    of_place = cases.sum(axis=1)
    order = np.argsort(apart, axis=1, kind="stable")
    reach = np.take_along_axis(apart, order, axis=1)
    inside = np.cumsum(of_place[order], axis=1) <= options.share * total
    if options.radius > 0:
        inside &= reach <= options.radius
    # A circle holds all places at its radius: one that splits equals is not looked at.
    whole_circle = np.concatenate([reach[:, 1:] > reach[:, :-1], np.ones((len(reach), 1), dtype=bool)], axis=1)
    deepest = max(int(inside.sum(axis=1).max()), 1)
    order, inside = order[:, :deepest], (inside & whole_circle)[:, :deepest]
    # A place that would make the circle too large does not join, nor do those after it.
    padded = np.where(np.cumsum(of_place[order], axis=1) <= options.share * total, order, len(cases))
    in_window = _windows(cases.sum(axis=0, keepdims=True), longest, np.int64)[0]
    held = np.cumsum(np.concatenate([of_place, [0]])[padded], axis=1)
    expected = held.T[:, :, None] * in_window[None, None, :] / max(total, 1)
    return _Cylinders(padded.T.copy(), expected, inside.T.copy(), total)


def scan(cases: Integers, longitude: Floats, latitude: Floats, options: ScanOptions | None = None) -> list[Cluster]:
    """Clusters that end in the last period, most unlikely first, none sharing a place with one before it.

    cases    (P, T), whole numbers, periods ascending; the last is the one judged
    Raises InputError IN-SCAN where there are fewer than two periods or a count that is not known.
    """
    options = options or ScanOptions()
    counts = np.asarray(cases)
    if counts.shape[1] < 2 or np.isnan(counts.astype(float)).any() or (counts < 0).any():
        raise InputError(
            "IN-SCAN", "Quét cụm cần ít nhất hai kỳ và số ca của mọi nơi ở mọi kỳ.", hint="Kỳ không có ca ghi 0.",
            who="người gửi tệp",
        )  # fmt: skip
    counts = counts.astype(np.int64)
    longest = min(options.max_window, counts.shape[1] // 2)
    total = int(counts.sum())
    if total < LEAST_CASES or not counts[:, -longest:].any():
        return []
    apart = distances(longitude, latitude)
    cylinders = _cylinders(counts, apart, longest, options)
    # Only the counts differ between replicates: the narrowest whole numbers that hold them are added the fastest.
    dtype = np.int16 if total < 2**15 else np.int32
    observed = cylinders.counts(_windows(counts, longest, dtype))
    ratio = np.where(cylinders.inside[:, :, None], cylinders.ratio(observed, cylinders.expected), 0.0)
    highest = _replicates(counts, longest, cylinders, options, dtype)
    return _clusters(ratio, observed, cylinders, apart, counts.shape[1], highest, options)


def _replicates(cases: Integers, longest: int, cylinders: _Cylinders, options: ScanOptions, dtype: type) -> Floats:
    """(replicates,) largest ratio of each permutation of the days among the cases."""
    random = np.random.default_rng(options.seed)
    place, day = (np.repeat(axis, cases[cases > 0]) for axis in np.nonzero(cases))
    places, periods = cases.shape
    highest = np.empty(options.replicates)
    floor, least = 0.0, np.zeros(0)
    for replicate in range(options.replicates):
        shuffled = random.permutation(day)
        late = shuffled >= periods - longest
        cell = place[late] * longest + (shuffled[late] - (periods - longest))
        drawn = np.bincount(cell, minlength=places * longest).reshape(places, longest)
        counts = cylinders.counts(_windows(drawn, longest, dtype))
        found = 0.0
        if floor:
            high = np.nonzero(counts >= least)
            found = float(cylinders.ratio(counts[high], cylinders.expected[high]).max(initial=0.0))
        if found <= floor:
            everywhere = cylinders.ratio(counts, cylinders.expected)
            found = float(np.where(cylinders.inside[:, :, None], everywhere, 0.0).max())
        highest[replicate] = found
        if replicate + 1 in (5, 50):
            # Most maxima lie above this: only counts that can give as much need a logarithm from now on.
            floor = float(np.quantile(highest[: replicate + 1], 0.1)) * 0.9
            least = _least_counts(cylinders, floor, dtype)
    return highest


def _least_counts(cylinders: _Cylinders, floor: float, dtype: type) -> np.ndarray:
    """(k, c, d) the smallest count whose ratio reaches `floor`; one that cannot be reached where none does."""
    expected = cylinders.expected
    low, high = np.floor(expected), np.full_like(expected, cylinders.cases)
    while True:
        wide = high - low > 1
        if not wide.any():
            break
        middle = np.floor((low + high) / 2)
        enough = cylinders.ratio(middle, expected) >= floor
        high = np.where(wide & enough, middle, high)
        low = np.where(wide & ~enough, middle, low)
    never = np.iinfo(dtype).max
    reached = (cylinders.ratio(high, expected) >= floor) & cylinders.inside[:, :, None]
    return np.where(reached, high, never).astype(dtype)


def _clusters(
    ratio: Floats,
    observed: np.ndarray,
    cylinders: _Cylinders,
    apart: Floats,
    periods: int,
    highest: Floats,
    options: ScanOptions,
) -> list[Cluster]:
    found: list[Cluster] = []
    free = np.ones(cylinders.order.max() + 2, dtype=bool)
    ratio = ratio.copy()
    while len(found) < len(apart):
        place = np.unravel_index(int(ratio.argmax()), ratio.shape)
        best = float(ratio[place])
        if best <= 0:
            break
        nearest, centre, window = (int(axis) for axis in place)
        members = cylinders.order[: nearest + 1, centre]
        pvalue = float((1 + (highest >= best).sum()) / (len(highest) + 1))
        found.append(
            Cluster(
                tuple(int(one) for one in members if one < len(apart)),
                float(apart[centre, members[members < len(apart)]].max()),
                periods - window - 1,
                int(observed[place]),
                float(cylinders.expected[place]),
                best,
                pvalue,
                options.every / pvalue,
            )
        )
        free[members] = False
        clear = np.minimum.accumulate(free[cylinders.order] | (cylinders.order == len(apart)), axis=0)
        ratio[~clear] = 0.0
    return found
