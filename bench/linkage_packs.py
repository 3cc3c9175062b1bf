"""Packs of records whose persons are known: `python -m bench.linkage_packs --kind usual --records 10000 --out DIR`.

A pack is made of the people of the twin: one to six records a person at several facilities over two and a half years,
across the merger of the communes, with moves, twins of nearly one name, sons of their father's name, couples, newborns
written under the mother's name, families with one phone, old identity cards before new ones, changed insurance cards.
Errors of typing are the twin's (`data/entry_errors.csv`), at the rates of each facility's hand. No code of `linkage` is
used here, so that the one does not repeat the mistakes of the other.

`KINDS`: `usual` has identity numbers mostly, and errors as published; `twice` has twice the errors; in `no_ids` three
in five persons never show a number.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from bienho.config import load_profile
from bienho.synthetic.chance import Weighted, stream
from bienho.synthetic.dirt import rates
from bienho.synthetic.dirt.entries_codes import CODE_ERRORS
from bienho.synthetic.dirt.entries_names import NAME_ERRORS
from bienho.synthetic.dirt.entry import Maker, around
from bienho.synthetic.people import Person, blocks, make, persons, residence
from bienho.synthetic.people.names import ethnic_code
from bienho.synthetic.places import Clinic, Map, distance_km
from bienho.synthetic.plan import Plan

COLUMNS = (
    "record_id", "facility_code", "patient_local_id", "full_name", "birth_date", "sex", "personal_id", "insurance_no",
    "phone", "address_text", "commune_code", "province_code", "ethnic_code", "visit_date",
)  # fmt: skip
TRUTH = ("record_id", "person", "household", "twin", "mother", "father")
"""`twin`, `mother`, `father` are persons too, '' when there are none: they tell what a wrong join looked like."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`scale` of the errors of typing (1 as published); `without_ids` share of persons who never show a number."""

    scale: float = 1.0
    without_ids: float = 0.0


KINDS = {"usual": Kind(), "twice": Kind(scale=2.0), "no_ids": Kind(without_ids=0.6)}
_FIRST, _DAYS, _MONTHS = date(2024, 1, 1), 900, 30
_RECORDS = Weighted({1: 30, 2: 25, 3: 20, 4: 12, 5: 8, 6: 5}.items())
_MEAN = 2.58
PROVINCE = 3_583_691
"""People of the province."""
_GROUPS = ("GD4", "DN4", "HN2", "CN3", "HT3", "BT2")
_NEWBORN = 28  # days
# Planning figures: how often a record has what is on a person's papers.
_SHOWN = {"id": 0.93, "child_id": 0.4, "newborn_id": 0.03, "card": 0.88, "newborn_card": 0.3, "phone": 0.85}
_SAME_FACILITY, _SAME_LOCAL_ID, _NEW_PHONE, _NEW_GROUP = 0.25, 0.9, 0.12, 0.12
_LIKE_TWINS, _LIKE_FATHER, _OLD_CARD = 0.5, 0.006, 0.5
# Errors of fields a record does not have, or that the columns of a pack leave no room for.
_LEFT_OUT = {"unit_form", "decimal_form", "icd_form", "icd_retired", "thousand_dots", "time_form"}
_FIELDS = {
    "HO_TEN": "full_name", "NGAY_SINH": "birth_date", "GIOI_TINH": "sex", "SO_CCCD": "personal_id",
    "MA_THE_BHYT": "insurance_no", "DIEN_THOAI": "phone", "DIA_CHI": "address_text", "MAXA_CU_TRU": "commune_code",
    "MATINH_CU_TRU": "province_code", "NGAY_VAO": "visit_date", "MA_DKBD": "facility_code",
}  # fmt: skip


