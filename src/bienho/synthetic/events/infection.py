"""Cases of notifiable diseases: who is struck when, in the usual course of a season and in injected outbreaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bienho.synthetic.events.acute import Chance, acute
from bienho.synthetic.events.chronic import Courses
from bienho.synthetic.events.draw import Array, pick
from bienho.synthetic.events.folk import Folk
from bienho.synthetic.events.frame import Rows
from bienho.synthetic.events.immunise import Doses
from bienho.synthetic.events.world import AGES, Disease, Outbreak, Segment, World

_UNTREATED = 45  # mean days from the first cough of tuberculosis to its treatment


@dataclass(slots=True)
class Cases:
    """Cases by column; `disease`: place in `World.disease_names`; `outbreak`: its number, -1 for none."""

    person: Array
    disease: Array
    onset: Array
    place: Array
    outbreak: Array


def cases(w: World, rng: Chance, folk: Folk, doses: Doses) -> Cases:
    """All cases of a block within the window, seen or not, ordered by day of onset."""
    found: list[tuple[Array, Array, Array, Array]] = []
    middles = [(part.first + part.end) // 2 for part in w.segments]
    ages = [np.searchsorted(AGES, w.age(folk.birth, day), side="right") for day in middles]
    for one in w.diseases:
        parts = [_usual(w, rng, folk, one, *year) for year in zip(w.segments, ages, strict=True)]
        parts += [_outbreak(w, rng, folk, o) for o in w.outbreaks if o.disease == one.number]
        who, day, outbreak = (np.concatenate(column) for column in zip(*parts, strict=True))
        keep = folk.there(who, day) & (day >= w.first) & (day < w.end)
        if antigen := one.told.get("antigen"):
            keep &= rng.random(len(who)) < doses.unprotected(folk, antigen, one.told["grown"], who, day)
        who, day, outbreak = who[keep], day[keep], outbreak[keep]
        order = np.lexsort((outbreak, who, day))
        who, day, outbreak = who[order], day[order], outbreak[order]
        if one.told.get("once"):
            first = np.sort(np.unique(who, return_index=True)[1])
        else:  # nobody has it again within a month
            again = np.lexsort((day, who))
            near = np.zeros(len(who), dtype=bool)
            near[again[1:]] = (np.diff(who[again]) == 0) & (np.diff(day[again]) < 30)
            first = np.flatnonzero(~near)
        found.append((who[first], np.full(len(first), one.number), day[first], outbreak[first]))
    who, disease, day, outbreak = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((disease, who, day))
    who, disease, day, outbreak = who[order], disease[order], day[order], outbreak[order]
    return Cases(who, disease, day, folk.place_on(who, day), outbreak)


def with_tuberculosis(w: World, rng: Chance, folk: Folk, found: Cases, courses: Courses, rows: Rows) -> Cases:
    """The cases and, after them, one for each course of tuberculosis begun in the window; marks its first visit."""
    tb = np.isin(rows["condition"], w.kinds["tb"]) & (rows["course"] >= 0)
    at = np.flatnonzero(tb)
    number, first = np.unique(rows["course"][at], return_index=True)
    at, began = at[first], np.concatenate([*courses.began, np.empty(0, dtype=np.int64)])[number]
    new = began >= w.first
    at, began = at[new], began[new]
    who = rows["person"][at]
    onset = np.maximum(began - rng.geometric(1 / _UNTREATED, len(at)), folk.enter[who])
    rows["case"][at] = len(found.person) + np.arange(len(at))
    none = np.full(len(at), -1)
    added = (who, np.full(len(at), len(w.diseases)), onset, folk.place_on(who, onset), none)
    told = (found.person, found.disease, found.onset, found.place, found.outbreak)
    return Cases(*(np.concatenate(pair) for pair in zip(told, added, strict=True)))


def _usual(w: World, rng: Chance, folk: Folk, one: Disease, part: Segment, age: Array) -> tuple[Array, Array, Array]:
    here = (folk.enter < part.end) & (folk.leave >= part.first)
    hazard = one.hazard[age] * one.patch[folk.place] * here
    season = w.intensity[one.number][:, part.first - w.first : part.end - w.first]
    weights = hazard * season.sum(axis=1)[folk.side]
    count = int(rng.poisson(weights.sum()))
    who = pick(rng, weights, count) if count else np.empty(0, dtype=np.int64)
    day = np.empty(count, dtype=np.int64)
    for side in (0, 1):
        mine = np.flatnonzero(folk.side[who] == side)
        day[mine] = part.first + pick(rng, season[side], len(mine))
    return who, day, np.full(count, -1)


def _outbreak(w: World, rng: Chance, folk: Folk, one: Outbreak) -> tuple[Array, Array, Array]:
    disease = w.diseases[one.disease]
    inside = np.zeros(len(w.side), dtype=bool)
    inside[one.places] = True
    at = np.flatnonzero(inside[folk.place])
    age = np.searchsorted(AGES, w.age(folk.birth[at], one.first), side="right")
    weights = one.hazard * disease.hazard[age] / disease.hazard.mean()
    count = int(rng.poisson(weights.sum())) if len(at) else 0
    who = at[pick(rng, weights, count)] if count else np.empty(0, dtype=np.int64)
    day = one.first + (rng.beta(2, 3, count) * one.days).astype(np.int64)
    return who, day, np.full(count, one.number)


def care(w: World, rng: Chance, folk: Folk, found: Cases) -> Rows:
    """The visits of the cases that are seen; `case` is the place among the cases."""
    size = len(found.person)
    seen = rng.random(size) < np.array([one.told["visited"] for one in w.diseases])[found.disease]
    wait = np.array([one.told["wait"] for one in w.diseases])[found.disease]
    day = found.onset + rng.geometric(1 / (1 + wait)) - 1
    most = max(len(one.codes) for one in w.diseases)
    codes = np.array([np.resize(one.codes, most) for one in w.diseases])
    bounds = np.ones((len(w.diseases), most))
    for one in w.diseases:
        bounds[one.number, : len(one.codes)] = np.cumsum(one.shares) / one.shares.sum()
    column = (rng.random(size)[:, None] >= bounds[found.disease]).sum(axis=1)
    case = codes[found.disease, np.minimum(column, most - 1)]
    at = np.flatnonzero(seen & folk.there(found.person, day) & (day - folk.birth[found.person] > 2))
    rows = acute(w, rng, folk, found.person[at], day[at], case[at])
    first = np.arange(len(rows))
    second = rows["pair"] >= 0
    first[second] = rows["pair"][second]
    rows["case"] = at[first]
    rows["outbreak"] = found.outbreak[at[first]]
    return rows
