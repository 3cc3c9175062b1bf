"""Households of synthetic people: ages and sexes by side, kinship, names, papers, phones, addresses, insurance."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bienho.synthetic import names
from bienho.synthetic.chance import Weighted, stream
from bienho.synthetic.places import MERGED, Map, OldCommune, Place
from bienho.synthetic.reference import document, rows

# Mobile prefixes of the right shape that no operator is known to use, and serial ranges that no register reaches: the
# numbers look right and belong to nobody.
_PHONE_PREFIXES = ("030", "031", "053", "054", "071", "072", "073", "074", "075", "080", "095")
_PERSONAL_SERIAL = 900_000
_MOST_CHILDREN, _ROOMY = 5, 5
_TWINS = 0.015  # share of young people who have a twin; measured shares of births are near 1 in 80
_SPACING = 300  # days at least between two births of one mother
_NEIGHBOURS = 150  # kin are looked for among this many people, so that the work grows with the people only
_OLD_PROVINCE = {"52": "Tỉnh Bình Định", "64": "Tỉnh Gia Lai"}
_ADULT_GROUPS = Weighted(
    {"GD4": 48, "DN4": 14, "HN2": 8, "CN3": 7, "HT3": 5, "GB4": 8, "CK2": 2, "XK2": 2, "": 6}.items()
)
_MINORITY_GROUPS = Weighted({"DT2": 55, "HN2": 22, "DK2": 8, "GD4": 8, "DN4": 5, "": 2}.items())
_JOBS = Weighted(
    {
        "61": 30,
        "63": 14,
        "92": 12,
        "52": 10,
        "71": 6,
        "75": 6,
        "83": 4,
        "23": 4,
        "22": 2,
        "41": 3,
        "81": 4,
        "51": 5,
    }.items()
)


@dataclass(slots=True)
class Person:
    """One synthetic human. `sex` is F or M; `birth_known` tells whether day and month of birth are on papers."""

    index: int
    household: int
    sex: str
    birth: date
    birth_minute: int
    birth_known: bool
    people: str
    family: str
    name: str
    place: Place
    old: OldCommune
    hamlet: str
    personal_id: str
    insurance_id: str
    group: str
    phone: str
    job: str
    blood: str
    height: float
    mother: int = -1
    father: int = -1
    parents: tuple[Person | None, Person | None] = (None, None)

    @property
    def key(self) -> str:
        """Name of the person in the truth."""
        return f"P{self.index:07d}"

    def age_on(self, day: date) -> float:
        """Age in years, enough for bands and rates."""
        return (day - self.birth).days / 365.25

    def birth_text(self) -> str:
        """NGAY_SINH: yyyymmddHHMM with zeros for unknown parts."""
        if not self.birth_known:
            return f"{self.birth.year:04d}00000000"
        return f"{self.birth:%Y%m%d}{self.birth_minute // 60:02d}{self.birth_minute % 60:02d}"

    def card_on(self, day: date) -> str:
        """Insurance card (15 characters) on a day, '' when not insured."""
        months = (day.year - self.birth.year) * 12 + day.month - self.birth.month - (day.day < self.birth.day)
        if months < 72:
            group = "TE1"
        elif months < 18 * 12 and self.group in ("GD4", "DN4", "GB4", "HT3", ""):
            group = "HS4"
        else:
            group = self.group
        return f"{group}{self.old.province_code}{self.insurance_id}" if group else ""

    def card_window(self, day: date) -> tuple[str, str]:
        """First and last day of the card (yyyymmdd) that covers `day`."""
        first = max(self.birth, date(day.year, 1, 1))
        return f"{first:%Y%m%d}", f"{day.year:04d}1231"

    def address_on(self, day: date) -> str:
        """Address in the units in force on `day`."""
        if day >= MERGED:
            return f"{self.hamlet}, {self.place.name}, Tỉnh Gia Lai"
        return f"{self.hamlet}, {self.old.name}, {self.old.district}, {_OLD_PROVINCE[self.old.province_code]}"

    def weight_on(self, day: date) -> float:
        """Body weight in kg, from age, sex and the person's own height factor."""
        age = self.age_on(day)
        if age < 1:
            return round(3.2 + 6.2 * age * self.height, 2)
        if age < 18:
            return round((8 + 2.55 * age) * self.height, 2)
        return round((62 if self.sex == "M" else 53) * self.height, 2)


def residence(person: Person, day: date) -> dict[str, str]:
    """Codes of residence in the units of a day."""
    old = person.old
    if day >= MERGED:
        return {"MATINH_CU_TRU": "52", "MAHUYEN_CU_TRU": "", "MAXA_CU_TRU": person.place.code}
    return {"MATINH_CU_TRU": old.province_code, "MAHUYEN_CU_TRU": old.district_code, "MAXA_CU_TRU": old.code}


