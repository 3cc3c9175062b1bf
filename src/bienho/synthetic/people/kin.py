"""Who is whose child, partner and housemate: pairing of the people of a block, commune by commune.

Children get their mother by lot among the births the women of the commune could have had: every woman has up to five
days, 300 days apart at least, at ages 18 to 42, and a child takes the day it is drawn to. Men and women of like age
pair up; old couples, single people and children without a mother move in with others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bienho.synthetic.draws import WHOLE, Choice, Curve, Draws, Flags, Ints, pairs, sorting
from bienho.synthetic.people.crowd import NEVER, Crowd

SPACING = 300  # days at least between two births of one mother
_NOBODY = -1
_MOST = 5  # births of one woman
_MOTHER_FROM, _MOTHER_TO = 6_580, 15_330  # days of age at a birth: 18 and 42 years
_TWIN = 0.0125  # of births
_WITH_MOTHER = 0.97  # of those under 18
_FIRST = Curve({0.0: 6_585, 0.08: 7_000, 0.5: 8_760, 0.85: 10_600, 1.0: 14_000})
_NEXT = Curve({0.0: SPACING, 0.05: 420, 0.3: 800, 0.6: 1_250, 0.9: 2_300, 1.0: 3_600})
# Children of a woman, a planning choice: east, west.
_WANTED = Choice(({0: 7, 1: 19, 2: 48, 3: 17, 4: 6, 5: 3}, {0: 5, 1: 13, 2: 39, 3: 24, 4: 12, 5: 7}))
# Share of women with a partner by age in years from 18 on (a planning choice).
_PARTNERED = np.interp(
    np.arange(130), [17, 18, 20, 25, 30, 58, 65, 75, 85], [0, 0.2, 0.45, 0.8, 0.9, 0.85, 0.7, 0.4, 0.12]
)
_ELDER_JOINS, _SINGLE_JOINS = 0.6, 0.62
_ELDER = 60 * 1461 // 4
_ADULT = 18 * 1461 // 4


@dataclass(slots=True)
class Kin:
    """Rows of kin within the block, -1 for nobody.

    `root` is the row that stands for the household. `elder_of` tells, at the row of a wife, which old person (or the
    wife of the old couple) lives with her family: parent of her or of her husband, as descent goes among their people.
    """

    mother: Ints
    father: Ints
    twin_of: Ints
    partner: Ints
    root: Ints
    elder_of: Ints


def relate(crowd: Crowd, draws: Draws, last: int, *, west: bool) -> Kin:
    """Kin of a crowd; moves the birthdays of children to a day on which their mother could give birth."""
    count = len(crowd.birth)
    nobody = np.full(count, _NOBODY, np.int64)
    kin = Kin(nobody.copy(), nobody.copy(), nobody.copy(), nobody.copy(), np.arange(count), nobody.copy())
    child = _children(crowd, draws, last)
    _mothers(crowd, kin, draws, last, child, west=west)
    _twins(crowd, kin, draws)
    _couples(crowd, kin, draws, last)
    _fathers(crowd, kin)
    _households(crowd, kin, draws, last)
    return kin


def _children(crowd: Crowd, draws: Draws, last: int) -> Flags:
    """Who lives with a mother if one is found: nearly all under 18, fewer with every year up to 30."""
    years = np.clip((last - crowd.birth) * 4 // 1461, 0, 129)
    share = np.interp(np.arange(130), [0, 17, 18, 22, 30], [_WITH_MOTHER, _WITH_MOTHER, 0.75, 0.5, 0])
    return draws.chance(len(years), share[years])


def _mothers(crowd: Crowd, kin: Kin, draws: Draws, last: int, child: Flags, *, west: bool) -> None:
    women = np.flatnonzero(crowd.female & ~child & (last - crowd.birth > _MOTHER_FROM))
    young = np.flatnonzero(child)
    if not len(women) or not len(young):
        return
    mother, day, spare = _possible_births(crowd, draws, women, last, west=west)
    year = (last - day) * 4 // 1461
    kept = (year >= 0) & (year < 30) & (day < np.minimum(crowd.until, last + 1)[mother])
    mother, day, spare, year = mother[kept], day[kept], spare[kept], year[kept]
    fine = (spare << 16) | draws.raw(len(day))
    years = np.clip((last - crowd.birth[young]) * 4 // 1461, 0, 29)
    left, right = pairs(
        crowd.place[young] * 32 + years, crowd.place[mother] * 32 + year, draws.raw(len(young)).astype(np.int64), fine
    )
    _give_birth(crowd, kin, young[left], mother[right], day[right])
    # Where a commune is small the years rarely meet: the others take any day left over, minors before grown children.
    free = np.ones(len(day), bool)
    free[right] = False
    young = young[(kin.mother[young] == _NOBODY) & (crowd.until[young] == NEVER)]
    for minor in (True, False):
        mine = young[(last - crowd.birth[young] < _ADULT) == minor]
        births = np.flatnonzero(free & ((year < 18) == minor))
        left, right = pairs(
            crowd.place[mine], crowd.place[mother[births]], draws.raw(len(mine)).astype(np.int64), fine[births]
        )
        chosen = births[right]
        _give_birth(crowd, kin, mine[left], mother[chosen], day[chosen])


def _possible_births(crowd: Crowd, draws: Draws, women: Ints, last: int, *, west: bool) -> tuple[Ints, Ints, Ints]:
    """(mother, day, 1 for a birth beyond the children she wants), five rows a woman."""
    count = len(women)
    day = crowd.birth[women] + _FIRST.pick(draws.raw(count))
    wanted = _WANTED.pick(int(west), draws.raw(count))
    days, spare = [], []
    for number in range(_MOST):
        if number:
            day = day + _NEXT.pick(draws.raw(count))
        days.append(np.where(day - crowd.birth[women] <= _MOTHER_TO, day, last + 1))
        spare.append((number >= wanted).astype(np.int64))
    return np.tile(women, _MOST), np.concatenate(days), np.concatenate(spare)


def _give_birth(crowd: Crowd, kin: Kin, child: Ints, mother: Ints, day: Ints) -> None:
    kin.mother[child], kin.root[child] = mother, mother
    gone = crowd.until[child] != NEVER
    moved = child[gone]
    crowd.until[moved] += day[gone] - crowd.birth[moved]  # whoever died young dies at the same age
    crowd.birth[child] = day


def _twins(crowd: Crowd, kin: Kin, draws: Draws) -> None:
    """Some births are of two: the next child of the commune by age becomes the twin, and the birth it had is not."""
    child = np.flatnonzero((kin.mother != _NOBODY) & (crowd.until == NEVER))
    child = child[sorting((crowd.place[child] << 20) | (crowd.birth[child] + (1 << 19)))]
    pair = draws.chance(len(child), _TWIN)[:-1] & (crowd.place[child[1:]] == crowd.place[child[:-1]])
    pair[1:] &= ~pair[:-1]
    first, second = child[:-1][pair], child[1:][pair]
    kin.twin_of[second] = first
    _give_birth(crowd, kin, second, kin.mother[first], crowd.birth[first])


def _couples(crowd: Crowd, kin: Kin, draws: Draws, last: int) -> None:
    grown = (kin.mother == _NOBODY) & (last - crowd.birth >= _ADULT)
    has_child = np.zeros(len(grown), bool)
    has_child[kin.mother[kin.mother >= 0]] = True
    years = np.clip((last - crowd.birth) * 4 // 1461, 0, 129)
    share = np.where(has_child & (years < 60), np.maximum(_PARTNERED[years], 0.93), _PARTNERED[years])
    women = np.flatnonzero(grown & crowd.female & draws.chance(len(grown), share))
    men = np.flatnonzero(grown & ~crowd.female & (years >= 20))
    for length in (1_461, 3_650):  # days of age within which two may meet; a second look takes those left over
        his = np.clip(last - crowd.birth[men] - 950 + draws.below(len(men), 1_400) - 700, 0, 32_000) // length
        hers = np.clip(last - crowd.birth[women], 0, 32_000) // length
        left, right = pairs(
            crowd.place[women] * 32 + hers, crowd.place[men] * 32 + his,
            draws.raw(len(women)).astype(np.int64), draws.raw(len(men)).astype(np.int64),
        )  # fmt: skip
        wife, husband = women[left], men[right]
        kin.partner[wife], kin.partner[husband] = husband, wife
        kin.root[husband] = wife
        women, men = women[kin.partner[women] == _NOBODY], men[kin.partner[men] == _NOBODY]


def _fathers(crowd: Crowd, kin: Kin) -> None:
    child = np.flatnonzero(kin.mother >= 0)
    father = kin.partner[kin.mother[child]]
    old_enough = crowd.birth[child] - crowd.birth[father] >= _ADULT
    there = crowd.until[father].astype(np.int64) + 270 >= crowd.birth[child]
    kin.father[child] = np.where((father >= 0) & old_enough & there, father, _NOBODY)


def _households(crowd: Crowd, kin: Kin, draws: Draws, last: int) -> None:
    count, age = len(crowd.birth), last - crowd.birth
    row = np.arange(count)

    def random(rows: Ints) -> Ints:
        return draws.raw(len(rows)).astype(np.int64)

    def settle(guest: Ints, host: Ints) -> None:
        kin.root[guest] = host
        kin.root = kin.root[kin.root]

    size = np.bincount(kin.root, minlength=count)
    head = kin.root == row
    elders = np.flatnonzero(head & (age >= _ELDER) & (size <= 2) & draws.chance(count, _ELDER_JOINS))
    hosts = np.flatnonzero(head & crowd.female & (kin.partner >= 0) & (age >= 8_036) & (age < 21_185))
    gap = 10_000  # days of age between an old person and a grown child
    left, right = pairs(
        crowd.place[elders] * 32 + np.clip((age[elders] - gap) // 1_826, 0, 31),
        crowd.place[hosts] * 32 + age[hosts] // 1_826, random(elders), random(hosts),
    )  # fmt: skip
    kin.elder_of[hosts[right]] = elders[left]
    settle(elders[left], hosts[right])

    size = np.bincount(kin.root, minlength=count)
    head = kin.root == row
    singles = np.flatnonzero(head & (age >= _ADULT) & (size == 1) & draws.chance(count, _SINGLE_JOINS))
    hosts = np.flatnonzero(head & (size > 1))
    left, right = pairs(crowd.place[singles], crowd.place[hosts], random(singles), random(hosts))
    settle(singles[left], hosts[right])

    head = kin.root == row
    minors = np.flatnonzero(head & (age < _ADULT))
    hosts = np.flatnonzero(head & (age >= _ADULT) & (crowd.until == NEVER))
    twice = np.concatenate((hosts, hosts))
    fine = np.concatenate((random(hosts), random(hosts) + WHOLE))
    left, right = pairs(crowd.place[minors], crowd.place[twice], random(minors), fine)
    settle(minors[left], twice[right])


def settle_elders(crowd: Crowd, kin: Kin, by_mother: Flags) -> None:
    """Make old people who live with a family the parents of the wife, or of the husband, where their ages allow it."""
    wife = np.flatnonzero(kin.elder_of >= 0)
    elder, husband = kin.elder_of[wife], kin.partner[wife]
    child = np.where(by_mother[wife], wife, husband)
    woman = crowd.female[elder]
    parent = np.zeros(len(crowd.birth), bool)
    parent[kin.mother[kin.mother >= 0]] = True  # spacing to a grown child at home is not looked at: such a one has none
    age = crowd.birth[child] - crowd.birth[elder]
    mother = woman & (age > _MOTHER_FROM) & (age <= _MOTHER_TO) & ~parent[elder]
    father = np.where(woman, kin.partner[elder], elder)
    old_enough = (father >= 0) & (crowd.birth[child] - crowd.birth[father] >= _ADULT) & (mother | ~woman)
    kin.mother[child] = np.where(mother, elder, kin.mother[child])
    kin.father[child] = np.where(old_enough, father, kin.father[child])
