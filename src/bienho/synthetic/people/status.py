"""What people live on and are entitled to: work, insurance, social assistance, disability, phones.

Every share here is a planning figure, to be replaced when the registers tell better. Categories of social assistance
are those of Decree 20/2021/NĐ-CP, Article 5, and of the social pension from 2025-07-01 (Decree 176/2025/NĐ-CP: from 75
years of age, from 70 for poor households; before that from 80); degrees of disability those of Decree 28/2012/NĐ-CP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bienho.synthetic.draws import Choice, Draws, Flags, Ints

GROUPS = ("", "GD4", "DN4", "HN2", "CN3", "HT3", "GB4", "CK2", "XK4", "DT2", "DK2", "BT2")
"""Insurance groups with the digit of their level; '' for people without insurance."""
JOBS = ("00", "61", "63", "92", "52", "71", "75", "83", "23", "22", "41", "81", "51")
PROTECTION = (
    "", "orphan", "single_parent", "elder_alone", "social_pension", "disability_extreme", "disability_severe",
    "child_poor",
)  # fmt: skip
"""Categories of social assistance; '' for most."""
DISABILITY = ("", "1", "2", "3")
"""Degrees: 1 extremely severe, 2 severe, 3 light."""
BLOOD = ("", "O", "B", "A", "AB")
_ADULT, _MINORITY = 0, 1
_GROUP = Choice(
    (
        {1: 48, 2: 14, 3: 8, 4: 7, 5: 5, 6: 8, 7: 2, 8: 2, 0: 6},
        {9: 55, 3: 22, 10: 8, 1: 8, 2: 5, 0: 2},
    )
)
_JOB = Choice([dict(enumerate((30, 14, 12, 10, 6, 6, 4, 4, 2, 3, 4, 5), 1))])
_BLOOD = Choice([{0: 65, 1: 14, 2: 10.5, 3: 7, 4: 3.5}])
_POOR, _PENSION, _EMPLOYED, _ASSISTED = (GROUPS.index(name) for name in ("HN2", "HT3", "DN4", "BT2"))
# Disabled people per thousand by age: extremely severe, severe, light.
_AGES = [0, 15, 40, 60, 75, 100]
_PER_THOUSAND = ([1.2, 2, 2.5, 4, 9, 20], [3, 5, 7, 12, 30, 60], [4, 8, 12, 25, 60, 90])
_DEGREES = np.stack([np.interp(np.arange(130), _AGES, shares) / 1000 for shares in _PER_THOUSAND])


@dataclass(frozen=True, slots=True)
class Member:
    """What decides: `years` of age at the end, `root` row of the household, `poor` whether it is on the poor list."""

    years: Ints
    root: Ints
    minority: Flags
    alone: Flags
    orphan: Flags
    single_parent: Flags
    grown: Flags


def insurance(draws: Draws, member: Member) -> Ints:
    """Group of every person: that of the household for seven in ten."""
    count = len(member.root)
    kind = member.minority.astype(np.int64)
    household = _GROUP.pick(kind, draws.raw(count))[member.root]
    own = _GROUP.pick(kind, draws.raw(count))
    group = np.where(draws.chance(count, 0.7) & (household > 0), household, own)
    earned = (group == _PENSION) | (group == _EMPLOYED)  # pensions for the old, enterprises for those at work
    group[earned] = np.where(member.years[earned] >= 60, _PENSION, _EMPLOYED)
    return group


def protection(draws: Draws, member: Member, group: Ints, *, pension_age: int) -> tuple[Ints, Ints]:
    """(social assistance, disability) as places in PROTECTION and DISABILITY."""
    count, years = len(group), member.years
    share = _DEGREES[:, np.minimum(years, 129)]
    roll = draws.raw(count) / 65_536
    degree = (roll < share[0]) * 1
    degree = np.where((degree == 0) & (roll < share[0] + share[1]), 2, degree)
    degree = np.where((degree == 0) & (roll < share.sum(axis=0)), 3, degree)
    poor = (group == _POOR)[member.root]
    pensioner = group == _PENSION
    found = np.zeros(count, np.int64)

    def entitle(name: str, who: Flags, uptake: float) -> None:
        found[who & (found == 0) & draws.chance(count, uptake)] = PROTECTION.index(name)

    entitle("disability_extreme", degree == 1, 0.97)
    entitle("disability_severe", degree == 2, 0.95)
    entitle("social_pension", (years >= pension_age) & ~pensioner, 0.96)
    entitle("social_pension", (years >= pension_age - 5) & poor & ~pensioner, 0.9)
    entitle("elder_alone", (years >= 60) & poor & member.alone & ~pensioner, 0.7)
    entitle("orphan", member.orphan & (years < 16), 0.3)
    entitle("single_parent", member.single_parent & poor, 0.8)
    entitle("child_poor", (years < 3) & poor & member.minority, 0.8)
    return found, degree


def assisted(group: Ints, found: Ints) -> Ints:
    """Insurance group of people with social assistance who had none, or bought it themselves."""
    bought = np.isin(group, [GROUPS.index(name) for name in ("", "GD4", "GB4")])
    return np.where((found > 0) & bought, _ASSISTED, group)


def work(draws: Draws, years: Ints) -> Ints:
    """Places in JOBS: none for children, a few adults and most of the old."""
    count = len(years)
    idle = np.select([years < 16, years < 60, years < 70], [1.0, 0.04, 0.3], 0.75)
    return np.where(draws.chance(count, idle), 0, _JOB.pick(0, draws.raw(count)))


def blood(draws: Draws, count: int) -> Ints:
    """Places in BLOOD; unknown for most."""
    return _BLOOD.pick(0, draws.raw(count))


def phone_of(draws: Draws, member: Member) -> tuple[Ints, Flags]:
    """(row whose number a person gives, whether they have none): children and a quarter of adults share one."""
    count = len(member.root)
    none = draws.chance(count, np.where(member.years >= 70, 0.2, 0.06))
    shares = ~member.grown | draws.chance(count, 0.25)
    owner = np.where(shares, member.root, np.arange(count))
    return owner, none[owner]
