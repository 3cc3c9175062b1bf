"""The cast checks over every table of dossiers: one scan for `ingest` and `check`.

A text is judged once for all the rows and fields of a type that say it: a batch says few different ones, and a
statement per table would cost more to plan than its rows to judge. Of most columns a glance tells that all texts read.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from bienho.contracts import catalogue
from bienho.contracts.glance import glance_at
from bienho.core.finding import Finding
from bienho.quality import BIRTH, CODE, TypedField, describe_cast_finding, odd_texts_sql, surely_read, typed_fields

HEADS = "standard.xml130_dossier"


class CastScan:
    """Judges the texts of a batch. Needs the macros of `contracts.casts`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._tables = {
            contract.id: (contract.standard_table or contract.name, typed)
            for contract in catalogue().values()
            if contract.id.startswith("standard.xml130_") and (typed := typed_fields(contract))
        }

    def run(self, tables: Mapping[str, pa.Table]) -> dict[int, list[Finding]]:
        """Version id → what of its rows does not read as its type, table by table in order of row and field."""
        found: dict[int, list[Finding]] = {}
        odd = self._odd(tables)
        if not odd:
            return found
        heads = tables[HEADS]
        earlier = heads.filter(pc.equal(heads.column("format_version"), "4210")).column("version_id")
        for dataset, (table, typed) in self._tables.items():
            rows = tables[dataset]
            places = _places(rows, typed, odd, earlier) if rows.num_rows else []
            versions, numbers = rows.column("version_id"), rows.column("row_no")
            for place, name, rule in places:
                version, number = versions[place].as_py(), numbers[place].as_py()
                found.setdefault(version, []).append(describe_cast_finding(table, number, name, CODE, rule))
        return found

    def _odd(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Array]:
        """Kind → the different texts that are not of it."""
        texts: dict[str, list[pa.Array]] = {}
        for dataset, (_, typed) in self._tables.items():
            rows = tables[dataset]
            for field in typed if rows.num_rows else ():
                kinds = _open_kinds(field, rows.column(field.name))
                column = pc.unique(rows.column(field.name)) if kinds else None
                for kind in kinds:
                    texts.setdefault(kind, []).append(column)
        if not texts:
            return {}
        arrays = {kind: pc.unique(pa.chunked_array(columns)) for kind, columns in texts.items()}
        kinds = pa.array([kind for kind, array in arrays.items() for _ in range(len(array))], pa.string())
        pairs = pa.table({"kind": kinds, "text": pa.concat_arrays(list(arrays.values()))})
        self._connection.register("incoming", pairs)
        said = self._connection.execute(odd_texts_sql(texts.keys(), "incoming")).fetchall()
        self._connection.unregister("incoming")
        odd: dict[str, list[str]] = {}
        for kind, text in said:
            odd.setdefault(kind, []).append(text)
        return {kind: pa.array(texts, pa.string()) for kind, texts in odd.items()}


def _open_kinds(field: TypedField, column: pa.ChunkedArray) -> list[str]:
    """The kinds of a field that a glance at its texts leaves open."""
    glances = [glance_at(chunk) for chunk in column.chunks]
    return [kind for kind in field.kinds if not all(surely_read(kind, glance) for glance in glances)]


def _places(
    rows: pa.Table, typed: tuple[TypedField, ...], odd: Mapping[str, pa.Array], earlier: pa.ChunkedArray
) -> list[tuple[int, str, int | None]]:
    """(place in `rows`, field, rule) of every odd text; `earlier`: versions in which a birth may be a day alone."""
    found: list[tuple[int, str, int | None]] = []
    for field in typed:
        for kind in field.kinds:
            if kind not in odd:
                continue
            mask = pc.is_in(rows.column(field.name), value_set=odd[kind])
            if kind == BIRTH:
                mask = pc.and_not(mask, pc.is_in(rows.column("version_id"), value_set=earlier))
            found += [(place, field.name, field.rule) for place in pc.indices_nonzero(mask).to_pylist()]
    return sorted(found, key=lambda one: one[:2])