class _Row:
    """A record as the makers of errors look at it: cells of the table XML1."""

    version = ""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values

    def get(self, table: str, row: int, field: str) -> str | None:
        """The text of a cell, None where a record has no such field."""
        return self.values.get(_FIELDS.get(field, "")) if table == "XML1" and row == 1 else None

    def rows(self, table: str) -> range:
        """A record has a row of XML1 and none of the other tables."""
        return range(1, 2) if table == "XML1" else range(0)


@dataclass(slots=True)
class _Habits:
    """What stays the same over the records of one person."""

    ids: bool
    second_phone: str
    changed: date
    group: str
    new_card: date
    local: dict[str, str]


class _Pack:
    """One pack in the making."""

    def __init__(self, kind: Kind, seed: int, plan: Plan) -> None:
        self._kind, self._seed, self._plan = kind, seed, plan
        self._atlas = Map(load_profile("gialai"))
        self._near = cache(self._near_of)
        self._hands = cache(self._hand_of)
        self._locals = 0

    def _near_of(self, code: str) -> tuple[list[Clinic], list[Clinic]]:
        """(facilities people of a commune go to, nearest first by level; hospitals where they give birth)."""
        place = next(one for one in self._atlas.places if one.code == code)

        def nearest(level: int, count: int) -> list[Clinic]:
            pool = [clinic for clinic in self._atlas.clinics if clinic.level == level]
            return sorted(pool, key=lambda clinic: (distance_km(place, clinic.place), clinic.code))[:count]

        return [*nearest(1, 2), *nearest(2, 2), *nearest(3, 3)], [*nearest(2, 1), *nearest(3, 2)]

    def _hand_of(self, facility: str) -> list[tuple[Maker, float]]:
        """The errors one facility makes, with their rates."""
        makers = NAME_ERRORS | CODE_ERRORS
        found = rates(self._seed, facility, self._kind.scale).items()
        return [(makers[key], rate) for key, rate in found if key not in _LEFT_OUT and rate > 0]

    def records(self, r: random.Random | None, wanted: int) -> list[tuple[dict[str, str], dict[str, str]]]:
        """(record, line of the truth) of everyone, or of `wanted` people of blocks drawn by `r`; no `record_id` yet."""
        every = blocks(self._plan, self._atlas)
        if r is not None:
            r.shuffle(every)
        found: list[tuple[dict[str, str], dict[str, str]]] = []
        seen = 0
        for block in every:
            people, moves = make(self._plan, self._atlas, block)
            if r is not None:
                if seen >= wanted:
                    break
                people = people.slice(0, wanted - seen)
                moves = moves.filter(pc.is_in(moves["person_no"], value_set=people["person_no"]))
                seen += people.num_rows
            found += self._block(people, moves)
        return found

    def _block(self, people: pa.RecordBatch, moves: pa.RecordBatch) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
        elder = dict(zip(people["person_no"].to_pylist(), people["twin_of"].to_pylist(), strict=True))
        elder = {one: other for one, other in elder.items() if other is not None and other >= 0}
        twins = elder | {other: one for one, other in elder.items()}
        everyone = {person.index: person for person in persons(people, moves, self._atlas)}
        for person in everyone.values():
            r = stream(self._seed, "pack", person.index)
            _name_alike(person, everyone.get(elder.get(person.index, -1)), r)
            number = "" if person.index not in twins else "2" if person.index in elder else "1"
            truth = {
                "person": person.key,
                "household": f"H{person.household:07d}",
                "twin": _key(twins.get(person.index)),
                "mother": _key(person.mother),
                "father": _key(person.father),
            }
            for record in self._of(person, number, r):
                yield record, truth

    def _of(self, person: Person, number: str, r: random.Random) -> Iterator[dict[str, str]]:
        """Records of one person; `number` tells which of twins."""
        habits = self._habits(person, r)
        facility: Clinic | None = None
        for day in _days(person, r):
            near, births = self._near(person.home_on(day)[0].code)
            newborn = (day - person.birth).days <= _NEWBORN
            if facility is None or newborn or r.random() >= _SAME_FACILITY:
                facility = r.choice(births) if newborn else r.choices(near, (5, 2, 4, 1, 4, 2, 1)[: len(near)])[0]
            values = self._record(person, day, facility, habits, r)
            named = values["full_name"]
            self._soil(values, person, day, r)
            if number and newborn and values["full_name"] != named and r.random() < 0.6:
                values["full_name"] += r.choice((f" {number}", f" - bé {number}", f" ({number})"))
            yield values

    def _habits(self, person: Person, r: random.Random) -> _Habits:
        return _Habits(
            ids=r.random() >= self._kind.without_ids,
            second_phone=f"{r.choice(('0331', '0532', '0715', '0801', '0951'))}{r.randrange(10**6):06d}",
            changed=_FIRST + timedelta(days=r.randrange(_DAYS)),
            group=r.choice(_GROUPS) if r.random() < _NEW_GROUP else "",
            new_card=_FIRST + timedelta(days=r.randrange(_DAYS)) if r.random() < _OLD_CARD else _FIRST,
            local={},
        )

    def _record(self, person: Person, day: date, facility: Clinic, habits: _Habits, r: random.Random) -> dict[str, str]:
        """A record as it should be, of what the person shows that day."""
        codes = residence(person, day)
        newborn = (day - person.birth).days <= _NEWBORN
        shown = _SHOWN["newborn_card"] if newborn else _SHOWN["card"]
        return {
            "record_id": "",
            "facility_code": facility.code,
            "patient_local_id": self._local_id(facility, habits, r),
            "full_name": person.name,
            "birth_date": person.birth_text()[:8],
            "sex": "1" if person.sex == "M" else "2",
            "personal_id": _personal_id(person, day, habits, newborn, r),
            "insurance_no": _card(person, day, habits) if habits.ids and r.random() < shown else "",
            "phone": _phone(person, day, habits, newborn, r),
            "address_text": person.address_on(day),
            "commune_code": codes["MAXA_CU_TRU"],
            "province_code": codes["MATINH_CU_TRU"],
            "ethnic_code": ethnic_code(person.people),
            "visit_date": f"{day:%Y%m%d}",
        }

    def _local_id(self, facility: Clinic, habits: _Habits, r: random.Random) -> str:
        """The facility's own number of a patient: the one of before, or a new one where nobody looked."""
        known = habits.local.get(facility.code)
        if known is None or r.random() >= _SAME_LOCAL_ID:
            self._locals += 1
            known = habits.local[facility.code] = f"BN{self._locals:08d}"
        return known

    def _soil(self, values: dict[str, str], person: Person, day: date, r: random.Random) -> None:
        """Errors of typing, one a field at most."""
        row, beside = _Row(values), around(person, day)
        taken: set[str] = set()
        for make_error, rate in self._hands(values["facility_code"]):
            if r.random() >= rate:
                continue
            slip = make_error(row, beside, r)  # type: ignore[arg-type]  # a row has all that the makers look at
            name = _FIELDS.get(slip.field) if slip and slip.table == "XML1" else None
            if slip is None or name is None or name in taken or not values[name]:
                continue
            values[name] = slip.text or ""
            taken.add(name)
            for field, text in slip.also.items():
                if field in _FIELDS:
                    values[_FIELDS[field]] = text


