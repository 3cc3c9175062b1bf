"""Dossiers as columns of the lake and as payloads of the vault, and back.

The lake holds a marker where a text lies in the vault; payload rows stand at the same positions as lake rows. Together
they give back exactly what was received: `restore(vault_payload(d), build([d])) == d.tables` with what was kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bienho.contracts import VAULT_MARKER, catalogue
from bienho.core.ids import delivery_id
from bienho.privacy import Blind, blind_entries
from bienho.standards.xml130.read_model import Dossier, Row, Tables
from bienho.standards.xml130.versions import TABLES, contract_of, wire_names

Payload = dict[str, list[Row]]
# Arrow looks for a library it may not find each time it is given a plain value: ten times the cost of the work itself.
_ZERO, _MARKER = pa.scalar(0), pa.scalar(VAULT_MARKER)


@dataclass(frozen=True, slots=True)
class Versioned:
    """A dossier with the names the house gave it; `received_at` carries a time zone.

    `encounter_key` is the dossier key of the visit it belongs to: its own of a visit, None of an assessment.
    """

    version_id: int
    delivery_seq: int
    dossier: Dossier
    dossier_key: str
    patient_key: str
    record_id: str
    content_digest: str
    received_at: datetime
    encounter_key: str | None = None


@cache
def _held(table: str) -> tuple[str, ...]:
    return tuple(field.name for field in contract_of(table).vault_fields)


@cache
def _official(table: str) -> frozenset[str]:
    return frozenset(field.name for field in contract_of(table).official_fields)


def dataset_of(table: str) -> str:
    """`XML3` → `standard.xml130_3`."""
    return contract_of(table).id


def build(versions: Sequence[Versioned]) -> dict[str, pa.Table]:
    """Dataset → Arrow table with exactly the contract's schema: the dossier heads and XML0 … XML15."""
    tables = {"standard.xml130_dossier": _heads(versions)}
    tables.update({dataset_of(table): _lines(table, versions) for table in TABLES})
    return tables


def _heads(versions: Sequence[Versioned]) -> pa.Table:
    rows = [
        {
            "version_id": one.version_id,
            "delivery_seq": one.delivery_seq,
            "delivery_id": delivery_id(one.delivery_seq),
            "hoso": one.dossier.hoso,
            "facility_code": one.dossier.facility,
            "dossier_key": one.dossier_key,
            "patient_key": one.patient_key,
            "document": one.dossier.document,
            "encounter_key": one.encounter_key,
            "record_id": one.record_id,
            "content_digest": one.content_digest,
            "format_version": one.dossier.format_version,
            "version_evidence": one.dossier.version_evidence,
            "received_at": one.received_at,
        }
        for one in versions
    ]
    return pa.Table.from_pylist(rows, schema=catalogue()["standard.xml130_dossier"].arrow_schema())


def _lines(table: str, versions: Sequence[Versioned]) -> pa.Table:
    schema = contract_of(table).arrow_schema()
    held = set(_held(table))
    rows: list[Row] = []
    ids: list[int] = []
    numbers: list[int] = []
    for one in versions:
        lines = one.dossier.tables.get(table)
        if not lines:
            continue
        rows.extend(_marked(table, one.dossier, lines))
        ids.extend([one.version_id] * len(lines))
        numbers.extend(range(1, len(lines) + 1))
    official = [pa.field(field.name, pa.string()) for field in schema if field.name in _official(table)]
    columns: dict[str, pa.Array] = dict(
        zip((field.name for field in official), pa.array(rows, pa.struct(official)).flatten(), strict=True)
    )
    for name in held:
        texts = columns[name]
        columns[name] = pc.if_else(pc.greater(pc.binary_length(texts), _ZERO), _MARKER, texts)
    columns["version_id"] = pa.array(ids, pa.int64())
    columns["row_no"] = pa.array(numbers, pa.int32())
    return pa.Table.from_arrays([columns[field.name] for field in schema], schema=schema)


