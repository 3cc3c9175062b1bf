"""What brings people to a facility from one day to the next: falling ill, getting hurt, being sent on."""

from __future__ import annotations

from typing import Any

import numpy as np

from bienho.synthetic.events.draw import Array
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.frame import DAY, Rows
from bienho.synthetic.events.world import BANDS, Segment, World

Chance = np.random.Generator
# Acute visits per person and year by age band; notifiable diseases and what follows from courses come on top.
_RATE = np.array([2.5, 1.05, 0.7, 1.0, 1.35])
_STEADY = 2.0  # shape of the spread between people: some are often ill
_REFERRED = np.zeros(10)
_REFERRED[[1, 3, 6]] = (0.012, 0.09, 0.09)
_DOSES = np.array([3, 5, 5, 7])


def everyday(w: World, rng: Chance, folk: Folk, part: Segment) -> Rows:
    """Acute visits of one year."""
    first = np.maximum(folk.enter, np.maximum(part.first, folk.birth + 20))
    length = np.maximum(0, np.minimum(part.end, folk.leave + 1) - first)
    band = np.searchsorted(BANDS, w.age(folk.birth, part.first), side="right")
    mean = _RATE[band] * length / 365.25 * rng.gamma(_STEADY, 1 / _STEADY, folk.size)
    who = np.repeat(np.arange(folk.size), rng.poisson(mean))
    day = first[who] + (rng.random(len(who)) * length[who]).astype(np.int64)
    return acute(w, rng, folk, who, day, draw_case(w, rng, folk, who, day))


def draw_case(w: World, rng: Chance, folk: Folk, who: Array, day: Array) -> Array:
    """A condition for each person and day, by age band, sex, side and month."""
    band = np.searchsorted(BANDS, w.age(folk.birth[who], day), side="right")
    group = ((band * 2 + folk.female[who]) * 2 + folk.side[who]) * 12 + w.days.month(day)
    return w.everyday.draw(rng, group)


def acute(
    w: World, rng: Chance, folk: Folk, who: Array, day: Array, case: Array, *, refer: bool = True, settled: bool = False
) -> Rows:
    """A visit for each person, day and condition, in that order, then those at facilities they were sent on to.

    `settled`: they come on that very day (a case already decided), and do not wait for a working day.
    """
    size = len(who)
    age = w.age(folk.birth[who], day)
    often = np.where((age < 2) | (age > 70), 1.4, 1.0)
    stays = rng.random(size) < np.minimum(1.0, w.inpatient[case] * often)
    roll = rng.random(size)
    level = np.where(roll < 0.42, 1, np.where(roll < 0.78, 2, 3))
    ward = np.where((w.level[case] == 1) & (w.stay[case] <= 4) & (roll < 0.12), 1, np.where(roll > 0.68, 3, 2))
    level = np.maximum(np.where(stays, ward, level), w.level[case])
    place = folk.place_on(who, day)
    clinic = w.nearby.draw(rng, place, level, w.special[case])
    rows = Rows(size, person=who, condition=case, clinic=clinic)
    out, inn = np.flatnonzero(~stays), np.flatnonzero(stays)
    if not settled:
        could_wait = out[~w.injury[case[out]]]
        day = day.copy()
        day[could_wait] = w.days.attend(rng, w.nearby.level[clinic[could_wait]], day[could_wait])
    _fill(rows, out, outpatient(w, rng, case[out], clinic[out], day[out]))
    _fill(rows, inn, inpatient(w, rng, case[inn], clinic[inn], day[inn]))
    if not refer:
        return rows
    second = _sent_on(w, rng, folk, rows)
    both = Rows.concat([rows, second])
    both["pair"] = np.concatenate([np.full(size, -1), second["pair"]])  # among the rows of both
    return both


def _fill(rows: Rows, at: Array, values: dict[str, Any]) -> None:
    for name, value in values.items():
        rows[name][at] = value


def outpatient(w: World, rng: Chance, case: Array, clinic: Array, day: Array) -> dict[str, Any]:
    """Kind, moments and days of outpatient visits; some are courses of acupuncture over days."""
    size = len(case)
    level = w.nearby.level[clinic]
    start = day * DAY + _morning(rng, size)
    minutes = np.where(level == 1, rng.integers(25, 60, size), rng.integers(60, 200, size))
    course = w.needled[case] & (level > 1) & (rng.random(size) < 0.35)
    length = rng.integers(5, 11, size)
    last = (day + length - 1) * DAY + 16 * 60 + rng.integers(60, size=size)
    return {
        "kind": np.where(course, 2, 1),
        "start": start,
        "end": np.where(course, last, start + minutes),
        "days": np.where(course, length, _DOSES[rng.integers(4, size=size)]),
        "emergency": w.injury[case] & ~course,
    }


