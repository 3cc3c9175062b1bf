"""Order-independent digests of tables, to tell whether two lakes hold the same rows.

Every row becomes the JSON list of its values as text, in which no two different rows can look alike (values are quoted
and escaped, NULL is apart from ''); the list is hashed to 128 bits (MD5, here against accident and not against an
adversary), and the halves are summed as whole numbers over all rows. A sum, unlike XOR, does not lose rows that occur
twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import duckdb

from bienho.lake.quoting import identifier


def digest(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    *,
    columns: Sequence[tuple[str, str]] | None = None,
    omit: Collection[str] = (),
    empty: bool = False,
) -> str:
    """`<rows>:<32 hex>` of the rows of a query; columns are taken by name, so their order does not matter.

    `columns` (name, type) when the caller knows them, and `empty` when it knows that there are no rows.
    """
    if columns is None:
        columns = [(name, kind) for name, kind, *_ in connection.execute(f"DESCRIBE {query}").fetchall()]
    columns = sorted(column for column in columns if column[0] not in omit)
    values = ", ".join(f"{identifier(name)}::VARCHAR" for name, _ in columns)
    if empty:
        return _told(columns, (0, 0, 0))
    row = connection.execute(
        "SELECT count(*), coalesce(sum(md5_number_lower(line)), 0), coalesce(sum(md5_number_upper(line)), 0)"
        f" FROM (SELECT to_json([{values}])::VARCHAR AS line FROM ({query}))"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY has one row
    return _told(columns, row)


def _told(columns: Sequence[tuple[str, str]], sums: tuple[int, ...]) -> str:
    return f"{sums[0]}:{hashlib.sha256(repr((columns, sums)).encode()).hexdigest()[:32]}"
