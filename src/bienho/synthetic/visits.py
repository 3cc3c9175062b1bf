"""Who falls ill, when, with what, and where they are seen: the schedule of visits, before any dossier is built."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bienho.synthetic.chance import Weighted, poisson, stream
from bienho.synthetic.courses import TB_DAYS, Delivery, Hiv, Tb, birth_elsewhere, births_of, hiv_of, tb_of
from bienho.synthetic.people import Person
from bienho.synthetic.places import Clinic, Map
from bienho.synthetic.plan import ARCHIVE, Plan, version_on
from bienho.synthetic.reference import Condition, band, conditions

# Acute visits per person and year by age band, and the share of due visits a chronic patient keeps.
_ACUTE_RATE = (3.0, 1.3, 0.85, 1.2, 1.6)
_ADHERENCE = 0.78
_OUT = timedelta(hours=3)
PREGNANCY = ("O20.0", "O47.9")
"""Conditions for which a pregnant woman is sent to rest."""


@dataclass(slots=True)
class Visit:
    """One episode of care at one facility. `kind` is MA_LOAI_KCB in the codes of decision 824/QĐ-BYT.

    `days` counts days of medicine (05, 07) or of treatment. `referred_from` is the facility code of a referral,
    `referred_to` where the person is sent on, `referral` the number of that slip. `serial` numbers the visits of a
    facility from 1. `expected` is the day of the birth a pregnant woman awaits.
    """

    person: Person
    clinic: Clinic
    condition: Condition
    kind: str
    start: datetime
    end: datetime
    days: int
    version: str
    seed: str
    emergency: bool = False
    others: tuple[str, ...] = ()
    referred_from: str = ""
    referred_to: str = ""
    referral: str = ""
    serial: int = 0
    delivery: Delivery | None = None
    expected: date | None = None
    tb: Tb | None = None
    hiv: Hiv | None = None

    @property
    def ward(self) -> bool:
        """Whether the person stays: inpatient, day treatment, under four hours, station bed."""
        return self.kind in ("03", "04", "06", "09")


class Schedule:
    """Draws the visits of persons for a plan."""

    def __init__(self, plan: Plan, atlas: Map, persons: Sequence[Person]) -> None:
        self._plan, self._atlas = plan, atlas
        children: dict[int, list[Person]] = {}
        for person in sorted(persons, key=lambda p: (p.birth, p.birth_minute, p.index)):
            children.setdefault(person.mother, []).append(person)
        self._births_of = {
            mother: births_of(plan.seed, mine) for mother, mine in children.items() if mother >= 0
        }  # fmt: skip
        self._cases: dict[tuple[int, str, str, int], Weighted[Condition]] = {}
        self._chronic = [c for c in conditions() if c.kind in ("chronic", "dialysis")]
        self._birth_cases = {
            kind: Weighted((c, c.weights[2]) for c in conditions() if c.kind == kind) for kind in ("birth", "twins")
        }
        self._pregnant = [c for c in conditions() if c.code in PREGNANCY]
        self._programmes = [c for c in conditions() if c.kind in ("tb", "hiv")]
        self._newborn = [c for c in conditions() if c.kind == "newborn"]

    def of_person(self, person: Person) -> Iterator[Visit]:
        """Visits of one person within the window of the plan, those not over by its end left out."""
        r = stream(self._plan.seed, "visits", person.index)
        first = max(self._plan.start, person.birth)
        free = datetime.combine(first, time())
        wanted = sorted(self._window(r, person), key=lambda v: v.start)
        births = [v for v in wanted if v.delivery and v.start >= free]
        for visit in wanted:
            if visit.start < free or visit.end.date() >= self._plan.end:
                continue  # nobody is in two places at once
            if any(visit is not b and visit.start < b.end and visit.end > b.start for b in births):
                continue  # a birth does not wait
            # Medicine is taken at home: there the person is free again after the visit itself.
            free = max(free, visit.end if visit.kind in ("01", "03", "04", "06", "08", "09") else visit.start + _OUT)
            visit.version = version_on(visit.end.date())
            yield visit

    def archive(self, persons: Sequence[Person], regular: int) -> Iterator[Visit]:
        """Archived visits of the other versions of the mix, in their own time, in proportion to the regular ones."""
        mix = self._plan.versions
        now = version_on(self._plan.start)
        for version in sorted(mix):
            wanted = 0 if version == now else round(regular * mix[version] / mix[now])
            first, last = ARCHIVE[version]
            for number in range(wanted):
                r = stream(self._plan.seed, "archive", version, number)
                day = first + timedelta(days=r.randrange((last - first).days - 45))
                person = persons[r.randrange(len(persons))]
                while day - person.birth < timedelta(days=60):
                    person = persons[r.randrange(len(persons))]
                chronic = self._chronic_of(r, person, day)
                seed = f"a{version}{number}"
                special = self._archived_special(r, persons, (first, last), seed) if version != "4210" else None
                if special:
                    visits = [special]
                elif chronic and r.random() < 0.4:
                    visits = [self._routine(r, person, chronic[0], day, seed, tuple(chronic[1:]))]
                else:
                    visits = self._acute(r, person, self._case(r, person, day), day, seed)
                for visit in visits:
                    visit.version = version
                    yield visit

    def _archived_special(
        self, r: random.Random, persons: Sequence[Person], period: tuple[date, date], seed: str
    ) -> Visit | None:
        """Now and then a birth or a visit of a programme, so that archives hold the tables that go with them."""
        roll = r.random()
        if roll >= 0.05:
            return None
        first, last = period
        day = first + timedelta(days=r.randrange((last - first).days - 45))
        if roll < 0.02:
            mothers = [p for p in persons if p.sex == "F" and 20 <= p.age_on(day) < 40]
            if not mothers:
                return None
            mother = r.choice(mothers)
            return self._birth(r, mother, birth_elsewhere(r, mother, day), seed)
        case = r.choice(self._programmes)
        adults = [p for p in persons if 27 <= p.age_on(day) < 70]
        found = list(self._programme(r, r.choice(adults), case, day, seed)) if adults else []
        return next((v for v in found if v.end.date() <= last), None)

    def _window(self, r: random.Random, person: Person) -> Iterator[Visit]:
        plan = self._plan
        length = (plan.end - plan.start).days
        number = 0
        for _ in range(poisson(r, _ACUTE_RATE[band(person.age_on(plan.start))] * length / 365)):
            day = plan.start + timedelta(days=r.randrange(length))
            if day - person.birth < timedelta(days=20):
                continue
            for visit in self._acute(r, person, self._case(r, person, day), day, f"{person.index}.{number}"):
                yield visit
                number += 1
        if chronic := self._chronic_of(r, person, plan.start):
            day = plan.start + timedelta(days=r.randrange(28))
            rest = tuple(chronic[1:])
            while day < plan.end:
                if r.random() < _ADHERENCE:
                    yield self._routine(r, person, chronic[0], day, f"{person.index}.{number}", rest)
                    number += 1
                day += timedelta(days=30 if chronic[0].kind == "dialysis" else r.randrange(27, 34))
        age = person.age_on(plan.start)
        deliveries = [
            d for d in self._births_of.get(person.index, ()) if plan.start <= d.children[0].born.date() < plan.end
        ]
        may = person.sex == "F" and 18 <= age < 42 and person.index not in self._births_of
        if may and r.random() < 0.03 * length / 365:
            deliveries.append(birth_elsewhere(r, person, plan.start + timedelta(days=r.randrange(length))))
        for delivery in deliveries:
            yield from self._pregnancy(r, person, delivery, f"{person.index}.{number}")
            number += 2
        if person.birth >= plan.start and r.random() < 0.2:
            day = person.birth + timedelta(days=r.randrange(8, 15))  # at home with the mother by then
            yield from self._acute(r, person, r.choice(self._newborn), day, f"{person.index}.{number}")
            number += 1
        yield from self._courses(person, number)

    def _pregnancy(self, r: random.Random, mother: Person, delivery: Delivery, seed: str) -> Iterator[Visit]:
        """The stay at which the children are born and, for some, a visit before it."""
        born = delivery.children[0].born
        stay = self._birth(r, mother, delivery, seed)
        yield stay
        before = born.date() - timedelta(days=r.randrange(40, 150))
        if r.random() < (0.9 if mother.group == "DN4" else 0.3) and before >= self._plan.start:
            visit = self._acute(r, mother, r.choice(self._pregnant), before, seed + "p")[0]
            visit.referred_to, visit.expected = "", stay.start.date()
            yield visit

    def _birth(self, r: random.Random, mother: Person, delivery: Delivery, seed: str) -> Visit:
        born = delivery.children[0].born
        case = self._birth_cases["twins" if len(delivery.children) > 1 else "birth"].draw(r)
        level = 2 if r.random() < 0.55 else 3
        clinic = self._atlas.clinic_for(r, mother.place, level, case.specialty)
        start = born - timedelta(minutes=r.randrange(60, 900))
        days = max(3, round(case.stay * (0.7 + r.random() * 0.6)))
        end = datetime.combine(born.date() + timedelta(days=days - 1), time(8 + r.randrange(8), r.randrange(60)))
        days = (end.date() - start.date()).days + 1
        return Visit(
            mother, clinic, case, "03", start, end, days, "", seed, emergency=r.random() < 0.6, delivery=delivery
        )

    def _courses(self, person: Person, number: int) -> Iterator[Visit]:
        """Visits of a person who is treated for tuberculosis or lives with HIV."""
        plan = self._plan
        r = stream(plan.seed, "courses", person.index)
        length = (plan.end - plan.start).days
        for case in self._programmes:
            if r.random() * 100 >= case.weights[band(person.age_on(plan.start))] * case.side[person.place.side]:
                continue
            day = plan.start + timedelta(days=r.randrange(-120, length) if case.kind == "tb" else r.randrange(28))
            yield from self._programme(r, person, case, day, f"{person.index}.{number}c")
            return  # one programme each

    def _programme(self, r: random.Random, person: Person, case: Condition, day: date, seed: str) -> Iterator[Visit]:
        """A course from `day`: tuberculosis for six months, HIV until the plan ends, every 28 days at one clinic."""
        hiv = hiv_of(self._plan.seed, person) if case.kind == "hiv" else None
        tb = tb_of(self._plan.seed, person, day, confirmed=case.code == "A15.0") if case.kind == "tb" else None
        if hiv and person.age_on(hiv.confirmed) < 16:
            return
        clinic = self._atlas.programme_clinic(person.place, case.kind, 2)
        if clinic is None:
            return
        others = ("B24",) if tb and tb.hiv else ()
        last = day + timedelta(days=TB_DAYS) if tb else self._plan.end
        number = 0
        if tb and r.random() < case.inpatient:
            ward = self._atlas.programme_clinic(person.place, case.kind, 3) or clinic
            stay = self._inpatient(r, person, ward, case, day, f"{seed}0")
            stay.tb, stay.others, stay.kind = tb, others, "03"
            yield stay
            day, number = stay.end.date() + timedelta(days=1), 1
        while day <= last:
            start = datetime.combine(day, time(7 + r.randrange(8), r.randrange(60)))
            end = datetime.combine(day + timedelta(days=27), time(17, 0))
            yield Visit(
                person, clinic, case, "05", start, end, 28, "", f"{seed}{number}", others=others, tb=tb, hiv=hiv
            )
            number += 1
            day += timedelta(days=28)

    def _chronic_of(self, r: random.Random, person: Person, day: date) -> list[Condition]:
        place = band(person.age_on(day))
        return [
            c for c in self._chronic
            if c.weights[place] and c.sex in ("", person.sex)
            and r.random() < c.weights[place] / 100 * c.side[person.place.side]
        ]  # fmt: skip

    def _case(self, r: random.Random, person: Person, day: date) -> Condition:
        key = (band(person.age_on(day)), person.sex, person.place.side, day.month)
        cases = self._cases.get(key)
        if cases is None:
            age, sex, side, month = key
            cases = self._cases[key] = Weighted(
                (c, c.weights[age] * c.side[side] * c.season[side][month - 1])
                for c in conditions()
                if c.kind in ("acute", "injury") and c.sex in ("", sex)
            )
        return cases.draw(r)

    def _acute(self, r: random.Random, person: Person, case: Condition, day: date, seed: str) -> list[Visit]:
        age = person.age_on(day)
        stays = r.random() < min(1.0, case.inpatient * (1.4 if age < 2 or age > 70 else 1.0))
        roll = r.random()
        level = 1 if roll < 0.42 else 2 if roll < 0.78 else 3
        if stays:
            level = 3 if roll > 0.68 else 2
            if case.level == 1 and case.stay <= 4 and roll < 0.12:
                level = 1
        clinic = self._atlas.clinic_for(r, person.place, max(level, case.level), case.specialty)
        visit = (self._inpatient if stays else self._outpatient)(r, person, clinic, case, day, seed)
        moved = clinic.level < 3 and r.random() < {"03": 0.09, "06": 0.09, "01": 0.012}.get(visit.kind, 0)
        target = self._atlas.clinic_for(r, person.place, 3, case.specialty) if moved else clinic
        if target is clinic:
            return [visit]
        return [visit, self._referred(r, visit, target)]

    def _referred(self, r: random.Random, visit: Visit, target: Clinic) -> Visit:
        """The visit at the facility a person is sent on to, some hours after the first ended."""
        visit.referred_to = target.code
        visit.referral = f"{visit.end:%y}/GCT-{r.randrange(100_000):05d}"
        day, seed = visit.end.date(), visit.seed + "r"
        make = self._outpatient if visit.kind == "01" else self._inpatient
        second = make(r, visit.person, target, visit.condition, day, seed)
        shift = visit.end + timedelta(minutes=r.randrange(90, 240)) - second.start
        second.start += shift
        second.referred_from, second.referral = visit.clinic.code, visit.referral
        if visit.kind == "01":
            second.kind, second.end = "01", second.start + timedelta(minutes=r.randrange(60, 200))
            return second
        second.end = max(second.end, second.start + timedelta(hours=30))
        second.kind = "03"
        second.days = (second.end.date() - second.start.date()).days + 1
        return second

    def _outpatient(
        self, r: random.Random, person: Person, clinic: Clinic, case: Condition, day: date, seed: str
    ) -> Visit:
        start = datetime.combine(day, time(7 + r.randrange(9), r.randrange(60)))
        if any(service.key == "acup" for service in case.treatments) and clinic.level > 1 and r.random() < 0.35:
            days = r.randrange(5, 11)  # a course of acupuncture: outpatient treatment
            end = datetime.combine(day + timedelta(days=days - 1), time(16, r.randrange(60)))
            return Visit(person, clinic, case, "02", start, end, days, "", seed)
        minutes = r.randrange(25, 60) if clinic.level == 1 else r.randrange(60, 200)
        return Visit(
            person, clinic, case, "01", start, start + timedelta(minutes=minutes), r.choice((3, 5, 5, 7)), "", seed,
            emergency=case.kind == "injury",
        )  # fmt: skip

    def _inpatient(
        self, r: random.Random, person: Person, clinic: Clinic, case: Condition, day: date, seed: str
    ) -> Visit:
        start = datetime.combine(day, time(r.randrange(24), r.randrange(60)))
        kind = "06" if clinic.level == 1 else "03"
        roll = r.random()
        if clinic.level > 1 and case.kind == "acute" and roll < 0.03:
            end = start + timedelta(minutes=r.randrange(130, 225))
            return Visit(person, clinic, case, "09", start, end, 1, "", seed, emergency=True)
        days = max(2, round(case.stay * (0.6 + r.random() * 0.8)))
        if clinic.level > 1 and roll > 0.95 and case.kind == "acute" and case.specialty == "trad":
            kind, start = "04", datetime.combine(day, time(7, r.randrange(60)))
        end = datetime.combine(day + timedelta(days=days - 1), time(8 + r.randrange(8), r.randrange(60)))
        if end - start < timedelta(hours=6):
            end += timedelta(days=1)
            days += 1
        emergency = case.kind in ("injury", "birth") or r.random() < 0.3
        return Visit(person, clinic, case, kind, start, end, days, "", seed, emergency=emergency)

    def _routine(
        self, r: random.Random, person: Person, case: Condition, day: date, seed: str, rest: tuple[Condition, ...]
    ) -> Visit:
        others = tuple(dict.fromkeys(c.code for c in rest if c.code != case.code))[:4]
        start = datetime.combine(day, time(6 + r.randrange(9), r.randrange(60)))
        if case.kind == "dialysis":
            clinic = self._atlas.clinic_for(r, person.place, 3, "")
            end = datetime.combine(day + timedelta(days=27), time(17, r.randrange(60)))
            return Visit(person, clinic, case, "02", start, end, 28, "", seed, others=others)
        if r.random() < case.inpatient:
            clinic = self._atlas.clinic_for(r, person.place, max(2, case.level), case.specialty)
            visit = self._inpatient(r, person, clinic, case, day, seed)
            visit.others = others
            return visit
        level = max(case.level, 1 if r.random() < 0.45 else 2)
        clinic = self._atlas.clinic_for(r, person.place, level, case.specialty)
        days = 28
        roll = r.random()
        if roll < 0.04:
            kind, end = "07", datetime.combine(day + timedelta(days=days - 1), time(17, 0))
        elif roll < 0.55:
            kind, end = "05", datetime.combine(day + timedelta(days=days - 1), time(17, 0))
        else:
            kind, end = "08", start + timedelta(minutes=r.randrange(90, 240))
        return Visit(person, clinic, case, kind, start, end, days, "", seed, others=others)