def _morning(rng: Chance, size: int) -> Array:
    """A minute of the day at which outpatients come: from seven to four, more of them early."""
    drawn = np.where(rng.random(size) < 0.55, rng.beta(1.6, 3.0, size) * 5, 6 + rng.random(size) * 3)
    return 7 * 60 + (drawn * 60).astype(np.int64)


def inpatient(w: World, rng: Chance, case: Array, clinic: Array, day: Array) -> dict[str, Any]:
    """Kind, moments and days of stays: wards, station beds, day treatment, less than four hours."""
    size = len(case)
    level, roll = w.nearby.level[clinic], rng.random(size)
    able = (level > 1) & w.common[case]
    short = able & (roll < 0.03)
    by_day = able & (roll > 0.95) & (w.special[case] == w.special_of("trad"))
    minute = np.where(by_day, 7 * 60 + rng.integers(60, size=size), rng.integers(DAY, size=size))
    start = day * DAY + minute
    days = np.maximum(2, np.rint(w.stay[case] * (0.6 + rng.random(size) * 0.8)).astype(np.int64))
    end = (day + days - 1) * DAY + 8 * 60 + rng.integers(8 * 60, size=size)
    longer = end - start < 6 * 60
    return {
        "kind": np.where(short, 9, np.where(by_day, 4, np.where(level == 1, 6, 3))),
        "start": start,
        "end": np.where(short, start + rng.integers(130, 225, size), end + longer * DAY),
        "days": np.where(short, 1, days + longer),
        "emergency": short | w.injury[case] | (rng.random(size) < 0.3),
    }


def _sent_on(w: World, rng: Chance, folk: Folk, rows: Rows) -> Rows:
    """Visits at the hospitals some are referred to, hours after the first ended; marks the first ones."""
    moved = (w.nearby.level[rows["clinic"]] < 3) & (rng.random(len(rows)) < _REFERRED[rows["kind"]])
    at = np.flatnonzero(moved)
    case, who = rows["condition"][at], rows["person"][at]
    place = folk.place_on(who, rows["start"][at] // DAY)
    target = w.nearby.draw(rng, place, np.full(len(at), 3), w.special[case])
    right = target != rows["clinic"][at]
    at, target, case = at[right], target[right], case[right]
    size = len(at)
    slip = rng.integers(100_000, size=size)
    rows["target"][at], rows["slip"][at] = target, slip
    begin = rows["end"][at] + rng.integers(90, 240, size)
    out = rows["kind"][at] == 1
    stay = inpatient(w, rng, case, target, begin // DAY)
    end = np.maximum(stay["end"], begin + 30 * 60)
    return Rows(
        size,
        person=rows["person"][at],
        condition=case,
        clinic=target,
        kind=np.where(out, 1, 3),
        start=begin,
        end=np.where(out, begin + rng.integers(60, 200, size), end),
        days=np.where(out, 5, end // DAY - begin // DAY + 1),
        emergency=~out & stay["emergency"],
        origin=rows["clinic"][at],
        slip=slip,
        pair=at,
    )


def overbilled(w: World, rng: Chance, rows: Rows) -> None:
    """The billing anomaly of a scenario: who could go home is kept, who stays is kept longer."""
    for effect in w.staging.effects:
        if effect.does != "billing":
            continue
        day = rows["start"] // DAY
        first, end = w.day(effect.first), w.day(effect.end)
        here = (rows["clinic"] == w.clinics[effect.facility]) & (day >= first) & (day < end) & ~rows["firm"]
        here &= rows["course"] < 0
        chosen = here & (rng.random(len(rows)) < effect.strength)
        kept = np.flatnonzero(
            chosen & (rows["kind"] == 1) & (w.inpatient[rows["condition"]] > 0) & (rows["target"] < 0)
        )
        longer = np.flatnonzero(chosen & (rows["kind"] == 3))
        days = rng.integers(3, 6, len(kept))
        rows["kind"][kept], rows["days"][kept] = 3, days
        rows["end"][kept] = (day[kept] + days - 1) * DAY + rows["end"][kept] % DAY
        rows["days"][longer] += 3
        rows["end"][longer] += 3 * DAY
