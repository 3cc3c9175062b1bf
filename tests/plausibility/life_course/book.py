"""The tables of a twin as people, dossiers with their lines, and the events of each life in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
# What comes first of what happens in one minute.
RANKS = {name: rank for rank, name in enumerate(
    ("born", "moved", "gives_birth", "immunised", "arrives", "order", "result", "leaves", "dies")
)}  # fmt: skip


def moment(text: str | None) -> datetime | None:
    """yyyymmddHHMM."""
    if not text or len(text) != 12 or not text.isdigit():
        return None
    try:
        return datetime(int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:]))
    except ValueError:
        return None


def amount(row: Row, name: str) -> Decimal | None:
    """An amount of money, None where nothing is said that is one."""
    text = row.get(name)
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return None


@dataclass(slots=True)
class Dossier:
    """One visit as written."""

    facility: str
    ma_lk: str
    person: int
    kind: str
    head: Row
    drugs: list[Row] = field(default_factory=list)
    services: list[Row] = field(default_factory=list)
    results: list[Row] = field(default_factory=list)
    referrals: list[Row] = field(default_factory=list)

    @property
    def arrives(self) -> datetime | None:
        """NGAY_VAO."""
        return moment(self.head["NGAY_VAO"])

    @property
    def leaves(self) -> datetime | None:
        """NGAY_RA."""
        return moment(self.head["NGAY_RA"])


@dataclass(slots=True)
class Event:
    """Something in one life. `line`: of which table and which row; `data` says what was born, moved or given."""

    at: datetime
    what: str
    dossier: Dossier | None = None
    table: str = ""
    line: Row | None = None
    data: Row | None = None


class Book:
    """All tables, by person."""

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        rows = {name: table.to_pylist() for name, table in tables.items()}
        self.people: dict[int, Row] = {row["person_no"]: row for row in rows["people"]}
        owners = {(row["facility"], row["ma_lk"]): row for row in rows["visits"]}
        self.dossiers: dict[tuple[str, str], Dossier] = {}
        for row in rows["xml1"]:
            key = row["facility"], row["ma_lk"]
            if key in owners:
                self.dossiers[key] = Dossier(*key, owners[key]["person_no"], owners[key]["kind"], row)
        for table, place in (("xml2", "drugs"), ("xml3", "services"), ("xml4", "results"), ("xml13", "referrals")):
            for row in rows[table]:
                if dossier := self.dossiers.get((row["facility"], row["ma_lk"])):
                    getattr(dossier, place).append(row)
        self._of: dict[int, list[Dossier]] = {}
        for dossier in self.dossiers.values():
            self._of.setdefault(dossier.person, []).append(dossier)
        self._moves, self._doses, self._births = (
            _by(rows["moves"], "person_no"), _by(rows["immunisations"], "person_no"), _by(rows["births"], "mother_no"),
        )  # fmt: skip
        self.children = _by(rows["people"], "mother_no")
        self.deliveries = {key: {row["mother_no"] for row in group} for key, group in _deliveries(rows["births"])}
        moments = [at for one in self.dossiers.values() if (at := one.leaves or one.arrives)]
        self.last = max(moments, default=datetime.min)

    def life(self, number: int) -> list[Event]:
        """What is told of one person, in order of time."""
        person = self.people[number]
        events = [Event(datetime.combine(person["birth"], time()), "born")]
        if person["died"]:
            events.append(Event(datetime.combine(person["died"], time(23, 59)), "dies"))
        events += [Event(_start(row["day"]), "moved", data=row) for row in self._moves.get(number, ())]
        events += [Event(_start(row["day"]), "immunised", data=row) for row in self._doses.get(number, ())]
        events += [Event(row["born"], "gives_birth", data=row) for row in self._births.get(number, ())]
        events += [Event(_start(row["birth"]), "gives_birth", data=row) for row in self.children.get(number, ())]
        for dossier in self._of.get(number, ()):
            events += self._visit(dossier)
        return sorted(events, key=lambda event: (event.at, RANKS[event.what]))

    def _visit(self, dossier: Dossier) -> Iterator[Event]:
        if dossier.arrives:
            yield Event(dossier.arrives, "arrives", dossier)
        if dossier.leaves:
            yield Event(dossier.leaves, "leaves", dossier)
        for table, lines in (("xml2", dossier.drugs), ("xml3", dossier.services)):
            for line in lines:
                for name in ("NGAY_YL", "NGAY_TH_YL"):
                    if at := moment(line[name]):
                        yield Event(at, "order", dossier, table, line)
        for table, lines in (("xml3", dossier.services), ("xml4", dossier.results)):
            for line in lines:
                if at := moment(line["NGAY_KQ"]):
                    yield Event(at, "result", dossier, table, line)


def _start(day: date) -> datetime:
    return datetime.combine(day, time())


def _by(rows: list[Row], name: str) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        if row[name] >= 0:
            found.setdefault(row[name], []).append(row)
    return found


def _deliveries(births: list[Row]) -> Iterator[tuple[tuple[str, str], list[Row]]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in births:
        found.setdefault((row["facility"], row["ma_lk"]), []).append(row)
    yield from found.items()