def _key(number: int | None) -> str:
    """Name of a person in the truth, '' for nobody."""
    return f"P{number:07d}" if number is not None and number >= 0 else ""


def _name_alike(person: Person, elder: Person | None, r: random.Random) -> None:
    """Twins often differ by their last syllable alone, a few sons are called as their father."""
    parts = person.name.split(" ")
    if elder is not None and r.random() < _LIKE_TWINS and len(parts) > 2:
        person.name = " ".join([*elder.name.split(" ")[:-1], parts[-1]])
    father = person.parents[1]
    if father is not None and person.sex == "M" and r.random() < _LIKE_FATHER:
        person.name = father.name


def _days(person: Person, r: random.Random) -> list[date]:
    """Days of the visits in order; a child born in the window is first seen when it is born."""
    first = max(_FIRST, person.since, person.birth)
    last = min(_FIRST + timedelta(days=_DAYS - 1), person.until)
    if first > last:
        return []
    span = (last - first).days + 1
    found = sorted(first + timedelta(days=r.randrange(span)) for _ in range(_RECORDS.draw(r)))
    if person.birth >= _FIRST:
        found[0] = min(last, person.birth + timedelta(days=r.randrange(4)))
    return found


def _personal_id(person: Person, day: date, habits: _Habits, newborn: bool, r: random.Random) -> str:
    """The number on the paper shown: the old card until the new one came."""
    age = person.age_on(day)
    shown = _SHOWN["newborn_id"] if newborn else _SHOWN["child_id"] if age < 14 else _SHOWN["id"]
    if not habits.ids or r.random() >= shown:
        return ""
    return person.former_id if person.former_id and day < habits.new_card else person.personal_id


