"""Dossiers as columns of the lake and as payloads of the vault, and back.

The lake holds a marker where a text lies in the vault; payload rows stand at the same positions as lake rows. Together
they give back exactly what was received: `restore(vault_payload(d), build([d])) == d.tables` with what was kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bienho.contracts import VAULT_MARKER, catalogue
from bienho.contracts.counts import note_rows
from bienho.contracts.glance import glance_at
from bienho.core.ids import delivery_id
from bienho.privacy import Blind, blind_entries, encode
from bienho.standards.xml130.read_block import (
    Blocks,
    Row,
    Slab,
    SlabBlock,
    Texts,
    official_names,
)
from bienho.standards.xml130.read_model import Dossier, Tables
from bienho.standards.xml130.versions import TABLES, contract_of, wire_names

Payload = dict[str, list[Row]]
Numbers = npt.NDArray[np.int64]
_TEXT = pa.string()


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
    tables.update({dataset_of(table): _table(table, lines) for table, lines in _gathered(versions).items()})
    return tables


def _heads(versions: Sequence[Versioned]) -> pa.Table:
    dossiers = [one.dossier for one in versions]
    columns: dict[str, list[Any]] = {
        "delivery_id": [delivery_id(one.delivery_seq) for one in versions],
        "hoso": [one.hoso for one in dossiers],
        "facility_code": [one.facility for one in dossiers],
        "document": [one.document for one in dossiers],
        "format_version": [one.format_version for one in dossiers],
        "version_evidence": [one.version_evidence for one in dossiers],
        "row_counts": [note_rows(one.row_counts) for one in dossiers],
    }
    schema = catalogue()["standard.xml130_dossier"].arrow_schema()
    for name in schema.names:
        if name not in columns:
            columns[name] = list(map(attrgetter(name), versions))
    return pa.Table.from_pydict(columns, schema=schema)


@dataclass(slots=True)
class _Lines:
    """Where the rows of one table lie: in `rows`, or in slabs. `runs`: version, in which slab (None: in `rows`), from
    where, how many. `marked`: field → (version, row from 1) whose text is for the vault."""

    rows: list[Texts] = field(default_factory=list)
    runs: list[tuple[int, Slab | None, int, int]] = field(default_factory=list)
    marked: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def take(self, version: int, rows: Sequence[Texts]) -> None:
        """Take the rows of one version as texts in the order of the official fields."""
        self.runs.append((version, None, len(self.rows), len(rows)))
        self.rows += rows

    def slabs(self) -> dict[int, Slab]:
        """The slabs by what names them in this process, in the order in which their rows were first met."""
        return {id(slab): slab for _, slab, _, _ in self.runs if slab is not None}


def _gathered(versions: Sequence[Versioned]) -> dict[str, _Lines]:
    found = {table: _Lines() for table in TABLES}
    runs = {table: lines.runs.append for table, lines in found.items()}
    for one in versions:
        tables, version = one.dossier.tables, one.version_id
        if isinstance(tables, Blocks):
            for table, block in tables.blocks.items():
                if type(block) is SlabBlock:  # one of many: nothing is asked of it but where it lies
                    runs[table]((version, block.slab, block.start, block.count))
                else:
                    found[table].take(version, block.aligned)
        else:
            for table, rows in tables.items():
                found[table].take(version, [tuple(map(row.get, official_names(table))) for row in rows])
        for table, number, name in one.dossier.shape_vaulted:
            found[table].marked.setdefault(name, []).append((version, number))
    return found


def texts(versions: Sequence[Versioned], wanted: Mapping[str, Sequence[str]]) -> dict[str, pa.Table]:
    """`text.xml130_N` → version_id, row_no and the texts of the fields asked for: of the vault, for checks in memory.

    `wanted`: table → fields. Rows stand at the positions of the lake rows.
    """
    lines = _gathered(versions)
    return {
        "text." + dataset_of(table).partition(".")[2]: pa.table(_laid(table, lines[table], fields, frozenset()))
        for table, fields in wanted.items()
    }


def _table(table: str, lines: _Lines) -> pa.Table:
    """The rows of one table as the lake shows them."""
    schema = contract_of(table).arrow_schema()
    columns = _laid(table, lines, official_names(table), frozenset(_held(table)))
    if lines.marked:
        ids, firsts = np.unique(columns["version_id"].to_numpy(), return_index=True)
        first = dict(zip(ids.tolist(), firsts.tolist(), strict=True))
        for name, places in lines.marked.items():
            texts = columns[name].to_pylist()
            for version, number in places:
                texts[first[version] + number - 1] = VAULT_MARKER
            columns[name] = pa.array(texts, _TEXT)
    return pa.Table.from_arrays([columns[field.name] for field in schema], schema=schema)


def _laid(table: str, lines: _Lines, names: Sequence[str], hidden: Set[str]) -> dict[str, pa.Array]:
    """version_id, row_no and columns of the names; the rows of a version stand together, in their order. Of the names
    that are `hidden` only a mark shows that there is a text."""
    slabs = lines.slabs()
    columns = _columns(table, lines.rows, [*slabs.values()], names, hidden)
    bases, base = {id(None): 0}, len(lines.rows)
    for number, slab in slabs.items():
        bases[number] = base
        base += slab.rows
    starts = np.array([bases[id(slab)] + start for _, slab, start, _ in lines.runs], np.int64)
    order = np.argsort(starts, kind="stable")
    starts = starts[order]
    counts = np.array([count for _, _, _, count in lines.runs], np.int64)[order]
    ids = np.array([version for version, _, _, _ in lines.runs], np.int64)[order]
    if counts.sum() != base:  # some rows of a slab are of dossiers that are not asked for
        places = pa.array(_ranges(starts, counts))
        columns = {name: column.take(places) for name, column in columns.items()}
    numbers = _ranges(np.ones_like(counts), counts).astype(np.int32)
    return {"version_id": pa.array(np.repeat(ids, counts)), "row_no": pa.array(numbers), **columns}


def _columns(
    table: str, rows: Sequence[Texts], slabs: Sequence[Slab], names: Sequence[str], hidden: Set[str]
) -> dict[str, pa.Array]:
    """Fields as columns, the rows first, then those of each slab. A text of the vault is not even brought to the lake;
    blanks are none, and no mark may say that a card is there."""
    places = {name: place for place, name in enumerate(official_names(table))}
    texts = list(zip(*rows, strict=True)) if rows else []
    made: dict[str, pa.Array] = {}
    for name in names:
        pieces = [_piece(slab, name) for slab in slabs]
        if name in hidden and pieces:
            pieces = [_marks(pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces))]
        if texts or not pieces:
            column = texts[places[name]] if texts else ()
            pieces.insert(0, pa.array(_shown(column) if name in hidden else column, _TEXT))
        made[name] = pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)
    return made


def _piece(slab: Slab, name: str) -> pa.StringArray:
    place = slab.layout.places.get(name)
    return pa.nulls(slab.rows, _TEXT) if place is None else slab.array(place)


def _shown(texts: Sequence[str | None]) -> list[str | None]:
    return [text if not text or text.isspace() else VAULT_MARKER for text in texts]


def _marks(texts: pa.StringArray) -> pa.StringArray:
    """As `_shown`, told by their bytes where no text is blanks."""
    glance = glance_at(texts)
    ends = np.zeros(len(texts) + 1, np.int32)
    if glance.longest:
        said = glance.is_said()
        if np.count_nonzero(said) < np.count_nonzero(glance.sizes):
            return pa.array(_shown(texts.to_pylist()), _TEXT)
        np.cumsum(said, out=ends[1:])
    there = pc.is_valid(texts).buffers()[1] if texts.null_count else None
    marks = VAULT_MARKER.encode() * int(ends[-1])
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(marks), there)


def _ranges(starts: Numbers, counts: Numbers) -> Numbers:
    """The numbers from each start on, as many as its count says, one range behind the other."""
    ends = np.cumsum(counts)
    return np.repeat(starts - (ends - counts), counts) + np.arange(ends[-1] if len(ends) else 0)


def vault_payload(dossier: Dossier) -> Payload:
    """Every text the lake may not show: table → rows in order → {field: text}.

    Vault fields with text, texts of a foreign shape, doubled and unknown elements, and everything in `kept`.
    """
    payload: Payload = {}
    tables = dossier.tables
    if isinstance(tables, Blocks):
        payload = {table: block.held() for table, block in tables.blocks.items()}
    else:
        payload = {table: _held_rows(table, lines) for table, lines in tables.items()}
    for table, number, name in dossier.shape_vaulted:
        row = payload[table][number - 1]
        payload[table][number - 1] = {**row, name: dossier.tables[table][number - 1][name]}
    payload.update(dossier.kept)
    return payload


def vault_bytes(dossier: Dossier) -> bytes:
    """`vault_payload` as the vault encodes it; without a mapping where rows lie in slabs and nothing else is kept."""
    if isinstance(dossier.tables, Blocks) and not dossier.shape_vaulted and not dossier.kept:
        return b"".join(dossier.tables.held_pieces())
    return encode(vault_payload(dossier))


def _held_rows(table: str, lines: Sequence[Row]) -> list[Row]:
    held, official = _held(table), _official(table)
    rows = []
    for line in lines:
        row = {name: text for name in held if (text := line.get(name))}
        if not line.keys() <= official:
            row.update((name, text) for name, text in line.items() if name not in official)
        rows.append(row)
    return rows


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


class _Person(NamedTuple):
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
    return BlindValues().of(dossier)


class BlindValues:
    """`blind_values` of many dossiers: what lies in a slab is looked at together, and one person once."""

    def __init__(self) -> None:
        self._made: dict[tuple[str | None, ...], Blind] = {}
        self._slabs: dict[int, tuple[Slab, list[list[Blind]]]] = {}

    def of(self, dossier: Dossier) -> Blind:
        """Of one of them."""
        found: list[Blind] = []
        tables = dossier.tables
        for table in tables:
            if not (persons := _persons(table)):
                continue
            if not isinstance(tables, Blocks):
                rows = tables[table]
                found += [self._entries(map(row.get, person)) for person in persons for row in rows]
                continue
            block = tables.blocks[table]
            if isinstance(block, SlabBlock):
                for column in self._slab(block.slab, persons):
                    found += column[block.start : block.start + block.count]
            else:
                places = range(block.count)
                found += [self._entries(block.text(p, name) for name in who) for who in persons for p in places]
        several = [one for one in found if one]
        return several[0] if len(several) == 1 else tuple(dict.fromkeys(chain.from_iterable(several)))

    def _slab(self, slab: Slab, persons: Sequence[_Person]) -> list[list[Blind]]:
        """Of every row of a slab, person by person."""
        known = self._slabs.get(id(slab))
        if known is None:
            known = self._slabs[id(slab)] = slab, [self._columns(slab, person) for person in persons]
        return known[1]

    def _columns(self, slab: Slab, person: _Person) -> list[Blind]:
        places = [slab.layout.places.get(name) for name in person]
        columns = [[None] * slab.rows if place is None else slab.listed(place) for place in places]
        return list(map(self._entries, zip(*columns, strict=True)))

    def _entries(self, texts: Iterable[str | None]) -> Blind:
        """Of the texts of one person."""
        key = tuple(texts)
        made = self._made.get(key)
        if made is None:
            name, birth, personal_id, card, number, phone = (text or "" for text in key)
            entries = blind_entries(name=name, birth=birth, personal_id=personal_id, insurance_number=card, phone=phone)
            numbered = (("insurance_number", number),) if number else ()
            made = self._made[key] = tuple(dict.fromkeys(entries + numbered))
        return made
