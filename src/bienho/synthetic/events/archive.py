"""Archived visits of other format versions, in their own time, in proportion to those of the window."""

from __future__ import annotations

import numpy as np

from bienho.synthetic.events.acute import Chance, acute, draw_case
from bienho.synthetic.events.births import Births, birth_stays, births_elsewhere, possible
from bienho.synthetic.events.chronic import Courses, chronic_of, course_visits, routine
from bienho.synthetic.events.days import number
from bienho.synthetic.events.draw import Array
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.frame import Rows
from bienho.synthetic.events.settle import settle
from bienho.synthetic.events.world import VERSIONS, World
from bienho.synthetic.plan import ARCHIVE, version_on

_MARGIN = 45  # days before the end of a version's time at which the last visits begin
_YOUNGEST = 60
_ROUTINE, _BIRTHS, _PROGRAMMES = 0.4, 0.02, 0.03  # shares: of chronic patients' visits, of all


def archive(
    w: World, rng: Chance, folk: Folk, regular: int, fate: Array, courses: Courses, within: Births, born: Births
) -> tuple[Rows, Births]:
    """Archived visits and their births, which come after those of the window (`born`) in the tables of the block."""
    mix, now = w.plan.versions, version_on(w.plan.start)
    parts, births, before = [], within.take(np.empty(0, dtype=np.int64)), len(born.mother)
    for version in sorted(mix):
        wanted = 0 if version == now else int(regular * mix[version] / mix[now] + rng.random())
        if not wanted:
            continue
        first, last = (number(day) for day in ARCHIVE[version])
        known = within, born, births
        rows, told = _of_version(w, rng, folk, wanted, (first, last), fate, courses, known, version != "4210")
        rows["delivery"] = np.where(rows["delivery"] >= 0, rows["delivery"] + before + len(births.mother), -1)
        rows["version"] = VERSIONS.index(version)
        rows = settle(rows, folk, first, last + 1)
        outside = (rows.last_day < w.first) | (rows["start"] // 1440 >= w.end)
        parts.append(rows.take(outside))
        births = Births.joined(births, told)
    return Rows.concat(parts), births


def _of_version(
    w: World, rng: Chance, folk: Folk, wanted: int, period: tuple[int, int], fate: Array, courses: Courses,
    known: tuple[Births, ...], special: bool,
) -> tuple[Rows, Births]:  # fmt: skip
    first, span = period[0], period[1] - period[0] - _MARGIN
    born, treated = (rng.binomial(wanted, share) if special else 0 for share in (_BIRTHS, _PROGRAMMES))
    who = rng.integers(folk.size, size=2 * wanted + 16)
    day = first + rng.integers(span, size=len(who))
    there = folk.there(who, day) & (day - folk.birth[who] >= _YOUNGEST)
    who, day = who[there][:wanted], day[there][:wanted]
    main, rest = chronic_of(w, folk, who, day, fate)
    again = (main >= 0) & (rng.random(len(who)) < _ROUTINE)
    level = np.maximum(w.level[main[again]], np.where(rng.random(int(again.sum())) < 0.45, 1, 2))
    usual = w.nearby.draw(rng, folk.place_on(who[again], day[again]), level, w.special[main[again]])
    parts = [routine(w, rng, folk, who[again], main[again], rest[again], usual, day[again])]
    fell = who[~again], day[~again]
    ill = acute(w, rng, folk, *fell, draw_case(w, rng, folk, *fell))
    births = _births(w, rng, folk, int(born), (first, first + span), known)
    parts.append(possible(w, ill, births, *known))
    parts.append(birth_stays(w, rng, folk, births))
    age = w.age(folk.birth, first)
    grown = np.flatnonzero((age >= 27) & (age < 70))
    for case in (*w.kinds["tb"], *w.kinds["hiv"]):
        if len(grown) and treated:
            some = grown[rng.integers(len(grown), size=-(-int(treated) // 3))]
            begin = first + rng.integers(span, size=len(some))
            there = folk.there(some, begin)
            parts.append(course_visits(w, rng, folk, int(case), some[there], begin[there], courses, turns=1))
    return Rows.concat(parts), births


def _births(
    w: World, rng: Chance, folk: Folk, wanted: int, period: tuple[int, int], known: tuple[Births, ...]
) -> Births:
    """Births of a time: of the people first, then of women whose children the twin does not hold."""
    within = known[0]
    day = within.moment // 1440
    real = np.flatnonzero((day >= period[0]) & (day < period[1]) & folk.there(within.mother, day))
    real = np.sort(rng.permutation(real)[:wanted])
    mothers = np.zeros(folk.size, dtype=bool)
    for one in known:
        mothers[one.mother] = True
    age = w.age(folk.birth, period[0])
    other = np.flatnonzero(folk.female.astype(bool) & ~mothers & (age >= 20) & (age < 40))
    other = np.sort(rng.permutation(other)[: wanted - len(real)])
    moment = period[0] + rng.integers(period[1] - period[0], size=len(other))
    there = folk.there(other, moment)
    return Births.joined(within.take(real), births_elsewhere(w, rng, folk, other[there], moment[there]))
