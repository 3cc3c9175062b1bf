"""The cast checks over every table of dossiers: one scan for `ingest` and `check`."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from bienho.contracts import catalogue
from bienho.core.finding import Finding
from bienho.quality import cast_findings_sql, describe_cast_finding


class CastScan:
    """One SQL scan per table, over the rows `ModelRunner.bind_rows` bound. Needs the macros of `contracts.casts`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._queries = {
            contract.id: sql
            for contract in catalogue().values()
            if contract.id.startswith("standard.xml130_") and (sql := cast_findings_sql(contract))
        }

    def run(self, tables: Mapping[str, pa.Table]) -> dict[int, list[Finding]]:
        """Version id → what of its rows does not read as its type; `tables` are those that are bound."""
        found: dict[int, list[Finding]] = {}
        for sql in (sql for name, sql in self._queries.items() if tables[name].num_rows):
            rows = self._connection.execute(f"SELECT * FROM ({sql}) ORDER BY ALL").fetchall()
            for version, table, row, name, code, rule in rows:
                found.setdefault(version, []).append(describe_cast_finding(table, row, name, code, rule))
        return found
