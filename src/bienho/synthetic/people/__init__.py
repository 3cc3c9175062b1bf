"""The people of a twin: columns made block by block (`blocks`, `make`), and one human as the dossier builder sees them.

`PEOPLE` has a row for everyone who lived in the province at any time of the window, in the order of `person_no`; the
people of a household stand together. `MOVES` has a row for every move between communes of the province.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa

from bienho.synthetic.people.crowd import Block, blocks
from bienho.synthetic.people.roll import MOVES, PEOPLE, make
from bienho.synthetic.places import MERGED, Map, OldCommune, Place
from bienho.synthetic.plan import Plan

__all__ = ["MOVES", "PEOPLE", "Block", "Person", "blocks", "make", "persons", "population", "residence"]

OLD_PROVINCE = {"52": "Tỉnh Bình Định", "64": "Tỉnh Gia Lai"}


@dataclass(frozen=True, slots=True)
class Home:
    """Where a person lived until the day before `until`, before they moved."""

    until: date
    place: Place
    old: OldCommune
    hamlet: str

    def code_on(self, day: date) -> str:
        """Code of the commune in the units of a day."""
        return self.place.code if day >= MERGED else self.old.code


@dataclass(slots=True)
class Person:
    """One synthetic human. `sex` is F or M; `birth_known` tells whether day and month of birth are on papers.

    `place`, `old` and `hamlet` are those of the end; `homes` those before, in order. `group` is the insurance group of
    an adult.
    """

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
    since: date = date.min
    until: date = date.max
    died: date | None = None
    former_id: str = ""
    social_protection: str = ""
    disability: str = ""
    homes: tuple[Home, ...] = ()

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
        place, old, hamlet = self.home_on(day)
        if day >= MERGED:
            return f"{hamlet}, {place.name}, Tỉnh Gia Lai"
        return f"{hamlet}, {old.name}, {old.district}, {OLD_PROVINCE[old.province_code]}"

    def home_on(self, day: date) -> tuple[Place, OldCommune, str]:
        """Commune, commune of before the merger, and hamlet where the person lives on a day."""
        for home in self.homes:
            if day < home.until:
                return home.place, home.old, home.hamlet
        return self.place, self.old, self.hamlet

    def lives_here(self, day: date) -> bool:
        """Whether the person is alive and in the province on a day."""
        return self.since <= day <= self.until

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
    place, old, _ = person.home_on(day)
    if day >= MERGED:
        return {"MATINH_CU_TRU": "52", "MAHUYEN_CU_TRU": "", "MAXA_CU_TRU": place.code}
    return {"MATINH_CU_TRU": old.province_code, "MAHUYEN_CU_TRU": old.district_code, "MAXA_CU_TRU": old.code}


def population(plan: Plan, atlas: Map) -> Iterator[Person]:
    """All people of a twin one by one, in order; the memory of one block is held."""
    for block in blocks(plan, atlas):
        yield from persons(*make(plan, atlas, block), atlas)


def persons(people: pa.RecordBatch, moves: pa.RecordBatch, atlas: Map) -> list[Person]:
    """The people of one block as objects: what `make` gives for it, or some of its households whole."""
    places = {place.code: place for place in atlas.places}
    olds = {old.code: old for place in atlas.places for old in place.old}
    new_of = {old.code: place for place in atlas.places for old in place.old}
    homes: dict[int, tuple[Home, ...]] = {}
    for move in moves.to_pylist():
        code, day = move["from_commune"], move["day"]
        place = places[code] if day >= MERGED else new_of[code]
        old = place.old[move["person_no"] % len(place.old)] if day >= MERGED else olds[code]
        homes[move["person_no"]] = (*homes.get(move["person_no"], ()), Home(day, place, old, move["from_hamlet"]))
    found: dict[int, Person] = {}
    for row in _rows(people):
        found[row["person_no"]] = Person(
            index=row["person_no"], household=row["household_no"], sex=row["sex"], birth=row["birth"],
            birth_minute=row["birth_minute"], birth_known=row["birth_known"], people=row["people"],
            family=row["family"], name=row["name"], place=places[row["commune"]], old=olds[row["old_commune"]],
            hamlet=row["hamlet"], personal_id=row["personal_id"], insurance_id=row["insurance_id"],
            group=row["insurance_group"], phone=row["phone"], job=row["job"], blood=row["blood"],
            height=row["height"], mother=row["mother_no"], father=row["father_no"], since=row["since"],
            until=row["until"] or date.max, died=row["died"], former_id=row["former_id"] or "",
            social_protection=row["social_protection"], disability=row["disability"],
            homes=homes.get(row["person_no"], ()),
        )  # fmt: skip
    for person in found.values():
        person.parents = (found.get(person.mother), found.get(person.father))
    return list(found.values())


def _rows(people: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    columns = [column.to_pylist() for column in people.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(people.schema.names, values, strict=True))
