"""Editions of code lists and the reference tables made of them.

Codes have dates: every row of every list is valid in a half-open window [valid_from, valid_to) of service dates, and a
code is looked up by (code, date). Editions are kept; a later edition of a list ends the earlier one on the day it takes
force. The tables are rebuilt whole from the editions, so the same editions always give the same tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from bienho.core.errors import InputError

OPEN_START = date(1900, 1, 1)
"""First day of a window whose real start is not known or does not matter."""

_TEXT, _DATE, _INT, _REAL, _BOOL = pa.string(), pa.date32(), pa.int64(), pa.float64(), pa.bool_()
_WINDOW: tuple[tuple[str, pa.DataType], ...] = (("edition", _TEXT), ("valid_from", _DATE), ("valid_to", _DATE))


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([*columns.items(), *_WINDOW])


SCHEMAS: Mapping[str, pa.Schema] = MappingProxyType(
    {
        "icd10": _schema(
            code=_TEXT,
            code_nodot=_TEXT,
            mark=_TEXT,
            name_vi=_TEXT,
            name_en=_TEXT,
            chapter=_TEXT,
            block=_TEXT,
            category3=_TEXT,
        ),
        "icd_chapter": _schema(
            chapter=_TEXT,
            ordinal=_INT,
            category_from=_TEXT,
            category_to=_TEXT,
            title_vi=_TEXT,
            title_en=_TEXT,
        ),
        "facility": _schema(
            code=_TEXT,
            canonical_code=_TEXT,
            name=_TEXT,
            type=_TEXT,
            owner=_TEXT,
            level=_TEXT,
            commune=_TEXT,
            status=_TEXT,
        ),
        "commune": _schema(
            code=_TEXT,
            name=_TEXT,
            type=_TEXT,
            side=_TEXT,
            province=_TEXT,
            district=_TEXT,
            lon=_REAL,
            lat=_REAL,
            population=_INT,
            area_km2=_REAL,
        ),
        "commune_map": _schema(old_code=_TEXT, new_code=_TEXT, targets=_INT, default_target=_BOOL, note=_TEXT),
        "commune_canonical": _schema(code=_TEXT, canonical_code=_TEXT, basis=_TEXT, divided=_BOOL),
        "province": _schema(code=_TEXT, name=_TEXT, canonical_code=_TEXT, basis=_TEXT),
        "trust_anchor": _schema(
            fingerprint=_TEXT,
            subject=_TEXT,
            organisation=_TEXT,
            serial=_TEXT,
            not_before=_DATE,
            not_after=_DATE,
            certificate=_TEXT,
        ),
        "rule_waiver": _schema(rule=_INT, facility_code=_TEXT, reason=_TEXT, decided_by=_TEXT),
        "value_set": _schema(value_set=_TEXT, code=_TEXT, name_vi=_TEXT, format_version=_TEXT),
        "notifiable": _schema(
            disease=_TEXT,
            name_vi=_TEXT,
            deadline=_TEXT,
            list_no=_INT,
            law_group=_TEXT,
            code=_TEXT,
            certainty=_TEXT,
            takes_over=_BOOL,
            episode_days=_INT,
        ),
        "epidemic_decision": _schema(
            disease=_TEXT, commune=_TEXT, kind=_TEXT, year=_INT, document=_TEXT, decided_on=_DATE
        ),
        "case_history": _schema(disease=_TEXT, commune=_TEXT, unit=_TEXT, year=_INT, number=_INT, cases=_INT),
        "concept_map": _schema(
            concept_map=_TEXT, source_code=_TEXT, format_version=_TEXT, target_code=_TEXT, equivalence=_TEXT
        ),
    }
)
"""Arrow schema of each reference table, by code system; equal to its contract (a test holds that)."""

KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "icd10": ("code",),
        "icd_chapter": ("chapter",),
        "facility": ("code",),
        "commune": ("code",),
        "commune_map": ("old_code", "new_code"),
        "commune_canonical": ("code",),
        "province": ("code",),
        "trust_anchor": ("fingerprint",),
        "rule_waiver": ("rule", "facility_code"),
        "value_set": ("value_set", "code", "format_version"),
        "concept_map": ("concept_map", "source_code", "format_version"),
        "notifiable": ("disease", "code"),
        "epidemic_decision": ("disease", "commune", "kind", "year"),
        "case_history": ("disease", "commune", "unit", "year", "number"),
    }
)
"""What names a row besides its window: one key has at most one row on any day."""

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "value_set": "value_set",
        "concept_map": "concept_map",
        "epidemic_decision": "disease",
        "case_history": "disease",
    }
)
"""Tables that hold many small lists, and the column that names the list."""

EDITION_SCHEMA = pa.schema(
    [
        ("code_system", _TEXT),
        ("edition", _TEXT),
        ("valid_from", _DATE),
        ("valid_to", _DATE),
        ("row_count", _INT),
        ("complete", _BOOL),
        ("source", _TEXT),
    ]
)


@dataclass(frozen=True)
class Edition:
    """One edition of one list.

    `rows` has the schema `SCHEMAS[code_system]`. `complete` False means: a code that is not here may still exist, so
    nothing may be concluded from its absence.
    """

    code_system: str
    edition: str
    valid_from: date
    rows: pa.Table
    complete: bool = False
    source: str = ""

    @property
    def dataset(self) -> str:
        """Name of the reference table these rows belong to."""
        return f"reference.{self.code_system}"


def build_edition(
    code_system: str,
    edition: str,
    valid_from: date,
    rows: Sequence[Mapping[str, object]],
    *,
    complete: bool,
    source: str,
) -> Edition:
    """An edition of plain rows; `edition`, `valid_from` and `valid_to` are filled in where a row has none.

    InputError IN-CODE-TWICE when a key has two rows on one day.
    """
    filled = [{"edition": edition, "valid_from": valid_from, "valid_to": None, **row} for row in rows]
    _no_overlap(code_system, filled)
    table = pa.Table.from_pylist(filled, schema=SCHEMAS[code_system])
    return Edition(code_system, edition, valid_from, table, complete, source)


def reference_tables(editions: Iterable[Edition]) -> dict[str, pa.Table]:
    """The whole content of every reference table, by dataset name.

    Editions of a list are put in order of the day they take force (of two on one day the one given later wins); each
    ends the one before and says nothing of days before it took force, whatever its rows say. Of lists of lists
    (`value_set`, `concept_map`) an edition ends only the lists it holds itself. Rows keep the order of their keys, so
    equal editions give equal tables.
    """
    by_system: dict[str, list[Edition]] = {system: [] for system in SCHEMAS}
    for edition in editions:
        by_system[edition.code_system].append(edition)
    tables: dict[str, pa.Table] = {}
    register: list[dict[str, object]] = []
    for system, given in by_system.items():
        ordered = sorted(given, key=lambda e: e.valid_from)
        parts: list[pa.Table] = []
        for index, edition in enumerate(ordered):
            ends = _ends(edition, ordered[index + 1 :])
            last = None if None in ends.values() else max((e for e in ends.values() if e), default=None)
            if last is not None and last <= edition.valid_from:
                continue
            parts.append(_clip(edition, ends))
            register.append(_register_row(edition, last))
        table = pa.concat_tables(parts) if parts else SCHEMAS[system].empty_table()
        sorting = [(key, "ascending") for key in (*KEYS[system], "valid_from")]
        tables[f"reference.{system}"] = table.sort_by(sorting).combine_chunks()
    tables["reference.code_system_edition"] = pa.Table.from_pylist(register, schema=EDITION_SCHEMA)
    return tables


def _parts(edition: Edition) -> set[str]:
    """The lists an edition holds: those named in its scope column, or the one it is."""
    column = SCOPES.get(edition.code_system)
    return set(edition.rows[column].to_pylist()) if column else {edition.code_system}


def _ends(edition: Edition, later: Sequence[Edition]) -> dict[str, date | None]:
    """For each list of an edition the day a later edition of that list takes over; None while none does."""
    held = [(_parts(other), other.valid_from) for other in later]
    return {part: min((day for parts, day in held if part in parts), default=None) for part in _parts(edition)}


def _register_row(edition: Edition, end: date | None) -> dict[str, object]:
    return {
        "code_system": edition.code_system,
        "edition": edition.edition,
        "valid_from": edition.valid_from,
        "valid_to": end,
        "row_count": edition.rows.num_rows,
        "complete": edition.complete,
        "source": edition.source,
    }


def _clip(edition: Edition, ends: Mapping[str, date | None]) -> pa.Table:
    """Rows with their windows cut to the days on which the edition is in force; rows without such a day are gone."""
    early = pc.min(edition.rows["valid_from"]).as_py()
    if not any(ends.values()) and (early is None or early >= edition.valid_from):
        return edition.rows
    column = SCOPES.get(edition.code_system)
    kept: list[dict[str, object]] = []
    for row in edition.rows.to_pylist():
        start = max(row["valid_from"], edition.valid_from)
        end = ends[row[column] if column else edition.code_system]
        stop = min((day for day in (row["valid_to"], end) if day is not None), default=None)
        if stop is None or start < stop:
            kept.append({**row, "valid_from": start, "valid_to": stop})
    return pa.Table.from_pylist(kept, schema=edition.rows.schema)


def _no_overlap(code_system: str, rows: Sequence[Mapping[str, object]]) -> None:
    windows: dict[tuple[object, ...], list[tuple[date, date]]] = {}
    for row in rows:
        start, end = row["valid_from"], row["valid_to"] or date.max
        if not isinstance(start, date) or not isinstance(end, date) or start >= end:
            raise InputError("IN-CODE-WINDOW", f"Danh mục {code_system}: khoảng hiệu lực của một mã bị ngược.")
        windows.setdefault(tuple(row[key] for key in KEYS[code_system]), []).append((start, end))
    for key, spans in windows.items():
        spans.sort()
        if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
            name = " / ".join(str(part) for part in key)
            raise InputError("IN-CODE-TWICE", f"Danh mục {code_system}: mã {name} có hai dòng cùng hiệu lực.")