class Population:
    """Maker of the people of a twin, neighbourhood by neighbourhood, so that its own memory stays bounded."""

    def __init__(self, seed: int, size: int, atlas: Map, last_day: date) -> None:
        self._seed, self._size, self._atlas, self._today = seed, size, atlas, last_day
        self._ages = {side: _age_table(side) for side in ("east", "west")}
        self._serials: dict[str, int] = {}
        self._households = 0

    def counts(self) -> list[tuple[Place, int]]:
        """People per commune, in proportion to the real population, largest remainders first."""
        whole = sum(place.population for place in self._atlas.places)
        shares = [(place, self._size * place.population / whole) for place in self._atlas.places]
        counts = {place.code: int(share) for place, share in shares}
        rest = self._size - sum(counts.values())
        for place, _ in sorted(shares, key=lambda item: (int(item[1]) - item[1], item[0].code))[:rest]:
            counts[place.code] += 1
        return [(place, counts[place.code]) for place, _ in shares]

    def __iter__(self) -> Iterator[Person]:
        first = 0
        for place, count in self.counts():
            for start in range(first, first + count, _NEIGHBOURS):
                yield from self._neighbourhood(place, start, min(_NEIGHBOURS, first + count - start))
            first += count

    def _neighbourhood(self, place: Place, first: int, count: int) -> list[Person]:
        r = stream(self._seed, "people", place.code, first)
        raw = []
        for _ in range(count):
            low, high, sex = self._ages[place.side].draw(r)
            days = int((low + r.random() * (high - low)) * 365.25)
            raw.append((self._today - timedelta(days=days), False, sex))
        for birth, _, _ in tuple(raw):
            if (self._today - birth).days < 6 * 365 and r.random() < _TWINS:  # in the place of anyone else
                raw[r.randrange(count)] = (birth, True, "F" if r.random() < 0.5 else "M")
        raw.sort()  # eldest first: parents are there before their children, and a twin comes after its twin
        people: list[Person] = []
        for offset, (birth, twin, sex) in enumerate(raw):
            before = people[-1] if people else None
            if twin and before and before.birth == birth and before.mother >= 0:
                people.append(self._twin(r, before, first + offset, sex))
            else:
                people.append(self._person(r, place, first + offset, birth, sex, people))
        return people

    def _twin(self, r: random.Random, first: Person, index: int, sex: str) -> Person:
        """A second child of the same birth: all of the family is shared, papers and name are not."""
        return replace(
            first,
            index=index,
            sex=sex,
            birth_minute=first.birth_minute and min(1439, first.birth_minute + r.randrange(3, 25)),
            name=names.full_name(r, first.people, first.family, sex, first.birth.year),
            personal_id=self._personal_id(r, first.old.province_code, sex, first.birth),
            insurance_id=_insurance_id(first.old.province_code, index),
            height=min(1.35, max(0.72, r.gauss(1.0, 0.12))),
        )

    def _person(
        self, r: random.Random, place: Place, index: int, birth: date, sex: str, elders: list[Person]
    ) -> Person:
        age = (self._today - birth).days / 365.25
        mother = _pick_mother(r, elders, birth) if age < 30 and r.random() < (0.96 if age < 18 else 0.5) else None
        father = _partner(elders, mother) if mother else None
        spouse = None if mother or age < 20 else _pick_spouse(r, elders, birth, sex)
        near = mother or spouse or _pick_relative(r, elders, age)
        people = mother.people if mother else spouse.people if spouse else names.peoples_of(_district(place)).draw(r)
        line = mother if mother and (names.follows_mother(people) or father is None) else father
        family = line.family if line else names.family_name(r, people, place.side)
        old = near.old if near else place.old[r.randrange(len(place.old))]
        if near is None:
            self._households += 1
        group = (near.group if near and r.random() < 0.7 else "") or (
            _ADULT_GROUPS if people == names.KINH else _MINORITY_GROUPS
        ).draw(r)
        if group in ("HT3", "DN4"):  # pensions for the old, enterprises for those at work
            group = "HT3" if age >= 60 else "DN4"
        return Person(
            index=index,
            household=near.household if near else self._households,
            sex=sex,
            birth=birth,
            birth_minute=r.randrange(1440) if age < 1.5 else 0,
            birth_known=not (age > 60 and r.random() < (0.06 if people == names.KINH else 0.3)),
            people=people,
            family=family,
            name=names.full_name(r, people, family, sex, birth.year),
            place=place,
            old=old,
            hamlet=near.hamlet if near else _hamlet(r, place, people),
            personal_id=self._personal_id(r, old.province_code, sex, birth),
            insurance_id=_insurance_id(old.province_code, index),
            group=group,
            phone=near.phone if near and (age < 16 or r.random() < 0.25) else _phone(r, index),
            job="00" if age < 16 or r.random() < 0.04 else _JOBS.draw(r),
            blood=r.choice(("O", "O", "O", "O", "B", "B", "B", "A", "A", "AB")) if r.random() < 0.35 else "",
            height=min(1.35, max(0.72, r.gauss(1.0, 0.12))),
            mother=mother.index if mother else -1,
            father=father.index if father else -1,
            parents=(mother, father),
        )

    def _personal_id(self, r: random.Random, province: str, sex: str, birth: date) -> str:
        if r.random() < 0.03:
            province = r.choice(("049", "051", "054", "066", "030", "037"))
        century = (birth.year // 100 - 19) * 2 + (sex == "F")
        prefix = f"{province.zfill(3)}{century}{birth.year % 100:02d}"
        serial = self._serials[prefix] = self._serials.get(prefix, 0) + 1
        return f"{prefix}{_PERSONAL_SERIAL + serial * 37 % 100_000:06d}"


def _insurance_id(province: str, index: int) -> str:
    return f"{province}9{(index * 3_877_421 + 11) % 10_000_000:07d}"


def _age_table(side: str) -> Weighted[tuple[int, int, str]]:
    pairs: list[tuple[tuple[int, int, str], float]] = []
    for r in rows("age_sex.csv"):
        if r["side"] != side:
            continue
        low, high = (80, 96) if r["age"] == "80+" else (int(r["age"].split("-")[0]), int(r["age"].split("-")[1]) + 1)
        pairs += [((low, high, "M"), float(r["male_pct"])), ((low, high, "F"), float(r["female_pct"]))]
    return Weighted(pairs)


def _district(place: Place) -> str:
    """Old district of a place without its kind: `Hoài Ân` for `Huyện Hoài Ân`."""
    name = place.old[0].district
    return next(
        (name.removeprefix(kind) for kind in ("Thành phố ", "Thị xã ", "Huyện ") if name.startswith(kind)), name
    )


def _hamlet(r: random.Random, place: Place, people: str) -> str:
    data = document("names.yaml")
    if place.town:
        return f"{r.randrange(1, 400)} {r.choice(data['streets'])}"
    upland = people not in (names.KINH, "Tày", "Nùng", "Mường", "Thái", "Dao", "Mông") and place.side == "west"
    return str(r.choice(data["hamlets"]["upland" if upland else place.side]))


def _phone(r: random.Random, index: int) -> str:
    if r.random() < 0.08:
        return ""
    return f"{_PHONE_PREFIXES[index % len(_PHONE_PREFIXES)]}{(index * 3_571_429 + 5) % 10_000_000:07d}"


def _pick_mother(r: random.Random, elders: list[Person], birth: date) -> Person | None:
    children = Counter(p.mother for p in elders)
    youngest = {p.mother: p.birth for p in elders}  # elders come eldest first
    fitting = [
        p for p in elders
        if p.sex == "F" and 18 <= (birth - p.birth).days / 365.25 <= 42 and children[p.index] < _MOST_CHILDREN
        and (birth - youngest.get(p.index, date.min)).days >= _SPACING
    ]  # fmt: skip
    return r.choice(fitting) if fitting else None


def _pick_spouse(r: random.Random, elders: list[Person], birth: date, sex: str) -> Person | None:
    """Someone of the other sex and about the same age whose household has no partner yet."""
    taken = {p.household for p in elders if p.sex == sex and p.mother < 0}
    fitting = [
        p for p in elders
        if p.sex != sex and p.mother < 0 and p.household not in taken and abs((birth - p.birth).days) < 9 * 365
    ]  # fmt: skip
    return r.choice(fitting) if fitting and r.random() < 0.85 else None


def _pick_relative(r: random.Random, elders: list[Person], age: float) -> Person | None:
    """A household that takes in someone without parent or partner: most of the young, half of the others."""
    if not elders or r.random() > (0.9 if age < 22 else 0.5):
        return None
    sizes = Counter(p.household for p in elders)
    roomy = [p for p in elders[-12:] if sizes[p.household] < _ROOMY]
    return r.choice(roomy) if roomy else None


def _partner(elders: list[Person], mother: Person) -> Person | None:
    return next((p for p in elders if p.sex == "M" and p.mother < 0 and p.household == mother.household), None)
