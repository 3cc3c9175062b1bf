"""What spans several visits or several people: births, courses of tuberculosis treatment, care of people with HIV."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bienho.synthetic import names
from bienho.synthetic.chance import stream
from bienho.synthetic.people import Person

TB_DAYS = 168  # six months of treatment for drug-sensitive tuberculosis
_SWITCH = (date(2020, 7, 1), 600)  # when people on older regimens went over to dolutegravir: first day, days


@dataclass(frozen=True, slots=True)
class Child:
    """One newborn. `person` is None for a child who is not among the people of the twin; `weight` in grams."""

    born: datetime
    sex: str
    name: str
    weight: int
    person: Person | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One birth: its children, the how-many-eth birth of the mother it is, her children living after it."""

    children: tuple[Child, ...]
    weeks: int
    order: int
    living: int
    father: str


@dataclass(frozen=True, slots=True)
class Hiv:
    """Facts about one person with HIV, the same at every visit."""

    confirmed: date
    arv: date
    switched: date


@dataclass(frozen=True, slots=True)
class Tb:
    """Facts about one course of tuberculosis treatment; `confirmed` by bacteriology. `hiv` for people with both."""

    started: date
    confirmed: bool
    retreated: bool
    hiv: Hiv | None


def hiv_of(seed: int, person: Person) -> Hiv:
    """The history of a person with HIV: confirmed from 2012 to 2018, on ARV soon after, on dolutegravir since."""
    r = stream(seed, "hiv", person.index)
    confirmed = date(2012, 1, 1) + timedelta(days=r.randrange(7 * 365 - 120))
    arv = confirmed + timedelta(days=r.randrange(14, 120))
    return Hiv(confirmed, arv, _SWITCH[0] + timedelta(days=r.randrange(_SWITCH[1])))


def tb_of(seed: int, person: Person, started: date, *, confirmed: bool) -> Tb:
    """The course of a person that began on `started`."""
    r = stream(seed, "tb", person.index)
    both = person.age_on(started) >= 25 and r.random() < 0.06
    return Tb(started, confirmed, r.random() < 0.08, hiv_of(seed, person) if both else None)


def births_of(seed: int, children: list[Person]) -> list[Delivery]:
    """The births of one mother whose `children` (eldest first) are among the people: twins are one birth."""
    births: list[list[Person]] = []
    for child in children:
        if births and (child.birth - births[-1][0].birth).days <= 1:
            births[-1].append(child)
        else:
            births.append([child])
    found, living = [], 0
    for order, group in enumerate(births, 1):
        r = stream(seed, "birth", group[0].index)
        living += len(group)
        minute = group[0].birth_minute or r.randrange(1, 1400)  # hours are kept for infants only
        first = datetime.combine(group[0].birth, time()) + timedelta(minutes=minute)
        weeks = _weeks(r, len(group))
        newborn = tuple(
            Child(
                first if place == 0 else _second(first, child, place), child.sex, child.name,
                _weight(r, weeks, len(group)), child,
            )
            for place, child in enumerate(group)
        )  # fmt: skip
        father = group[0].parents[1]
        found.append(Delivery(newborn, weeks, order, living, father.name if father else ""))
    return found


def birth_elsewhere(r: random.Random, mother: Person, day: date) -> Delivery:
    """A birth whose child is not among the people of the twin (a sample of the province holds some mothers only)."""
    count = 2 if r.random() < 0.013 else 1
    weeks = _weeks(r, count)
    born = datetime.combine(day, time(r.randrange(24), r.randrange(60)))
    family = mother.family
    children = []
    for place in range(count):
        sex = "F" if r.random() < 0.485 else "M"
        name = names.full_name(r, mother.people, family, sex, day.year) if r.random() < 0.9 else ""
        children.append(Child(born + timedelta(minutes=9 * place), sex, name, _weight(r, weeks, count), None))
    order = 1 + (r.random() < 0.5) + (r.random() < 0.15)
    return Delivery(tuple(children), weeks, order, order - 1 + count, "")


def _second(first: datetime, child: Person, place: int) -> datetime:
    if child.birth_minute:
        return datetime.combine(child.birth, time()) + timedelta(minutes=child.birth_minute)
    return min(first + timedelta(minutes=9 * place), first.replace(hour=23, minute=59))


def _weeks(r: random.Random, count: int) -> int:
    """Completed weeks of pregnancy; one birth in seventy comes before 32 weeks."""
    if r.random() < 0.014 * count:
        return r.randrange(28, 32)
    return min(41, max(34, round(r.gauss(39 if count == 1 else 36.5, 1.2))))


def _weight(r: random.Random, weeks: int, count: int) -> int:
    expected = 3150 - (40 - weeks) * 145 - 180 * (count - 1)
    return round(min(4300, max(900, r.gauss(expected, 300))) / 10) * 10
