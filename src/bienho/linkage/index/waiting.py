"""Pairs of an index that people should look at, in PostgreSQL (migration 0085): found by the worker, read by doors.

A record that goes takes its pairs from the list with it (`PostgresStore.drop`); otherwise the list changes only when it
is made anew.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

_UNSETTLED = """
    WITH said AS MATERIALIZED (
        SELECT DISTINCT least(a.person_id, b.person_id) AS one, greatest(a.person_id, b.person_id) AS other
        FROM {decision} AS d JOIN {record} AS a ON a.record_id = d.one JOIN {record} AS b ON b.record_id = d.other
    )
    SELECT DISTINCT ON (least(a.person_id, b.person_id), greatest(a.person_id, b.person_id))
        least(a.record_id, b.record_id), greatest(a.record_id, b.record_id), t.weight, t.veto, a.person_id, b.person_id
    FROM {tie} AS t JOIN {record} AS a ON a.number = t.one JOIN {record} AS b ON b.number = t.other
    WHERE t.apart AND t.weight >= %(review)s AND a.person_id <> b.person_id AND NOT EXISTS (
        SELECT FROM said AS s
        WHERE s.one = least(a.person_id, b.person_id) AND s.other = greatest(a.person_id, b.person_id)
    )
    ORDER BY least(a.person_id, b.person_id), greatest(a.person_id, b.person_id), t.weight DESC,
        least(a.record_id, b.record_id), greatest(a.record_id, b.record_id)
"""
_WAITING = """
    SELECT encode(one, 'hex'), encode(other, 'hex'), weight, veto, gain FROM {waiting} ORDER BY gain DESC, one, other
"""
_STORED = "INSERT INTO {waiting} (one, other, weight, veto, gain) VALUES (%s, %s, %s, %s, %s)"


class Unsettled(NamedTuple):
    """The pair of two persons that weighs most, and the two persons."""

    left: str
    right: str
    weight: float
    veto: str | None
    persons: frozenset[str]


class Waiting(NamedTuple):
    """A pair on the list; `gain` orders it, `veto` is what a join of their persons breaks, between whatever records."""

    left: str
    right: str
    weight: float
    veto: str | None
    gain: float


def unsettled(connection: psycopg.Connection[Any], catalog: str, review: float) -> list[Unsettled]:
    """One pair for any two persons with a tie of `review` bits or more about whom nobody has decided."""
    rows = connection.execute(_named(_UNSETTLED, catalog), {"review": review}).fetchall()
    return [
        Unsettled(one.hex(), other.hex(), weight, veto, frozenset(person.hex() for person in persons))
        for one, other, weight, veto, *persons in rows
    ]


def put(connection: psycopg.Connection[Any], catalog: str, rows: Collection[Waiting]) -> None:
    """Replace the list. In the caller's transaction."""
    connection.execute(_named("DELETE FROM {waiting}", catalog))
    connection.cursor().executemany(
        _named(_STORED, catalog),
        [(bytes.fromhex(one.left), bytes.fromhex(one.right), *one[2:]) for one in rows],
    )


def waiting(connection: psycopg.Connection[Any], catalog: str) -> list[Waiting]:
    """The list, best first."""
    return [Waiting(*row) for row in connection.execute(_named(_WAITING, catalog)).fetchall()]


def _named(text: LiteralString, catalog: str) -> sql.Composed:
    names = ("record", "tie", "decision", "waiting")
    return sql.SQL(text).format(**{name: sql.Identifier("linkage", f"{catalog}_{name}") for name in names})
