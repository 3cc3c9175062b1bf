"""The people of a block before they have kin: where they live, when they were born, who dies or leaves meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bienho.synthetic.draws import Curve, Draws, Flags, Ints, even_counts
from bienho.synthetic.places import Map, Place
from bienho.synthetic.plan import Plan
from bienho.synthetic.reference import rows

ROWS = 16_384  # most people of a block who live there at the end
NEVER = 2**31 - 1  # a day after every window
_EPOCH = date(1970, 1, 1)
# The last age group of the table, 80 and over, in five steps (a planning choice): age, share in a hundred.
_OLDEST = ((80, 60.0), (85, 28.0), (90, 9.5), (95, 2.2), (100, 0.3))
# Age in days of those who die before five: half in the first four weeks.
_EARLY = Curve({0.0: 0, 0.35: 4, 0.5: 28, 0.78: 365, 1.0: 1825})


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one commune within a block: who lives there at the end, who died, who left the province."""

    place: Place
    living: int
    died: int
    left: int

    @property
    def rows(self) -> int:
        """All of them."""
        return self.living + self.died + self.left


@dataclass(frozen=True, slots=True)
class Block:
    """Some people of one side, made together: rows `first` … `first + rows - 1` of `total` in the twin."""

    number: int
    side: str
    first: int
    rows: int
    total: int
    parts: tuple[Part, ...]


@dataclass(slots=True)
class Crowd:
    """Columns of the people of a block. Days are counted from 1970-01-01; `until` is NEVER for those who stay."""

    place: Ints
    birth: Ints
    female: Flags
    until: Ints
    died: Flags


@dataclass(frozen=True, slots=True)
class _Cells:
    """Groups of age and sex of one side: first age and length in days, weights of the living, the dying, the leaving.

    `dying` and `leaving` are people a year for each of the living.
    """

    low: Ints
    length: Ints
    female: Flags
    living: NDArray[np.float64]
    dying: NDArray[np.float64]
    leaving: NDArray[np.float64]


def number_of(day: date) -> int:
    """Days since 1970-01-01, as in an Arrow date32."""
    return (day - _EPOCH).days


def last_day(plan: Plan) -> int:
    """Number of the last day of the window."""
    return number_of(plan.end) - 1


def counts(persons: int, places: Sequence[Place]) -> list[int]:
    """People per commune, in proportion to the real population, largest remainders first."""
    whole = sum(place.population for place in places)
    shares = [persons * place.population / whole for place in places]
    found = [int(share) for share in shares]
    order = sorted(range(len(places)), key=lambda n: (found[n] - shares[n], places[n].code))
    for n in order[: persons - sum(found)]:
        found[n] += 1
    return found


def blocks(plan: Plan, atlas: Map) -> list[Block]:
    """The blocks of a twin, in the order of their people. Small communes of a side share a block, large ones have many.

    `plan.persons` live in the province at the end of the window; those who died or left before come on top.
    """
    years = (plan.end - plan.start).days / 365.25
    living = dict(zip((p.code for p in atlas.places), counts(plan.persons, atlas.places), strict=True))
    drafts: list[tuple[str, list[Part]]] = []
    for side in ("east", "west"):
        cells = _cells(side)
        rates = float(np.cumsum(cells.dying)[-1]) * years, float(np.cumsum(cells.leaving)[-1]) * years
        owed = [0.5, 0.5]  # of the dead and the leavers, what rounding left over
        room = 0
        for place in atlas.places:
            count = living[place.code]
            if place.side != side or not count:
                continue
            pieces = -(-count // ROWS)
            for piece in range(pieces):
                size = count * (piece + 1) // pieces - count * piece // pieces
                gone = []
                for kind, rate in enumerate(rates):
                    owed[kind] += size * rate
                    gone.append(int(owed[kind]))
                    owed[kind] -= gone[kind]
                if not drafts or drafts[-1][0] != side or size > room:
                    drafts.append((side, []))
                    room = ROWS
                drafts[-1][1].append(Part(place, size, *gone))
                room -= size
    total = sum(part.rows for _, parts in drafts for part in parts)
    found, first = [], 0
    for number, (side, parts) in enumerate(drafts):
        count = sum(part.rows for part in parts)
        found.append(Block(number, side, first, count, total, tuple(parts)))
        first += count
    return found


def crowd(plan: Plan, block: Block) -> Crowd:
    """The people of a block: of every commune first those who stay, then the dead, then the leavers."""
    draws = Draws(plan.seed, "crowd", block.number)
    cells, last, first_day = _cells(block.side), last_day(plan), number_of(plan.start)
    sizes = np.array([(part.living, part.died, part.left) for part in block.parts], dtype=np.int64)
    kind = np.repeat(np.tile(np.arange(3), len(sizes)), sizes.ravel())
    place = np.repeat(np.arange(len(sizes)), sizes.sum(axis=1))
    birth, female = np.empty(block.rows, np.int64), np.empty(block.rows, bool)
    until = np.full(block.rows, NEVER, np.int64)
    for number, weights in enumerate((cells.living, cells.dying, cells.leaving)):
        mine = np.flatnonzero(kind == number)
        count = len(mine)
        if not count:
            continue
        start = float(draws.raw(1)[0]) / 65_536
        cell = np.repeat(np.arange(len(weights)), even_counts(weights, count, start))[draws.shuffled(count)]
        age = cells.low[cell] + draws.below(count, cells.length[cell])
        at = np.full(count, last)
        if number:
            at = first_day + draws.below(count, last - first_day + 1)
            early = (cells.low[cell] == 0) & (number == 1)
            age = np.where(early, _EARLY.pick(draws.raw(count)), age)
            until[mine] = at
        birth[mine], female[mine] = at - age, cells.female[cell]
    return Crowd(place, birth, female, until, kind == 1)


@cache
def _cells(side: str) -> _Cells:
    rates = {r["age"]: r for r in rows("mortality.csv")}
    found: list[tuple[int, int, bool, float, float, float]] = []
    for r in rows("age_sex.csv"):
        if r["side"] != side:
            continue
        rate = rates[r["age"]]
        steps = _OLDEST if r["age"] == "80+" else ((int(r["age"].split("-")[0]), 100.0),)
        for sex, column in (("male", "male_pct"), ("female", "female_pct")):
            for age, part in steps:
                share = float(r[column]) * part / 10_000
                low, high = age * 1461 // 4, (age + 5) * 1461 // 4
                dying = share * float(rate[f"{sex}_per_1000"]) / 1000
                leaving = share * float(rate["leaving_per_1000"]) / 1000
                found.append((low, high - low, sex == "female", share, dying, leaving))
    return _Cells(*(np.array(column) for column in zip(*found, strict=True)))
