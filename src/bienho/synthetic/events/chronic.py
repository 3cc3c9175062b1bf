"""Courses over months: chronic patients and their re-examinations kept or missed, tuberculosis, HIV, dialysis."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bienho.synthetic.dossiers.courses import TB_DAYS, Hiv, hiv_of, tb_of
from bienho.synthetic.events.acute import Chance, inpatient
from bienho.synthetic.events.days import day_of, number
from bienho.synthetic.events.draw import Array
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.frame import DAY, Rows
from bienho.synthetic.events.world import BANDS, Segment, World

_ADHERENCE = (0.80, 0.14)  # share of due visits a person keeps: mean and spread among people
_STEP = 28
_NONE = -1


@dataclass(slots=True)
class Courses:
    """The courses of a block, numbered from 0 in the order in which they are added."""

    person: list[Array] = field(default_factory=list)
    condition: list[Array] = field(default_factory=list)
    began: list[Array] = field(default_factory=list)
    due: list[Array] = field(default_factory=list)
    facts: dict[int, tuple[bool, bool, Hiv | None]] = field(default_factory=dict)
    size: int = 0

    def add(self, person: Array, condition: Array, began: Array, due: Array) -> Array:
        """Numbers of new courses."""
        self.person.append(person)
        self.condition.append(condition)
        self.began.append(began)
        self.due.append(due)
        first, self.size = self.size, self.size + len(person)
        return np.arange(first, self.size)


def chronic_of(w: World, folk: Folk, who: Array, day: Array, fate: Array) -> tuple[Array, Array]:
    """(main condition or -1, up to four others) of people on a day; `fate` is (people, chronic conditions) for good."""
    chronic = _chronic(w)
    # (band, side, sex, condition)
    shares = (w.weights[chronic].T / 100)[:, None, None] * w.risk[chronic].T[:, None] * w.for_sex[chronic].T
    band = np.searchsorted(BANDS, w.age(folk.birth[who], day), side="right")
    has = fate.take(who, axis=0) < shares[band, folk.side[who], folk.female[who]]
    ill = np.flatnonzero(has.any(axis=1))
    order = np.argsort(~has[ill], axis=1, kind="stable")[:, :5]
    found = np.full((len(who), 5), _NONE)
    found[ill] = np.where(np.take_along_axis(has[ill], order, axis=1), chronic[order], _NONE)
    return found[:, 0], found[:, 1:]


def _chronic(w: World) -> Array:
    return np.sort(np.concatenate([w.kinds["chronic"], w.kinds["dialysis"]]))


def fates(w: World, rng: Chance, folk: Folk) -> Array:
    """One number per person and chronic condition: who gets it, and at which prevalence."""
    return rng.random((folk.size, len(_chronic(w))), dtype=np.float32)


def reexaminations(w: World, rng: Chance, folk: Folk, part: Segment, fate: Array, courses: Courses) -> Rows:
    """The visits of chronic patients in one year, every four weeks or so, some of them missed."""
    here = np.flatnonzero((folk.enter < part.end) & (folk.leave >= part.first))
    main, rest = chronic_of(w, folk, here, np.full(len(here), part.first), fate)
    ill = main >= 0
    who, main, rest = here[ill], main[ill], rest[ill]
    size = len(who)
    turns = (part.end - part.first) // 27 + 1
    gaps = rng.integers(27, 34, (size, turns))
    gaps[main == w.kinds["dialysis"][0]] = 30
    gaps[:, 0] = rng.integers(0, 28, size)
    due = part.first + np.cumsum(gaps, axis=1)
    keeps = np.clip(_ADHERENCE[0] + _ADHERENCE[1] * rng.standard_normal(size), 0.1, 1)
    open_ = (due < part.end) & (due >= folk.enter[who, None]) & (due <= folk.leave[who, None])
    kept = open_ & (rng.random((size, turns)) < keeps[:, None])
    course = courses.add(who, main, due[:, 0], open_.sum(axis=1))
    level = np.maximum(w.level[main], np.where(rng.random(size) < 0.45, 1, 2))
    level[main == w.kinds["dialysis"][0]] = 3
    usual = w.nearby.draw(rng, folk.place_on(who, due[:, 0]), level, w.special[main])
    at, turn = np.nonzero(kept)
    rows = routine(w, rng, folk, who[at], main[at], rest[at], usual[at], due[at, turn])
    rows["course"] = course[at]
    return rows


def routine(w: World, rng: Chance, folk: Folk, who: Array, main: Array, rest: Array, usual: Array, due: Array) -> Rows:
    """A re-examination for each person and day: a visit, treatment at home, medicine alone, or a stay."""
    size = len(who)
    dialysis = main == w.kinds["dialysis"][0]
    stays = ~dialysis & (rng.random(size) < w.inpatient[main])
    clinic = usual.copy()
    day = np.where(stays | dialysis, due, w.days.attend(rng, w.nearby.level[clinic], due))
    start = day * DAY + 6 * 60 + rng.integers(9 * 60, size=size)
    roll, at_home = rng.random(size), w.nearby.at_home[usual]
    kind = np.where(roll < 0.04, 7, np.where(roll < 0.04 + at_home, 5, 8))
    end = np.where(kind == 8, start + rng.integers(90, 240, size), (day + _STEP - 1) * DAY + 17 * 60)
    kind[dialysis] = 2
    end[dialysis] = (day[dialysis] + _STEP - 1) * DAY + 17 * 60 + rng.integers(60, size=int(dialysis.sum()))
    rows = Rows(size, person=who, condition=main, clinic=clinic, kind=kind, start=start, end=end, days=_STEP)
    at = np.flatnonzero(stays)
    high = np.maximum(2, w.level[main[at]])
    rows["clinic"][at] = w.nearby.draw(rng, folk.place_on(who[at], day[at]), high, w.special[main[at]])
    for name, value in inpatient(w, rng, main[at], rows["clinic"][at], day[at]).items():
        rows[name][at] = value
    for place in range(4):
        rows[f"rest{place}"] = rest[:, place]
    return rows


def programmes(w: World, rng: Chance, folk: Folk, courses: Courses) -> Rows:
    """Visits of people with tuberculosis (six months) or HIV (to the end), every four weeks at one clinic."""
    taken = np.zeros(folk.size, dtype=bool)
    parts = []
    for case in (*w.kinds["tb"], *w.kinds["hiv"]):
        tb = w.cases[case].kind == "tb"
        years = w.segments if tb else w.segments[:1]
        for part in years:
            band = np.searchsorted(BANDS, w.age(folk.birth, part.first), side="right")
            share = w.weights[case][band] / 100 * w.risk[case][folk.side]
            chosen = ~taken & (rng.random(folk.size) < share) & (folk.enter <= part.first) & (folk.leave > part.first)
            who = np.flatnonzero(chosen)
            if tb:
                begin = part.first + rng.integers(-120 if part.number == 0 else 0, part.end - part.first, len(who))
            else:
                begin = part.first + rng.integers(_STEP, size=len(who))
            keep = folk.there(who, begin)
            if not tb:
                old = [w.age(folk.birth[n], number(hiv_of(w.seed, int(folk.no[n])).confirmed)) >= 16 for n in who]
                keep &= np.array(old, dtype=bool)
            who, begin = who[keep], begin[keep]
            taken[who] = True
            parts.append(course_visits(w, rng, folk, int(case), who, begin, courses))
    return Rows.concat(parts)


def course_visits(
    w: World, rng: Chance, folk: Folk, case: int, who: Array, begin: Array, courses: Courses, turns: int = 0
) -> Rows:
    """All visits of courses of one condition that began on some days; `turns` limits their number."""
    tb = w.cases[case].kind == "tb"
    place = folk.place_on(who, begin)
    clinic = w.nearby.programme(w.cases[case].kind, 2, place)
    if clinic is None or not len(who):
        return Rows(0)
    size = len(who)
    limit = turns or (TB_DAYS // _STEP + 1 if tb else (w.end - w.first) // _STEP + 1)
    due = begin[:, None] + np.arange(limit) * _STEP
    stays = tb & (rng.random(size) < w.inpatient[case])
    ward = w.nearby.programme(w.cases[case].kind, 3, place)
    stay = inpatient(w, rng, np.full(size, case), clinic if ward is None else ward, begin)
    after = stay["end"] // DAY + 1
    due[stays, 1:] = after[stays, None] + np.arange(limit - 1) * _STEP
    open_ = (due < w.end) & (due <= folk.leave[who, None])
    if tb:
        open_ &= due <= begin[:, None] + TB_DAYS
    course = courses.add(who, np.full(size, case), begin, open_.sum(axis=1))
    both = _facts(w, folk, case, who, begin, course, courses)
    at, turn = np.nonzero(open_)
    day = due[at, turn]
    start = day * DAY + 7 * 60 + rng.integers(8 * 60, size=len(at))
    rows = Rows(
        len(at), person=who[at], condition=case, clinic=clinic[at], kind=5, start=start,
        end=(day + _STEP - 1) * DAY + 17 * 60, days=_STEP, course=course[at],
        rest0=np.where(both[at], w.code_of["B24"], _NONE),
    )  # fmt: skip
    inside = np.flatnonzero((turn == 0) & stays[at])
    of = at[inside]
    for name in ("start", "end", "days", "emergency"):
        rows[name][inside] = stay[name][of]
    rows["kind"][inside] = 3
    rows["clinic"][inside] = (clinic if ward is None else ward)[of]
    return rows


def _facts(w: World, folk: Folk, case: int, who: Array, begin: Array, course: Array, courses: Courses) -> Array:
    """Facts of courses that stand on every visit, told by the person alone; gives who has tuberculosis and HIV."""
    both = np.zeros(len(who), dtype=bool)
    confirmed = w.cases[case].code == "A15.0"
    for place, (row, day, name) in enumerate(zip(who.tolist(), begin.tolist(), course.tolist(), strict=True)):
        person = int(folk.no[row])
        if w.cases[case].kind == "tb":
            age = float(w.age(folk.birth[row], day))
            tb = tb_of(w.seed, person, age, day_of(day), confirmed=confirmed)
            courses.facts[name] = (confirmed, tb.retreated, tb.hiv)
            both[place] = tb.hiv is not None
        else:
            courses.facts[name] = (False, False, hiv_of(w.seed, person))
    return both
