"""The truth beside the deliveries: who is who, what each dossier is, which errors were put in. Parquet, in clear.

All people are synthetic: this is the only place outside a delivery where their identifiers stand together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bienho.sources.files import IGNORE_MARKER
from bienho.standards.xml130.write import BARE, TABLES
from bienho.synthetic.dirt import ASIDE, CLEAN, FOUND, LOST, Injected
from bienho.synthetic.dossiers.courses import Delivery
from bienho.synthetic.dossiers.visits import Visit
from bienho.synthetic.events import Events
from bienho.synthetic.people import Person, names, residence
from bienho.synthetic.plan import Plan

DOSSIER_TABLES = tuple(table for table in TABLES if table not in BARE)
PEOPLE = pa.schema(
    [
        ("person_id", pa.string()), ("household_id", pa.int64()),
        ("mother_id", pa.string()), ("father_id", pa.string()),
        ("name", pa.string()), ("sex", pa.string()), ("birth_date", pa.date32()), ("birth_text", pa.string()),
        ("ethnic_code", pa.string()), ("people", pa.string()), ("personal_id", pa.string()),
        ("insurance_number", pa.string()), ("insurance_card", pa.string()), ("phone", pa.string()),
        ("address", pa.string()), ("address_before_merger", pa.string()), ("commune_code", pa.string()),
        ("old_commune_code", pa.string()), ("old_district_code", pa.string()), ("side", pa.string()),
        ("since", pa.date32()), ("until", pa.date32()), ("died", pa.date32()), ("former_id", pa.string()),
        ("social_protection", pa.string()), ("disability", pa.string()),
    ]
)  # fmt: skip
MOVES = pa.schema(
    [
        ("person_id", pa.string()), ("day", pa.date32()), ("from_commune_code", pa.string()),
        ("to_commune_code", pa.string()),
    ]
)  # fmt: skip
DOSSIERS = pa.schema(
    [
        ("dossier_no", pa.int64()), ("facility", pa.string()), ("ma_lk", pa.string()), ("ma_bn", pa.string()),
        ("person_id", pa.string()), ("version", pa.string()), ("style", pa.string()), ("file", pa.string()),
        ("hoso", pa.int64()), ("kind", pa.string()), ("visit_kind", pa.string()), ("icd10", pa.string()),
        ("admitted", pa.timestamp("us")), ("discharged", pa.timestamp("us")), ("created", pa.date32()),
        *((f"rows_{table.lower()}", pa.int64()) for table in DOSSIER_TABLES),
        ("total_cost", pa.decimal128(18, 2)), ("injected", pa.string()),
        ("outcome", pa.string()), ("superseded_by", pa.int64()), ("duplicate_of", pa.int64()),
    ]
)  # fmt: skip
ERRORS = pa.schema(
    [
        ("dossier_no", pa.int64()), ("facility", pa.string()), ("file", pa.string()), ("hoso", pa.int64()),
        ("kind", pa.string()), ("table", pa.string()), ("field", pa.string()), ("rule", pa.int64()),
        ("outcome", pa.string()), ("note", pa.string()), ("document", pa.string()), ("code", pa.string()),
        ("row", pa.int64()), ("was", pa.string()),
    ]
)  # fmt: skip
BIRTHS = pa.schema(
    [
        ("facility", pa.string()), ("ma_lk", pa.string()), ("mother_id", pa.string()), ("child_id", pa.string()),
        ("place", pa.int64()), ("born", pa.timestamp("us")), ("sex", pa.string()), ("name", pa.string()),
        ("weight_g", pa.int64()), ("weeks", pa.int64()), ("slip", pa.string()), ("temporary_card", pa.string()),
    ]
)  # fmt: skip
CHECK_INS = pa.schema(
    [
        ("facility", pa.string()), ("file", pa.string()), ("hoso", pa.int64()), ("rows", pa.int64()),
        ("ma_lk", pa.string()), ("ma_bn", pa.string()), ("person_id", pa.string()), ("version", pa.string()),
        ("style", pa.string()), ("arrived", pa.timestamp("us")), ("injected", pa.string()), ("outcome", pa.string()),
    ]
)  # fmt: skip
ASSESSMENTS = pa.schema(
    [
        ("facility", pa.string()), ("file", pa.string()), ("hoso", pa.int64()), ("record", pa.string()),
        ("person_id", pa.string()), ("met", pa.date32()), ("rate", pa.int64()), ("version", pa.string()),
        ("style", pa.string()), ("injected", pa.string()), ("outcome", pa.string()),
    ]
)  # fmt: skip
DESCRIPTIONS = {
    "people": "One synthetic person per row, all identifiers in clear. commune_code is that of the end of the window, "
    "of death or of leaving; until is the day of death or leaving, null for those who stay.",
    "moves": "One move between communes of the province per row, with the codes valid on the day.",
    "dossiers": "One HOSO as written per row. kind: first, resend, duplicate. outcome: accepted, "
    "accepted_with_findings, quarantined, duplicate, or lost when a cut file never held it or its file was never sent. "
    "superseded_by and duplicate_of hold a dossier_no.",
    "errors": "One injected error per row; hoso is null where the error is the file's. code: what the reader finds. "
    "row: the row of the table; was: the class of what stood there.",
    "births": "One newborn per row: the dossier of the mother's stay, the slip of XML9. child_id is null for a child "
    "who is not among the people.",
    "checkins": "One person reported on arrival per row (XML0): hoso is the first of its rows in the file.",
    "cases": "One case of a notifiable disease per row, seen or not. visited: start of its first visit; sent: its "
    "dossier left the facility; reported: it stands at the province. person_no is the number in person_id.",
    "courses": "One course of a chronic disease, of dialysis, tuberculosis or HIV per row: visits due and kept.",
    "immunisations": "One dose per row, of children born within seven years of the window.",
    "outbreaks": "One injected outbreak per row: the commune of its middle, all communes, cases expected and come.",
    "scenarios": "What one facility does under a scenario, from first until before end.",
    "assessments": "One record of the medical assessment board per row (XML12): hoso is its row in the file.",
}


@dataclass(slots=True)
class Truth:
    """Collects the truth while files are written, settles what follows what, and writes it."""

    people: list[dict[str, Any]] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)
    dossiers: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    births: list[dict[str, Any]] = field(default_factory=list)
    check_ins: list[dict[str, Any]] = field(default_factory=list)
    assessments: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, pa.Table] = field(default_factory=dict)

    def add_events(self, events: Events, outbreaks: pa.Table, effects: pa.Table) -> None:
        """The tables of events that are truth as they stand, and what the scenarios do."""
        self.tables = {
            "cases": events.cases,
            "courses": events.courses,
            "immunisations": events.immunisations,
            "outbreaks": outbreaks,
            "scenarios": effects,
        }

    def add_person(self, person: Person, on: date) -> None:
        """A person as of a day (card and addresses)."""
        self.people.append(
            {
                "person_id": person.key,
                "household_id": person.household,
                "mother_id": f"P{person.mother:07d}" if person.mother >= 0 else None,
                "father_id": f"P{person.father:07d}" if person.father >= 0 else None,
                "name": person.name,
                "sex": person.sex,
                "birth_date": person.birth,
                "birth_text": person.birth_text(),
                "ethnic_code": names.ethnic_code(person.people),
                "people": person.people,
                "personal_id": person.personal_id,
                "insurance_number": person.insurance_id,
                "insurance_card": person.card_on(on) or None,
                "phone": person.phone or None,
                "address": f"{person.hamlet}, {person.place.name}, Tỉnh Gia Lai",
                "address_before_merger": person.address_on(date(2025, 6, 30)),
                "commune_code": person.place.code,
                "old_commune_code": person.old.code,
                "old_district_code": person.old.district_code,
                "side": person.place.side,
                "since": person.since,
                "until": None if person.until == date.max else person.until,
                "died": person.died,
                "former_id": person.former_id or None,
                "social_protection": person.social_protection or None,
                "disability": person.disability or None,
            }
        )

        self.moves += [
            {
                "person_id": person.key,
                "day": home.until,
                "from_commune_code": home.code_on(home.until),
                "to_commune_code": residence(person, home.until)["MAXA_CU_TRU"],
            }
            for home in person.homes
        ]

    def settle(self) -> None:
        """Follow the deliveries in their order per facility: what is a duplicate, what replaces what.

        A dossier set aside or lost takes no part; the content of a resend differs from that of the first.
        """
        heads: dict[str, dict[str, Any]] = {}
        for dossier in self.dossiers:
            dossier["superseded_by"] = dossier["duplicate_of"] = None
            if dossier["outcome"] in (ASIDE, LOST):
                continue
            key = dossier["ma_lk"]
            head = heads.get(key)
            if head is not None and head["content"] == dossier["content"]:
                dossier["outcome"], dossier["duplicate_of"] = "duplicate", head["dossier_no"]
                continue
            if head is not None:
                head["superseded_by"] = dossier["dossier_no"]
            heads[key] = dossier

    def write(self, folder: Path, plan: Plan) -> None:
        """One parquet file per table and plan.json under `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / IGNORE_MARKER).touch()  # whoever takes in the whole output passes the truth over
        for name, schema, rows in (
            ("people", PEOPLE, self.people),
            ("moves", MOVES, self.moves),
            ("dossiers", DOSSIERS, self.dossiers),
            ("errors", ERRORS, self.errors),
            ("births", BIRTHS, self.births),
            ("checkins", CHECK_INS, self.check_ins),
            ("assessments", ASSESSMENTS, self.assessments),
        ):
            _write(folder / f"{name}.parquet", schema, rows, DESCRIPTIONS[name])
        for name, table in self.tables.items():
            _store(folder / f"{name}.parquet", table, DESCRIPTIONS[name])
        text = json.dumps(plan.as_dict(), ensure_ascii=False, indent=2, sort_keys=True)
        (folder / "plan.json").write_text(text + "\n", encoding="utf-8")


def birth_rows(visit: Visit, delivery: Delivery, key: str, slips: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The children of one delivery; `slips` are the rows of XML9, one per child."""
    return [
        {
            "facility": visit.clinic.code,
            "ma_lk": key,
            "mother_id": visit.person.key,
            "child_id": child.person.key if child.person else None,
            "place": place,
            "born": child.born,
            "sex": child.sex,
            "name": child.name or None,
            "weight_g": child.weight,
            "weeks": delivery.weeks,
            "slip": slip["SO"],
            "temporary_card": slip["MA_THE_TAM"],
        }
        for place, (child, slip) in enumerate(zip(delivery.children, slips, strict=True), 1)
    ]


def error_row(
    entry: Mapping[str, Any] | None, facility: str, file: str, injected: Injected, document: str = "visit"
) -> dict[str, Any]:
    """One injected error of the document `entry` tells of; None for an error of the file."""
    return {
        "dossier_no": entry.get("dossier_no") if entry else None,
        "facility": facility,
        "file": file,
        "hoso": entry["hoso"] if entry else None,
        "kind": injected.kind,
        "table": injected.table or None,
        "field": injected.field or None,
        "rule": injected.rule,
        "outcome": injected.outcome,
        "note": injected.note,
        "document": document,
        "code": injected.code,
        "row": injected.row,
        "was": injected.was,
    }


def outcomes(dossiers: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Dossiers per expected outcome."""
    counts = dict.fromkeys((CLEAN, FOUND, ASIDE, "duplicate", LOST), 0)
    for dossier in dossiers:
        counts[dossier["outcome"]] += 1
    return counts


def _write(path: Path, schema: pa.Schema, rows: Sequence[dict[str, Any]], description: str) -> None:
    columns = [pa.array([row.get(name) for row in rows], schema.field(name).type) for name in schema.names]
    _store(path, pa.Table.from_arrays(columns, schema=schema), description)


def _store(path: Path, table: pa.Table, description: str) -> None:
    pq.write_table(table.replace_schema_metadata({"description": description}), path, compression="zstd")
