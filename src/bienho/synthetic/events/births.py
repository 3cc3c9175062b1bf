"""Pregnancies, births and newborns that agree with the kin among the people; the last stays of the dying."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bienho.synthetic.chance import stream
from bienho.synthetic.events.acute import Chance, acute, inpatient
from bienho.synthetic.events.draw import Array, pick
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.frame import DAY, FAR, Rows
from bienho.synthetic.events.world import PROVINCE, World
from bienho.synthetic.people import names

PREGNANCY = ("O20.0", "O47.9")  # conditions for which a pregnant woman is sent to rest
_CHECKS = (196, 140, 84, 42, 14)  # days before the birth at which a check is due
_TWINS = 0.013
_ELSEWHERE = 0.03  # births a year of women of a sample whose children it does not hold
_LAST_STAY = 0.45  # of those who die, a planning figure
_FATAL = {"I63.9": 3, "J18.9": 3, "I50.9": 2, "K74.6": 1, "J44.9": 1, "N18.9": 1, "S06.0": 1}


@dataclass(slots=True)
class Births:
    """Deliveries and their children. Per delivery: `mother` (row), `moment` (minute of the first child), `weeks`,
    `order` and `living` of the mother. Per child: `of` (delivery), `child` (row, -1: nobody of the block), `born`,
    `female`, `weight` in grams, `name`."""

    mother: Array
    moment: Array
    weeks: Array
    order: Array
    living: Array
    of: Array
    child: Array
    born: Array
    female: Array
    weight: Array
    name: pa.Array
    father: pa.Array

    def take(self, some: Array) -> Births:
        """Some of the deliveries, renumbered, with their children."""
        now = np.full(len(self.mother), -1)
        now[some] = np.arange(len(some))
        kept = np.flatnonzero(now[self.of] >= 0)
        kept = kept[np.argsort(now[self.of[kept]], kind="stable")]
        return Births(
            self.mother[some], self.moment[some], self.weeks[some], self.order[some], self.living[some],
            now[self.of[kept]], self.child[kept], self.born[kept], self.female[kept], self.weight[kept],
            self.name.take(pa.array(kept)), self.father.take(pa.array(some)),
        )  # fmt: skip

    @staticmethod
    def joined(a: Births, b: Births) -> Births:
        """Deliveries of both, those of `b` numbered after those of `a`."""

        def cat(x: Array, y: Array) -> Array:
            return np.concatenate([x, y])

        return Births(
            cat(a.mother, b.mother), cat(a.moment, b.moment), cat(a.weeks, b.weeks), cat(a.order, b.order),
            cat(a.living, b.living), cat(a.of, b.of + len(a.mother)), cat(a.child, b.child), cat(a.born, b.born),
            cat(a.female, b.female), cat(a.weight, b.weight),
            pa.concat_arrays([a.name, b.name]), pa.concat_arrays([a.father, b.father]),
        )  # fmt: skip


def births_within(w: World, rng: Chance, folk: Folk) -> Births:
    """All births of mothers of the block whose children are in it too: children born within a day are one birth."""
    child = np.flatnonzero(folk.mother >= 0)
    child = child[np.lexsort((folk.minute[child], folk.birth[child], folk.mother[child]))]
    mother, day = folk.mother[child], folk.birth[child]
    new = np.ones(len(child), dtype=bool)
    new[1:] = (mother[1:] != mother[:-1]) | (day[1:] - day[:-1] > 1)
    of = np.cumsum(new) - 1
    head = np.flatnonzero(new)
    count = np.bincount(of, minlength=len(head))
    eldest = np.searchsorted(mother, mother)  # place of the first child of the same mother
    order = of[head] - of[eldest[head]] + 1
    living = head + count - eldest[head]
    minute = np.where(folk.minute[child] > 0, folk.minute[child], rng.integers(1, 1400, len(child)))
    first = (day * DAY + minute)[head]
    place = np.arange(len(child)) - head[of]
    spaced = np.minimum(first[of] + 9 * place, first[of] // DAY * DAY + DAY - 1)
    told = (folk.minute[child] > 0) & (place > 0)
    born = np.where(place == 0, first[of], np.where(told, np.maximum(day * DAY + minute, first[of]), spaced))
    weeks = _weeks(rng, count)
    weight = _weight(rng, weeks[of], count[of])
    fathers = folk.father[child[head]]
    father = folk.names.take(pa.array(fathers, mask=fathers < 0)).fill_null("")
    return Births(
        mother[head],
        first,
        weeks,
        order,
        living,
        of,
        child,
        born,
        folk.female[child].astype(bool),
        weight,
        folk.names.take(pa.array(child)),
        father,
    )


def births_elsewhere(w: World, rng: Chance, folk: Folk, mother: Array, day: Array) -> Births:
    """Births of women whose children are not among the people, at a moment of a day each."""
    size = len(mother)
    count = 1 + (rng.random(size) < _TWINS)
    weeks = _weeks(rng, count)
    moment = day * DAY + rng.integers(DAY - 30, size=size)
    of = np.repeat(np.arange(size), count)
    place = np.arange(len(of)) - (np.cumsum(count) - count)[of]
    order = 1 + (rng.random(size) < 0.5) + (rng.random(size) < 0.15)
    female = rng.random(len(of)) < 0.485
    named = rng.random(len(of)) < 0.9
    name = []
    for n, (row, girl) in enumerate(zip(mother[of].tolist(), female.tolist(), strict=True)):
        r = stream(w.seed, "newborn", int(folk.no[row]), int(day[of[n]]), int(place[n]))
        people = folk.peoples[row].as_py()
        family = names.family_name(r, people, w.atlas.places[int(folk.place[row])].side)
        year = int(day[of[n]] // 365.2425) + 1970
        name.append(names.full_name(r, people, family, "F" if girl else "M", year) if named[n] else "")
    return Births(
        mother, moment, weeks, order, order - 1 + count, of, np.full(len(of), -1), moment[of] + 9 * place, female,
        _weight(rng, weeks[of], count[of]), pa.array(name, pa.string()), pa.array([""] * size, pa.string()),
    )  # fmt: skip


def _weeks(rng: Chance, count: Array) -> Array:
    """Completed weeks of pregnancy; one birth in seventy comes before 32 weeks."""
    size = len(count)
    usual = np.clip(np.rint(np.where(count == 1, 39, 36.5) + 1.2 * rng.standard_normal(size)), 34, 41)
    early = rng.random(size) < 0.014 * count
    return np.where(early, rng.integers(28, 32, size), usual).astype(np.int64)


def _weight(rng: Chance, weeks: Array, count: Array) -> Array:
    expected = 3150 - (40 - weeks) * 145 - 180 * (count - 1)
    drawn = expected + 300 * rng.standard_normal(len(weeks))
    return (np.rint(np.clip(drawn, 900, 4300) / 10) * 10).astype(np.int64)


def window_births(w: World, rng: Chance, folk: Folk, within: Births) -> Births:
    """Births within the window: of the people, and of women of a sample whose children it does not hold."""
    day = within.moment // DAY
    here = (day >= w.first) & (day < w.end) & folk.there(within.mother, day)
    mothers = np.zeros(folk.size, dtype=bool)
    mothers[within.mother] = True
    age = w.age(folk.birth, w.first)
    may = folk.female.astype(bool) & ~mothers & (age >= 18) & (age < 42)
    length = w.end - w.first
    rate = _ELSEWHERE * length / 365 * max(0.0, 1 - w.plan.persons / PROVINCE)
    who = np.flatnonzero(may & (rng.random(folk.size) < min(0.9, rate)))
    day = w.first + rng.integers(length, size=len(who))
    stay = folk.there(who, day)
    return Births.joined(within.take(np.flatnonzero(here)), births_elsewhere(w, rng, folk, who[stay], day[stay]))


def birth_stays(w: World, rng: Chance, folk: Folk, births: Births) -> Rows:
    """The stay of each birth, in the order of the births."""
    size = len(births.mother)
    many = np.bincount(births.of, minlength=size) > 1
    case = np.empty(size, dtype=np.int64)
    for kind, mask in (("birth", ~many), ("twins", many)):
        options = w.kinds[kind]
        case[mask] = options[pick(rng, w.weights[options, 2], int(mask.sum()))]
    day = births.moment // DAY
    level = np.where(rng.random(size) < 0.55, 2, 3)
    clinic = w.nearby.draw(rng, folk.place_on(births.mother, day), level, w.special[case])
    start = births.moment - rng.integers(60, 900, size)
    length = np.maximum(3, np.rint(w.stay[case] * (0.7 + rng.random(size) * 0.6)).astype(np.int64))
    end = (day + length - 1) * DAY + 8 * 60 + rng.integers(8 * 60, size=size)
    return Rows(
        size, person=births.mother, condition=case, kind=3, start=start, end=end, days=end // DAY - start // DAY + 1,
        emergency=rng.random(size) < 0.6, clinic=clinic, delivery=np.arange(size), firm=1,
    )  # fmt: skip


def pregnancy_visits(w: World, rng: Chance, folk: Folk, births: Births, stays: Rows) -> Rows:
    """Before the births: checks kept or missed, and for some a threatened pregnancy or false labour."""
    born, mother = births.moment // DAY, births.mother
    away = rng.integers(40, 150, len(mother))
    troubled = rng.random(len(mother)) < np.where(folk.employed[mother], 0.9, 0.3)
    at = np.flatnonzero(troubled & (born - away >= w.first))
    reasons = np.array([w.code_of[code] for code in PREGNANCY])
    case = reasons[rng.integers(len(reasons), size=len(at))]
    rested = acute(w, rng, folk, mother[at], born[at] - away[at], case, refer=False)
    rested["expected"], rested["delivery"] = stays["start"][at] // DAY, at
    keeps = np.where(folk.kinh[mother], 0.8, 0.5)
    due = born[:, None] - np.array(_CHECKS)
    kept = (rng.random(due.shape) < keeps[:, None]) & (due >= w.first)
    who, turn = np.nonzero(kept)
    check = w.kinds["antenatal"][0]
    seen = acute(w, rng, folk, mother[who], due[who, turn], np.full(len(who), check), refer=False)
    seen["delivery"], seen["days"] = who, 28
    return Rows.concat([rested, seen])


def possible(w: World, rows: Rows, *known: Births) -> Rows:
    """Visits without those for a pregnancy that cannot be: soon after a birth, or lost on the way to one."""
    pregnant = np.array([case.code.startswith("O") for case in w.cases])
    at = np.flatnonzero(pregnant[rows["condition"]])
    mother, born = (np.concatenate([getattr(one, name) for one in known]) for name in ("mother", "moment"))
    order = np.argsort(mother, kind="stable")
    mother, born = mother[order], born[order] // DAY
    who, day = rows["person"][at], rows["start"][at] // DAY
    left = np.searchsorted(mother, who)
    count = np.searchsorted(mother, who, side="right") - left
    of = np.repeat(np.arange(len(at)), count)
    near = born[np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count) + left[of]] - day[of]
    keep = np.ones(len(rows), dtype=bool)
    keep[at[of[(near > -90) & (near < 290)]]] = False
    return rows.take(keep)


def newborn_visits(w: World, rng: Chance, folk: Folk) -> Rows:
    """The first weeks of one newborn in five, and checks of young children."""
    born = np.flatnonzero((folk.birth >= w.first) & (folk.birth < w.end) & (rng.random(folk.size) < 0.2))
    options = w.kinds["newborn"]
    case = options[rng.integers(len(options), size=len(born))]
    day = folk.birth[born] + rng.integers(8, 15, len(born))  # at home with the mother by then
    ill = acute(w, rng, folk, born, day, case)
    age = w.age(folk.birth, w.first)
    years = (w.end - w.first) / 365.25
    chosen = (age < 5) & (folk.birth < w.end - 40) & (rng.random(folk.size) < min(1.0, 0.5 * years))
    young = np.flatnonzero(chosen)
    first = np.maximum(w.first, folk.birth[young] + 30)
    day = first + (rng.random(len(young)) * (w.end - first)).astype(np.int64)
    check = acute(w, rng, folk, young, day, np.full(len(young), w.kinds["checkup"][0]), refer=False)
    return Rows.concat([ill, check])


def last_stays(w: World, rng: Chance, folk: Folk) -> Rows:
    """The stay at which some of those who die in the window die."""
    dying = (folk.died >= w.first) & (folk.died < w.end) & (folk.died < FAR)
    who = np.flatnonzero(dying & (rng.random(folk.size) < _LAST_STAY) & (folk.died - folk.birth > 20))
    codes = np.array([w.code_of[code] for code in _FATAL])
    case = codes[pick(rng, np.array(list(_FATAL.values()), dtype=float), len(who))]
    long_ = rng.integers(1, 9, len(who))
    first = np.maximum(folk.died[who] - long_, folk.enter[who])
    level = np.where(rng.random(len(who)) < 0.4, 2, 3)
    clinic = w.nearby.draw(rng, folk.place_on(who, first), level, w.special[case])
    stay = inpatient(w, rng, case, clinic, first)
    end = folk.died[who] * DAY + rng.integers(8 * 60, DAY, len(who))
    start = np.minimum(stay["start"], end - 5 * 60)
    return Rows(
        len(who), person=who, condition=case, kind=3, start=start, end=end, days=end // DAY - start // DAY + 1,
        emergency=1, clinic=clinic, firm=1, died=1,
    )  # fmt: skip