def _marked(table: str, dossier: Dossier, lines: list[Row]) -> Iterable[Row]:
    """The rows, with a marker in the lake fields whose text must not be seen there."""
    cells = [(number, name) for where, number, name in dossier.shape_vaulted if where == table]
    if not cells:
        return lines
    marked = list(lines)
    for number, name in cells:
        marked[number - 1] = {**marked[number - 1], name: VAULT_MARKER}
    return marked


def vault_payload(dossier: Dossier) -> Payload:
    """Every text the lake may not show: table → rows in order → {field: text}.

    Vault fields with text, texts of a foreign shape, doubled and unknown elements, and everything in `kept`.
    """
    payload: Payload = {}
    for table, lines in dossier.tables.items():
        held, official = _held(table), _official(table)
        rows = []
        for line in lines:
            row = {name: text for name in held if (text := line.get(name))}
            if not line.keys() <= official:
                row.update((name, text) for name, text in line.items() if name not in official)
            rows.append(row)
        payload[table] = rows
    for table, number, name in dossier.shape_vaulted:
        payload[table][number - 1][name] = dossier.tables[table][number - 1][name]
    payload.update(dossier.kept)
    return payload


def restore(
    payload: Payload | None,
    lake_rows: Mapping[str, pa.Table | Sequence[Mapping[str, Any]]],
    format_version: str | None = None,
) -> Tables:
    """Tables as received from their two halves; without a payload the markers stay.

    `lake_rows`: XML1 … → rows of the lake in order of row_no. With `format_version` fields carry the names they have
    in that edition, as they were received; otherwise official names.
    """
    texts = payload or {}
    result: Tables = {}
    for table, lake in lake_rows.items():
        lines = lake.to_pylist() if isinstance(lake, pa.Table) else lake
        held = texts.get(table, [])
        official = _official(table)
        names = wire_names(table, format_version) if format_version else {}
        rows = []
        for place, line in enumerate(lines):
            secret = held[place] if place < len(held) else {}
            row = {
                names.get(name, name): secret.get(name, text)
                for name, text in line.items()
                if name in official and text is not None
            }
            row.update((name, text) for name, text in secret.items() if name not in official)
            rows.append(row)
        if rows:
            result[table] = rows
    result.update({table: rows for table, rows in texts.items() if table not in lake_rows})
    return result


@dataclass(frozen=True, slots=True)
class _Person:
    """Fields of a table by which a person in it may be looked up; '' where the table has none."""

    name: str = "HO_TEN"
    birth: str = "NGAY_SINH"
    personal_id: str = "SO_CCCD"
    card: str = "MA_THE_BHYT"
    number: str = "MA_BHXH"
    phone: str = "DIEN_THOAI"


_MOTHER = _Person("HO_TEN_NND", "NGAYSINH_NND", "SO_CCCD_NND", "MA_THE_NND", "MA_BHXH_NND")
_CHILD = _Person("HO_TEN_CON", "NGAY_SINH_CON", "", "MA_THE_TAM", "")


@cache
def _persons(table: str) -> tuple[_Person, ...]:
    """The persons a row of a table is about: the patient, of a birth slip mother and child."""
    if table == "XML9":
        return (_MOTHER, _CHILD)
    return (_Person(),) if _official(table) & {"HO_TEN", "SO_CCCD", "MA_THE_BHYT", "MA_BHXH"} else ()


def blind_values(dossier: Dossier) -> Blind:
    """By what the persons of a dossier may later be looked up, as received; cards in one field stay one text."""
    found: dict[tuple[str, str], None] = {}
    for table, rows in dossier.tables.items():
        for person in _persons(table):
            for row in rows:
                entries = blind_entries(
                    name=row.get(person.name, ""),
                    birth=row.get(person.birth, ""),
                    personal_id=row.get(person.personal_id, ""),
                    insurance_number=row.get(person.card, ""),
                    phone=row.get(person.phone, ""),
                )
                found |= dict.fromkeys(entries)
                if number := row.get(person.number, ""):
                    found["insurance_number", number] = None
    return tuple(found)