def _card(person: Person, day: date, habits: _Habits) -> str:
    """The insurance card; where the group changed, the same last ten digits behind another head."""
    card = person.card_on(day)
    moved = habits.group and day >= habits.changed and card and person.age_on(day) >= 18
    return f"{habits.group}{card[3:]}" if moved else card


def _phone(person: Person, day: date, habits: _Habits, newborn: bool, r: random.Random) -> str:
    if r.random() >= _SHOWN["phone"]:
        return ""
    if newborn and person.parents[0] and person.parents[0].phone:
        return person.parents[0].phone
    other = r.random() < _NEW_PHONE and day >= habits.changed
    return habits.second_phone if other and person.phone else person.phone


def pack(kind: str, records: int, seed: int, *, dense: bool = False) -> tuple[pa.Table, pa.Table]:
    """(records in order of arrival, truth): texts, '' for nothing; exactly `records` rows, same seed, same rows.

    The persons are spread thinly over the whole province, or, `dense`, are neighbours out of a twin of its real size,
    where many of one commune share a name.
    """
    wanted = round(records / _MEAN * 1.06) + 60
    plan = Plan(persons=PROVINCE if dense else wanted, months=_MONTHS, start=_FIRST, seed=seed)
    r = stream(seed, "pack", kind)
    made = _Pack(KINDS[kind], seed, plan).records(r if dense else None, wanted)
    if len(made) < records:
        raise AssertionError("a pack came out short")
    r.shuffle(made)
    kept = sorted(made[:records], key=lambda pair: pair[0]["visit_date"])
    for number, (record, _) in enumerate(kept):
        record["record_id"] = f"R{number:07d}"
    rows = [record for record, _ in kept]
    truths = [{"record_id": record["record_id"], **truth} for record, truth in kept]
    return _table(rows, COLUMNS), _table(truths, TRUTH)


def _table(rows: list[dict[str, str]], names: tuple[str, ...]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in names})


def write(kind: str, records: int, seed: int, out: Path, *, dense: bool = False) -> tuple[Path, Path]:
    """Write a pack as `DIR/<kind>-<records>-<seed>.csv` (`…-dense.csv`) and `….truth.csv`; their paths."""
    out.mkdir(parents=True, exist_ok=True)
    paths = tuple(out / f"{kind}-{records}-{seed}{'-dense' if dense else ''}.{end}" for end in ("csv", "truth.csv"))
    for table, path in zip(pack(kind, records, seed, dense=dense), paths, strict=True):
        pyarrow.csv.write_csv(table, path)
    return paths[0], paths[1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.linkage_packs", description=__doc__)
    parser.add_argument("--kind", choices=sorted(KINDS), required=True)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dense", action="store_true", help="neighbours, as many in a commune as there really are")
    given = parser.parse_args()
    for path in write(given.kind, given.records, given.seed, given.out, dense=given.dense):
        print(path)


if __name__ == "__main__":
    main()
