"""What the matrix of authorisation asks about: two tables by hand, and a thing of each kind of two facilities."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bienho.config import Home, KeyRing
from bienho.contracts import catalogue
from bienho.database import Database
from bienho.governance import Actor, Agreements, Emergencies, Gate, accounts, decisions, permits, pinned
from bienho.governance.agreements import checked
from bienho.governance.changes import SYSTEM
from bienho.governance.people import memberships, units
from bienho.privacy import Erasures
from support.fake_gate import NOW
from support.governed import table as arrow
from support.papers import PAPER
from tools import authorisation as tool

DATA = Path(__file__).parents[1] / "integration" / "data"
OWN, OTHER = tool.FACILITY, tool.OTHER_FACILITY
DELIVERIES = {OWN: "D000000000001", OTHER: "D000000000002"}
DOSSIERS = {OWN: "ab" * 16, OTHER: "cd" * 16}
NUMBERS = {OWN: "7101", OTHER: "8202"}
UNITS = {OWN: tool.UNITS["facility"].code, OTHER: tool.OTHER_UNIT.code}
PERSONS = {OWN: "nv.an", OTHER: "nv.binh"}
NAMES = {OWN: "Ksor An Nhiên", OTHER: "Rơ Mah Bình Yên"}
BY = Actor("an", "An", ("administrator",), "cli")


@dataclass(frozen=True)
class Store:
    """The datasets in memory instead of in the lake, whose snapshots and files are not what is asked here."""

    connection: duckdb.DuckDBPyConnection

    def snapshot_id(self) -> int:
        return 1

    def empty(self, at: int) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True)
class Door:
    """One line of doors.csv; `wanted` names one class or two of which either is enough."""

    kind: str
    name: str
    wanted: str
    way: str

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.wanted.split("|"))


def lines(name: str) -> list[dict[str, str]]:
    text = [line for line in (DATA / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(text))


@cache
def doors(kind: str) -> tuple[Door, ...]:
    found = [Door(row["kind"], row["name"], row["class"], row["way"]) for row in lines("doors.csv")]
    return tuple(door for door in found if door.kind == kind)


@cache
def expected() -> dict[tuple[str, str], dict[str, str]]:
    """(role, reach) → {class: all or own}."""
    return {
        (row["role"], row["reach"]): {
            **dict.fromkeys(row["all"].split(), "all"),
            **dict.fromkeys(row["own"].split(), "own"),
        }
        for row in lines("authorisation.csv")
    }


@dataclass(frozen=True)
class Things:
    """What was laid out in the house, by facility, and what belongs to none."""

    memberships: dict[str, int]
    emergencies: dict[str, str]
    events: dict[str, int]
    erasure: str

    def named(self, facility: str) -> dict[str, object]:
        """What the words in braces of a WAY stand for."""
        return {
            "facility": facility,
            "delivery": DELIVERIES[facility], "dossier": DOSSIERS[facility], "unit": UNITS[facility],
            "person": PERSONS[facility], "membership": self.memberships[facility], "event": self.events[facility],
            "emergency": self.emergencies[facility], "draft": "dt-soan", "submitted": "dt-trinh",
            "erasure": self.erasure,
        }  # fmt: skip


def lay_out(db: Database, keys: KeyRing, home: Home, names: list[str]) -> Things:
    """An account of each name, a unit of each reach, and a person, a membership, an emergency … of two of them.

    Whatever else the house holds already may stay.
    """
    accounts.create(db, home, accounts.new(BY.account_id, BY.name, BY.roles, "an"), by=SYSTEM, replace_nothing=True)
    for name in (*names, *PERSONS.values()):
        shown = {PERSONS[facility]: NAMES[facility] for facility in PERSONS}.get(name, name)
        accounts.create(db, home, accounts.new(name, shown), by=SYSTEM)
    units.ensure(db, home, tool.TREE.values(), NOW)
    given, opened, events = {}, {}, {}
    for facility, person in PERSONS.items():
        given[facility] = memberships.give(
            db, home, by=BY, account_id=person, unit=UNITS[facility], role="clinician", document="1/SYT",
            now=NOW - timedelta(days=175),
        ).membership_id  # fmt: skip
        actor = Actor(person, NAMES[facility], ("clinician",), "portal")
        opened[facility] = Emergencies(db).open(
            actor, "tra-cuu-ho-so", DOSSIERS[facility], "cap-cuu-nguoi-benh", "", NOW - timedelta(days=7)
        ).emergency_id  # fmt: skip
        permits.permit(db, keys, home, actor, "audit-own", "list", purpose="tra-cuu-ho-so")
        events[facility] = last_event(db, person)
    book = Agreements(db)
    for code in ("dt-soan", "dt-trinh"):
        book.draft(checked({**PAPER, "code": code}), "nv.soan", NOW)
    book.move("dt-trinh", "submit", "nv.soan", NOW)
    erasure = Erasures(db).ask("1/SYT", "Luật 91/2025/QH15", "het-han", "nv.soan", ["ef" * 16], [])
    return Things(given, opened, events, erasure.erasure_id)


def last_event(db: Database, account_id: str) -> int:
    """The newest event of an account."""
    return int(decisions.page(db, decisions.Wanted(account=account_id), limit=1)[0]["seq"])


@contextmanager
def gate_over(db: Database, keys: KeyRing, home: Home) -> Iterator[Gate]:
    """A gate over the datasets as `fill` has them."""
    with duckdb.connect() as connection, pytest.MonkeyPatch.context() as patch:
        connection.execute("ATTACH ':memory:' AS lake")
        for zone in {contract.zone for contract in catalogue().values()}:
            connection.execute(f"CREATE SCHEMA lake.{zone}")
        for contract in catalogue().values():
            connection.execute(contract.ddl("lake"))
        fill(connection)
        patch.setattr(pinned, "reading", lambda table, **_: f"SELECT * FROM lake.{table.full_name}")
        opened = Gate(Store(connection), db, keys, home)
        try:
            yield opened
        finally:
            opened.close()


def fill(connection: Any) -> None:
    """A delivery, a dossier, its visit, a finding, a quarantined part and a number of each of two facilities."""
    received = datetime(2026, 11, 2, 7, 30, tzinfo=UTC)
    given: dict[str, list[dict[str, Any]]] = {}
    for place, (facility, delivery) in enumerate(DELIVERIES.items(), 1):
        version, key = place * 1_000_000 + 1, DOSSIERS[facility]
        head = {
            "version_id": version, "row_no": 1, "delivery_seq": place, "delivery_id": delivery, "hoso": 1,
            "facility_code": facility, "dossier_key": key, "encounter_key": key, "patient_key": f"{place:032x}",
            "record_id": f"{place:032x}", "received_at": received, "document": "visit", "format_version": "4750",
            "version_evidence": "structure", "commune_canonical": tool.COMMUNE if facility == OWN else "23554",
            "severity": "error", "owner": "facility", "code": "IN-X", "message": "Sai", "finding_id": str(version),
            "week_start": date(2026, 11, 2) - place * timedelta(days=7), "chapter": "X", "patients": 1,
            "encounters": int(NUMBERS[facility]), "HO_TEN": "*",
            "outcome": "accepted_with_findings", "kind": "file", "status": "valid", "member": 0, "MA_CSKCB": facility,
            "judged_at": received, "rank": 1, "table_name": "XML1", "dimension": "tong", "dataset": "xml130.visit",
            "score": 90, "standing": "closed", "loss_no": place, "points": 10, "points_total": 10,
            "day": received.date(), "dossiers": 1, "formula": "x/1",
        }  # fmt: skip
        for dataset in (
            "standard.delivery", "standard.xml130_dossier", "standard.xml130_1", "conformed.encounter",
            "conformed.patient", "conformed.condition", "quality.finding", "quality.quarantine", "quality.signature",
            "derived.facility_week_chapter", "quality.score", "quality.score_loss",
        ):  # fmt: skip
            if dataset.startswith("quality.score"):
                head |= {"week_start": date(2026, 10, 26)}
            given.setdefault(dataset, []).append(
                {name: value for name, value in head.items() if name in catalogue()[dataset].by_name}
            )
    given["quality.score"] += [{**row, "dimension": "dung"} for row in given["quality.score"]]
    for dataset, rows in given.items():
        connection.register("incoming", arrow(dataset, rows))
        connection.execute(f"INSERT INTO lake.{dataset} BY NAME SELECT * FROM incoming")
        connection.unregister("incoming")
