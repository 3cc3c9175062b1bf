"""The tables of an index in PostgreSQL as a whole: made for a lake, emptied, set aside (migrations 0080 to 0096)."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

TABLES = ("record", "block", "tie", "decision", "waiting", "before")
UNLOGGED = ("block",)
"""What a server that was killed begins without: made again out of the others (`mend`)."""
DEFAULT = "lake"


def tables(catalog: str) -> dict[str, sql.Identifier]:
    """The tables of a lake's index by what they hold."""
    return {name: sql.Identifier("linkage", f"{catalog}_{name}") for name in TABLES}


def open_tables(connection: psycopg.Connection[Any], catalog: str) -> None:
    """The tables of a lake's index; those of a lake beside the first are made where they are not there yet."""
    if catalog == DEFAULT:
        return
    for name in TABLES:
        connection.execute(
            sql.SQL("CREATE {} TABLE IF NOT EXISTS {} (LIKE {} INCLUDING ALL)").format(
                sql.SQL("UNLOGGED" if name in UNLOGGED else ""), tables(catalog)[name], tables(DEFAULT)[name]
            )
        )
    connection.execute(sql.SQL("GRANT SELECT ON {waiting} TO bienho_governance").format(**tables(catalog)))


def empty_tables(connection: psycopg.Connection[Any], catalog: str) -> None:
    """Take everything out of a lake's index, to fill it anew."""
    connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(tables(catalog).values())))
    connection.execute("DELETE FROM linkage.standing WHERE catalog = %s", (catalog,))


def drop_tables(connection: psycopg.Connection[Any], catalog: str) -> None:
    """Forget a lake's index; the tables of the first stay and are emptied."""
    if catalog == DEFAULT:
        empty_tables(connection, catalog)
        return
    for table in tables(catalog).values():
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
    connection.execute("DELETE FROM linkage.standing WHERE catalog = %s", (catalog,))


def mend(connection: psycopg.Connection[Any], catalog: str) -> bool:
    """Put the keys of all records in again where a killed server lost them; whether it had. In the caller's
    transaction.

    They are lost all together or not at all, and a connection that was open does not outlive it: to look once a
    connection is enough.
    """
    named = tables(catalog)
    row = connection.execute(
        sql.SQL("SELECT NOT EXISTS (SELECT FROM {block}) AND EXISTS (SELECT FROM {record})").format(**named)
    ).fetchone()
    if not (row and row[0]):
        return False
    done = connection.execute(
        sql.SQL(
            "INSERT INTO {block} (digest, number) SELECT d, number FROM {record}, unnest(digests) AS d"
            " ORDER BY d, number"
        ).format(**named)
    )
    return done.rowcount > 0


def tidy(connection: psycopg.Connection[Any], catalog: str) -> None:
    """After an index was filled: let the planner see its size, and keys be counted without a look at their rows.

    Outside of a transaction.
    """
    connection.autocommit = True
    try:
        for name in ("record", "block", "tie"):
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(tables(catalog)[name]))
    finally:
        connection.autocommit = False


def set_aside(connection: psycopg.Connection[Any], catalog: str) -> None:
    """Take everything out of an index to fill it anew, but remember whose every record was (`tell_before`)."""
    named = tables(catalog)
    connection.execute(
        sql.SQL(
            "INSERT INTO {before} (record_id, person_id) SELECT record_id, person_id FROM {record}"
            " WHERE person_id IS NOT NULL AND NOT EXISTS (SELECT FROM {before})"
        ).format(**named)
    )
    emptied = sql.SQL(", ").join(table for name, table in named.items() if name != "before")
    connection.execute(sql.SQL("TRUNCATE {}").format(emptied))


def is_aside(connection: psycopg.Connection[Any], catalog: str) -> bool:
    """Whether an index is being filled anew and what it was before has not been compared with it yet."""
    row = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {before})").format(**tables(catalog))).fetchone()
    return bool(row and row[0])


def tell_before(connection: psycopg.Connection[Any], catalog: str, name: str) -> int:
    """Write to the history how the persons of an index that was filled anew differ from those before; forget them."""
    named = tables(catalog)
    told = _tell(connection, named["before"], named["record"], name)
    connection.execute(sql.SQL("TRUNCATE {before}").format(**named))
    return told


def tell_differences(connection: psycopg.Connection[Any], before: str, after: str) -> int:
    """Write to the history how the persons of the index of one lake differ from those of another; how many rows."""
    return _tell(connection, tables(before)["record"], tables(after)["record"], after)


def _tell(connection: psycopg.Connection[Any], before: sql.Identifier, after: sql.Identifier, name: str) -> int:
    told = connection.execute(
        sql.SQL(
            "INSERT INTO governance.person_change (record_id, before, after, cause, cause_name)"
            " SELECT coalesce(b.record_id, a.record_id), b.person_id, a.person_id, 'weights', %s"
            " FROM {} AS b FULL JOIN {} AS a USING (record_id)"
            " WHERE b.person_id IS DISTINCT FROM a.person_id"
            " AND (b.person_id IS NOT NULL OR a.person_id <> a.record_id)"
        ).format(before, after),
        (name,),
    )
    return told.rowcount


def indexes(connection: psycopg.Connection[Any]) -> set[str]:
    """The lakes that have tables of an index."""
    rows = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'linkage' AND tablename LIKE '%\\_record'"
    ).fetchall()
    return {name.removesuffix("_record") for (name,) in rows}
