"""The scores worked out a dossier at a time in plain Python, from the words of the formula. Shares no SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from statistics import median_low
from typing import Any

from bienho.core.holidays import holidays
from bienho.quality.scores import DIMENSIONS, TOTAL, Formula
from support.score_worlds import World

Cell = tuple[str, date]
OFF = holidays(2020, 2030)


def local(moment: Any) -> date:
    return (moment + timedelta(hours=7)).date()


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def working_days(start: date, end: date) -> int:
    """Working days after `start` up to `end`."""
    days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
    return sum(day.weekday() < 5 and day not in OFF for day in days)


def slow_scores(world: World, formula: Formula, as_of: date) -> dict[tuple[str, date, str], Decimal]:
    """(facility, week, dimension) → score of visits; what cannot be judged is not there."""
    first = monday(as_of) - timedelta(weeks=formula.weeks - 1)
    delivered = {row["delivery_seq"]: row for row in world["standard.delivery"]}
    lost: dict[tuple[str, date, str], Fraction] = defaultdict(Fraction)
    count: dict[Cell, int] = defaultdict(int)
    extra: dict[Cell, int] = defaultdict(int)
    per_day: dict[tuple[str, date], int] = defaultdict(int)
    for head in world["standard.xml130_dossier"]:
        day, sent = _days(world, head, delivered)
        if day < first - timedelta(weeks=formula.volume.weeks):
            continue
        cell = (head["facility_code"], monday(day))
        count[cell] += 1
        per_day[head["facility_code"], day] += 1
        if cell[1] >= first:
            for dimension, weight in _faults(world, formula, head, day, sent).items():
                lost[(*cell, dimension)] += Fraction(min(weight, 1000), 1000)
    for facility, day, weight in _loose(world, formula, delivered):
        if day >= first:
            extra[facility, monday(day)] += 1
            lost[facility, monday(day), "sach"] += Fraction(weight, 1000)
    out: dict[tuple[str, date, str], Decimal] = {}
    facilities = {facility for facility, _ in [*count, *extra]}
    for facility in facilities:
        known = [week for place, week in count if place == facility]
        start = min(known, default=None)
        week = first
        while week <= monday(as_of):
            n = count[facility, week]
            expected, missing = (
                _volume(formula, per_day, facility, start, week, as_of) if start and start <= week else (0, 0)
            )
            units = dict.fromkeys(DIMENSIONS, n) | {"du": max(n, expected), "sach": n + extra[facility, week]}
            gone = {name: lost[facility, week, name] for name in DIMENSIONS}
            gone["du"] += missing
            _score(out, formula, (facility, week), units, gone)
            week += timedelta(weeks=1)
    return out


def _score(out: Any, formula: Formula, cell: Cell, units: Mapping[str, int], gone: Mapping[str, Fraction]) -> None:
    shares, total = 0, Fraction(0)
    for dimension in formula.dimensions:
        if units[dimension.id]:
            points = _rounded(100 * gone[dimension.id] / units[dimension.id])
            out[(*cell, dimension.id)] = Decimal(100) - points
            shares += dimension.weight
            total += dimension.weight * Fraction(points)
    if shares:
        out[(*cell, TOTAL)] = Decimal(100) - _rounded(total / shares)


def _rounded(value: Fraction) -> Decimal:
    """Half up at the sixth digit."""
    return Decimal((2 * value * 1_000_000 + 1) // 2) / 1_000_000


def _days(world: World, head: Mapping[str, Any], delivered: Mapping[int, Any]) -> tuple[date, date]:
    received = local(head["received_at"])
    older = [
        local(delivered[row["version_id"] // 1_000_000]["received_at"])
        for row in world["standard.superseded"]
        if row["dossier_key"] == head["dossier_key"]
    ]
    sent = min([received, *older])
    service = _of(world, "conformed.encounter", head)["service_date"]
    fits = service and sent - timedelta(days=400) <= service <= received + timedelta(days=1)
    return (service if fits else sent), sent


def _of(world: World, table: str, head: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(row for row in world[table] if row["version_id"] == head["version_id"])


def _faults(world: World, formula: Formula, head: Mapping[str, Any], day: date, sent: date) -> dict[str, int]:
    weights: dict[str, int] = defaultdict(int)
    codes = {one.code: one for one in formula.faults if one.code}
    rules = {one.rule: one for one in formula.faults if one.rule}
    for row in world["quality.finding"]:
        if row["version_id"] != head["version_id"]:
            continue
        named = rules.get(row["rule"]) or codes.get(row["code"])
        weight = formula.severity[row["severity"]]
        if named and named.weight is not None:
            weight = named.weight
        weights[named.dimension if named else formula.otherwise] += weight
    visit = _of(world, "conformed.encounter", head)
    lacking = {
        "SCORE-LINK": _of(world, "standard.xml130_1", head)["SO_CCCD"] != "*",
        "SCORE-PERSON": visit["sex"] is None,
        "SCORE-EDITION": head["format_version"] in formula.editions and day > formula.editions[head["format_version"]],
        "SCORE-FACILITY": visit["facility_canonical"] is None,
        "SCORE-COMMUNE": visit["commune_canonical"] is None,
        "SCORE-VISIT-TYPE": visit["visit_type_name"] is None,
        "SCORE-DIAGNOSIS": not _of(world, "conformed.condition", head)["in_list"],
    }
    for code, true in lacking.items():
        if true:
            weights[codes[code].dimension] += codes[code].weight or 0
    late = [one for one in formula.late if working_days(day, sent) > one.after] if sent > day else []
    if late:
        weights["song"] += late[-1].weight
    return weights


def _loose(world: World, formula: Formula, delivered: Mapping[int, Any]) -> list[tuple[str, date, int]]:
    copy = next(one for one in formula.faults if one.code == "IN-DUPLICATE")
    told = [
        (row["facility_code"], local(row["received_at"]), formula.quarantine) for row in world["quality.quarantine"]
    ]
    for row in world["standard.duplicate"]:
        came = delivered[row["version_id"] // 1_000_000]
        told.append((came["facility_code"], local(came["received_at"]), copy.weight or 0))
    return told


def _volume(
    formula: Formula, per_day: Mapping[tuple[str, date], int], facility: str, start: date, week: date, as_of: date
) -> tuple[int, int]:
    """(expected, missing) of a week; (0, 0) where it cannot be judged."""
    said = formula.volume
    before = [week - timedelta(weeks=n) for n in range(1, said.weeks + 1)]
    before = [one for one in before if one >= start]
    if len(before) < said.least_weeks or week + timedelta(days=7 + formula.closed_after_days) > as_of:
        return 0, 0
    days = [[one + timedelta(days=n) for n in range(7)] for one in before]
    usual = {}
    for kind in range(7):
        alike = [per_day.get((facility, day), 0) for seven in days for day in seven if _kind(day) == kind]
        usual[kind] = median_low(alike) if alike else 0
    this = [week + timedelta(days=n) for n in range(7)]
    expected = sum(usual[_kind(day)] for day in this)
    totals = [sum(per_day.get((facility, day), 0) for day in seven) for seven in days]
    middle = median_low(totals)
    spread = median_low([abs(total - middle) for total in totals])
    allowed = max(-(-expected * said.tolerance_percent // 100), said.deviations * 1483 * spread // 1000)
    received = sum(per_day.get((facility, day), 0) for day in this)
    return expected, max(0, expected - received - allowed)


def _kind(day: date) -> int:
    return 6 if day in OFF else day.weekday()
