"""Which tables the lake has at a snapshot, and the SQL by which they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import duckdb

from bienho.core.errors import UsageError
from bienho.lake.engine import ALIAS
from bienho.lake.quoting import identifier, literal

Versions = Literal["current", "all"]
# Written as the comment of a table whose rows carry `version_id` and may be superseded (design 8.7).
VERSIONED = "versioned"
SUPERSEDED = "standard.superseded"


@dataclass(frozen=True, slots=True)
class LakeTable:
    """A table of the lake as it is known at one snapshot."""

    zone: str
    name: str
    versioned: bool

    @property
    def full_name(self) -> str:
        return f"{self.zone}.{self.name}"


def tables_at(connection: duckdb.DuckDBPyConnection, metadata: str, catalog: str, snapshot: int) -> list[LakeTable]:
    """Tables that exist at a snapshot, in order of name. Read from the catalog, so it also answers for the past."""
    at = f"begin_snapshot <= {int(snapshot)} AND (end_snapshot IS NULL OR end_snapshot > {int(snapshot)})"
    prefix = f"{identifier(metadata)}.{identifier(catalog)}"
    rows = connection.execute(
        f"SELECT s.schema_name, t.table_name, coalesce(g.value = {literal(VERSIONED)}, false)"
        f" FROM (SELECT * FROM {prefix}.ducklake_table WHERE {at}) AS t"
        f" JOIN (SELECT * FROM {prefix}.ducklake_schema WHERE {at}) AS s USING (schema_id)"
        f" LEFT JOIN (SELECT * FROM {prefix}.ducklake_tag WHERE {at} AND key = 'comment') AS g"
        " ON g.object_id = t.table_id ORDER BY 1, 2"
    ).fetchall()
    return [LakeTable(zone, name, bool(versioned)) for zone, name, versioned in rows]


def reading(table: LakeTable, *, at: int | None, versions: Versions) -> str:
    """The query that reads a table: all rows, or the rows no later version has replaced."""
    moment = f" AT (VERSION => {int(at)})" if at is not None else ""
    sql = f"SELECT * FROM {ALIAS}.{identifier(table.zone)}.{identifier(table.name)}{moment}"
    if versions == "current" and table.versioned:
        sql += f" ANTI JOIN {ALIAS}.{SUPERSEDED}{moment} USING (version_id)"
    return sql


def pick(tables: list[LakeTable], names: list[str]) -> list[LakeTable]:
    """Tables by full name in the order asked; UsageError USE-TABLE for one that is not there."""
    known = {table.full_name: table for table in tables}
    missing = [name for name in names if name not in known]
    if missing:
        raise UsageError("USE-TABLE", f"Kho không có bảng {', '.join(missing)}.", hint="Xem danh mục: bienho catalogue")
    return [known[name] for name in names]
