"""Outbreaks that the twin was given: cases by commune and week, and what the methods say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from bienho.surveillance.detectors.methods import detect, judgeable
from bienho.surveillance.evaluate.quality import Quality, judge
from bienho.surveillance.panel import Floats, Integers, Panel

WEEK = 7
# An outbreak of fewer cases that were seen is one no count can tell from none.
LEAST_CASES = 3


def weekly(
    day: Sequence[date], disease: Sequence[str], commune: Sequence[str], first: date, end: date
) -> tuple[list[tuple[str, str]], Floats]:
    """Series (disease, commune) that have a case, and (S, T) their cases a week; whole weeks from `first` to `end`."""
    weeks = (end - first).days // WEEK
    keys = sorted(set(zip(disease, commune, strict=True)))
    place = {key: index for index, key in enumerate(keys)}
    counts = np.zeros((len(keys), weeks))
    for one, key in zip(day, zip(disease, commune, strict=True), strict=True):
        week = (one - first).days // WEEK
        if 0 <= week < weeks:
            counts[place[key], week] += 1
    return keys, counts


def twin_outbreaks(
    cases: Mapping[str, Sequence[object]],
    outbreaks: Sequence[Mapping[str, object]],
    first: date,
    end: date,
    methods: Mapping[str, tuple[str, Mapping[str, str]]],
    *,
    years: int = 1,
) -> list[Quality]:
    """The last `years` years, or what of them a method can judge; one that can judge nothing has no line.

    cases        columns `day` (of the first visit), `disease`, `commune`, `outbreak_no` of the cases that were seen
    outbreaks    `outbreak_no`, `disease`, `communes`, `first`, `end`
    An outbreak counts once, in the commune where most of its cases are; alarms in its other communes while it lasts are
    neither found nor false.
    """
    day, disease, commune_of = ([*cases[name]] for name in ("day", "disease", "commune"))
    keys, counts = weekly([_day(one) for one in day], [*map(str, disease)], [*map(str, commune_of)], first, end)
    place = {key: index for index, key in enumerate(keys)}
    number = np.zeros(counts.shape, dtype=np.int64)
    touched = np.zeros(counts.shape, dtype=bool)
    seen = list(zip(cases["outbreak_no"], cases["commune"], strict=True))
    for one in outbreaks:
        begin, stop = ((_day(one[name]) - first).days for name in ("first", "end"))
        span = slice(max(begin // WEEK, 0), max(-(-stop // WEEK), 0) + 1)
        of = [commune for no, commune in seen if no == one["outbreak_no"]]
        for commune in set(of):
            touched[place[str(one["disease"]), str(commune)], span] = True
        if len(of) >= LEAST_CASES:
            most = max(sorted(set(of), key=str), key=of.count)
            number[place[str(one["disease"]), str(most)], span] = int(str(one["outbreak_no"]))
    panel = Panel(counts, 52)
    found = []
    for label, (method, given) in methods.items():
        last = min(years * 52, judgeable(panel, method, given))
        if not last:
            continue
        alarms = detect(panel, method, given, last=last)
        there = number[:, alarms.at]
        found.append(judge("twin", label, alarms.alarm, _whole(there), 52, quiet=~touched[:, alarms.at]))
    return found


def _day(value: object) -> date:
    if not isinstance(value, date):
        raise TypeError("a date is needed")
    return value


def _whole(number: Integers) -> Integers:
    """Without the outbreaks that began before the first week judged: their first alarm is not seen."""
    return np.where(np.isin(number, np.unique(number[:, 0])), 0, number)
