"""Tables of a twin opened for writing: columns as lists, people each touched once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

Tables = Mapping[str, pa.Table]
Key = tuple[str, str]
Row = tuple[str, int]
"""Table and place in it."""
STAMPS = {
    "xml1": ("NGAY_VAO", "NGAY_RA", "NGAY_TTOAN"),
    "xml2": ("NGAY_YL", "NGAY_TH_YL"),
    "xml3": ("NGAY_YL", "NGAY_TH_YL", "NGAY_KQ"),
    "xml4": ("NGAY_KQ",),
    "xml5": ("THOI_DIEM_DBLS",),
}
STAYS = ("01", "03", "04", "06", "08", "09")
"""Kinds of visits during which a person is at the facility from arrival to leaving."""
MERGED = "20250701"
FORMAT = "%Y%m%d%H%M"


@dataclass(frozen=True, slots=True)
class Planted:
    """One error: the person and, where it stands in a dossier, its key and the number of the line."""

    kind: str
    table: str
    field: str
    person_no: int
    facility: str | None = None
    ma_lk: str | None = None
    stt: str | None = None
    others: frozenset[int] = frozenset()
    """Everyone else the error is about."""


def moved(stamp: str, by: timedelta) -> str:
    """yyyymmddHHMM some time earlier or later."""
    return (datetime.strptime(stamp, FORMAT) + by).strftime(FORMAT)


class Sheets:
    """`take` chooses whom an error is planted on: nobody twice, nor their mother or children."""

    def __init__(self, tables: Tables, seed: int) -> None:
        self.r = random.Random(seed)
        self._schemas = {name: table.schema for name, table in tables.items()}
        self._columns = {name: table.to_pydict() for name, table in tables.items()}
        people, visits = self._columns["people"], self._columns["visits"]
        self.place = {number: place for place, number in enumerate(people["person_no"])}
        self.person_of: dict[Key, int] = dict(
            zip(zip(visits["facility"], visits["ma_lk"], strict=True), visits["person_no"], strict=True)
        )
        self.kind_of: dict[Key, str] = dict(
            zip(zip(visits["facility"], visits["ma_lk"], strict=True), visits["kind"], strict=True)
        )
        self._lines: dict[tuple[str, Key], list[int]] = {}
        for table in (name for name in tables if name.startswith("xml")):
            sheet = self._columns[table]
            for place, key in enumerate(zip(sheet["facility"], sheet["ma_lk"], strict=True)):
                self._lines.setdefault((table, key), []).append(place)
        self._taken: set[int] = set()

    def tables(self) -> dict[str, Any]:
        """What has become of the tables."""
        return {name: pa.table(sheet, schema=self._schemas[name]) for name, sheet in self._columns.items()}

    def get(self, table: str, place: int, field: str) -> Any:
        """One value."""
        return self._columns[table][field][place]

    def put(self, table: str, place: int, field: str, value: object) -> None:
        """Another value instead."""
        self._columns[table][field][place] = value

    def add(self, table: str, **values: object) -> None:
        """One more row; null where nothing is said."""
        for field, column in self._columns[table].items():
            column.append(values.get(field))

    def count(self, table: str) -> int:
        """Rows of a table."""
        return len(self._columns[table]["person_no" if table in ("people", "moves") else "facility"])

    def person(self, number: int, field: str) -> Any:
        """A value of one person."""
        return self.get("people", self.place[number], field)

    def put_person(self, number: int, field: str, value: object) -> None:
        """Another value for one person."""
        self.put("people", self.place[number], field, value)

    def lines(self, table: str, key: Key) -> list[int]:
        """Places of the lines of a dossier."""
        return self._lines.get((table, key), [])

    def head(self, key: Key, field: str) -> Any:
        """A value of the XML1 row."""
        return self.get("xml1", self.lines("xml1", key)[0], field)

    def put_head(self, key: Key, field: str, value: object) -> None:
        """Another value in the XML1 row."""
        self.put("xml1", self.lines("xml1", key)[0], field, value)

    def age(self, number: int, stamp: str) -> float:
        """Years of a person at a moment."""
        return float((datetime.strptime(stamp[:8], "%Y%m%d").date() - self.person(number, "birth")).days / 365.25)

    def family(self, number: int) -> set[int]:
        """Themselves, their mother and her children, their own children."""
        people = self._columns["people"]
        mother = self.person(number, "mother_no")
        near = {number, mother} - {-1}
        for one, of in zip(people["person_no"], people["mother_no"], strict=True):
            if of >= 0 and of in (mother, number):
                near.add(one)
        return near

    def free(self, number: int) -> bool:
        """Whether nothing was planted on a person yet."""
        return number not in self._taken

    def take(self, numbers: Iterable[int], *, families: bool = True) -> None:
        """These people are spoken for."""
        for number in tuple(numbers):
            self._taken |= self.family(number) if families else {number}

    def choose_person(self, fits: Callable[[int], bool]) -> int:
        """A free person who fits, taken."""
        number = self.r.choice([one for one in self.place if self.free(one) and fits(one)])
        self.take([number])
        return number

    def choose_dossier(self, fits: Callable[[Key], bool]) -> tuple[Key, int]:
        """A dossier that fits of a free person, and the person, taken."""
        found = [
            key for key, number in self.person_of.items()
            if self.free(number) and self.lines("xml1", key) and fits(key)
        ]  # fmt: skip
        key = self.r.choice(found)
        self.take([self.person_of[key]])
        return key, self.person_of[key]

    def choose_line(self, table: str, fits: Callable[[int], bool]) -> tuple[Key, int, int]:
        """A line that fits of a dossier of a free person: dossier, person, place."""
        key, number = self.choose_dossier(lambda one: any(map(fits, self.lines(table, one))))
        return key, number, self.r.choice([place for place in self.lines(table, key) if fits(place)])

    def dossiers_of(self, number: int) -> list[Key]:
        """Every dossier of a person."""
        return [key for key, one in self.person_of.items() if one == number and self.lines("xml1", key)]

    def shift(self, key: Key, by: timedelta) -> None:
        """Everything in a dossier some time earlier or later."""
        for table, fields in STAMPS.items():
            for place in self.lines(table, key):
                for field in fields:
                    if stamp := self.get(table, place, field):
                        self.put(table, place, field, moved(stamp, by))

    def has_birth(self, key: Key) -> bool:
        """Whether a child was born during the stay."""
        births = self._columns["births"]
        return key in zip(births["facility"], births["ma_lk"], strict=True)
