"""Order-independent digests of tables, to tell whether two lakes hold the same rows.

Every row becomes one text in which no two different rows can look alike (each value with its length, NULL apart from
''); the text is hashed to 128 bits (MD5, here against accident and not against an adversary), and the halves are summed
as whole numbers over all rows. A sum, unlike XOR, does not lose rows that occur twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import duckdb

from bienho.lake.engine import identifier


def digest(connection: duckdb.DuckDBPyConnection, query: str, *, omit: Collection[str] = ()) -> str:
    """`<rows>:<32 hex>` of the rows of a query; columns are taken by name, so their order does not matter."""
    described = connection.execute(f"DESCRIBE {query}").fetchall()
    columns = sorted((name, kind) for name, kind, *_ in described if name not in omit)
    parts = ", ".join(_measured(name) for name, _ in columns)
    row = connection.execute(
        "SELECT count(*), coalesce(sum(md5_number_lower(line)), 0), coalesce(sum(md5_number_upper(line)), 0)"
        f" FROM (SELECT concat({parts or repr('')}) AS line FROM ({query}))"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY has one row
    told = repr((columns, row))
    return f"{row[0]}:{hashlib.sha256(told.encode()).hexdigest()[:32]}"


def _measured(name: str) -> str:
    text = f"{identifier(name)}::VARCHAR"
    return f"coalesce(strlen({text})::VARCHAR || ':' || {text}, '-')"
