"""What spans several visits or several people: births, courses of tuberculosis treatment, care of people with HIV."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

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


def hiv_of(seed: int, person_no: int) -> Hiv:
    """The history of a person with HIV: confirmed from 2012 to 2018, on ARV soon after, on dolutegravir since."""
    r = stream(seed, "hiv", person_no)
    confirmed = date(2012, 1, 1) + timedelta(days=r.randrange(7 * 365 - 120))
    arv = confirmed + timedelta(days=r.randrange(14, 120))
    return Hiv(confirmed, arv, _SWITCH[0] + timedelta(days=r.randrange(_SWITCH[1])))


def tb_of(seed: int, person_no: int, age: float, started: date, *, confirmed: bool) -> Tb:
    """The course of a person of an age that began on `started`."""
    r = stream(seed, "tb", person_no)
    both = age >= 25 and r.random() < 0.06
    return Tb(started, confirmed, r.random() < 0.08, hiv_of(seed, person_no) if both else None)
