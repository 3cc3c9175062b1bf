"""Who falls ill, when, with what, and where they are seen: the schedule of visits, before any dossier is built."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bienho.synthetic.chance import Weighted, poisson, stream
from bienho.synthetic.people import Person
from bienho.synthetic.places import Clinic, Map
from bienho.synthetic.plan import ARCHIVE, Plan, version_on
from bienho.synthetic.reference import Condition, band, conditions

# Acute visits per person and year by age band, and the share of due visits a chronic patient keeps.
_ACUTE_RATE = (3.0, 1.3, 0.85, 1.2, 1.6)
_ADHERENCE = 0.78
_OUT = timedelta(hours=3)


@dataclass(slots=True)
class Visit:
    """One episode of care at one facility. `kind` is MA_LOAI_KCB in the codes of decision 824/QĐ-BYT.

    `days` counts days of medicine (05, 07) or of treatment. `referred_from` is the facility code of a referral,
    `referred_to` where the person is sent on. `serial` numbers the visits of a facility from 1.
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
    serial: int = 0

    @property
    def ward(self) -> bool:
        """Whether the person stays: inpatient, day treatment, under four hours, station bed."""
        return self.kind in ("03", "04", "06", "09")


class Schedule:
    """Draws the visits of persons for a plan."""

    def __init__(self, plan: Plan, atlas: Map) -> None:
        self._plan, self._atlas = plan, atlas
        self._cases: dict[tuple[int, str, str, int], Weighted[Condition]] = {}
        self._chronic = [c for c in conditions() if c.kind in ("chronic", "dialysis")]
        self._births = Weighted((c, c.weights[2]) for c in conditions() if c.kind == "birth")
        self._newborn = [c for c in conditions() if c.kind == "newborn"]

    def of_person(self, person: Person) -> Iterator[Visit]:
        """Visits of one person within the window of the plan, those not over by its end left out."""
        r = stream(self._plan.seed, "visits", person.index)
        first = max(self._plan.start, person.birth)
        free = datetime.combine(first, time())
        for visit in sorted(self._window(r, person), key=lambda v: v.start):
            if visit.start < free or visit.end.date() >= self._plan.end:
                continue  # nobody is in two places at once
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
                if chronic and r.random() < 0.4:
                    visit = self._routine(r, person, chronic[0], day, f"a{version}{number}", tuple(chronic[1:]))
                else:
                    visit = self._acute(r, person, self._case(r, person, day), day, f"a{version}{number}")[0]
                visit.version = version
                visit.referred_to = ""
                yield visit

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
        if person.sex == "F" and 18 <= age < 42 and r.random() < 0.085 * length / 365:
            day = plan.start + timedelta(days=r.randrange(length))
            yield from self._acute(r, person, self._births.draw(r), day, f"{person.index}.{number}")
            number += 1
        if person.birth >= plan.start and r.random() < 0.2:
            day = person.birth + timedelta(days=r.randrange(2, 9))
            yield from self._acute(r, person, r.choice(self._newborn), day, f"{person.index}.{number}")

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
        if not stays:
            visit = self._outpatient(r, person, clinic, case, day, seed)
            return [visit]
        visit = self._inpatient(r, person, clinic, case, day, seed)
        moved = clinic.level < 3 and visit.kind in ("03", "06") and r.random() < 0.05
        if not moved:
            return [visit]
        target = self._atlas.clinic_for(r, person.place, 3, case.specialty)
        if target is clinic:
            return [visit]
        visit.referred_to = target.code
        second = self._inpatient(r, person, target, case, visit.end.date(), seed + "r")
        shift = visit.end + timedelta(minutes=r.randrange(90, 240)) - second.start
        second.start += shift
        second.end = max(second.end, second.start + timedelta(hours=30))
        second.kind, second.referred_from = "03", clinic.code
        second.days = (second.end.date() - second.start.date()).days + 1
        return [visit, second]

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
