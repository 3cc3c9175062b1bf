"""An index filled at once holds, row by row, what one holds to which the same records were added."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from bench.linkage_packs import pack
from bienho.database import Role
from bienho.linkage import RECORDS, clean
from bienho.linkage.index import Cause, Index, PostgresStore, digester, filling, open_tables
from bienho.linkage.model.matcher import Matcher
from bienho.linkage.shipped import shipped
from bienho.privacy import Vault, VaultEntry
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database
RECORDS_IN_ALL, KNOWN = 600, 550
CAUSE = Cause("delivery", "D0000000001")
BOTH = ("lake_r0001", "lake_r0002")
_HELD = """
    SELECT encode(record_id, 'hex'), arrived, version_id, encode(person_id, 'hex'), digests,
        ARRAY(SELECT digest FROM linkage.{0}_block AS b WHERE b.number = r.number ORDER BY digest)
    FROM linkage.{0}_record AS r ORDER BY record_id
"""
_TIED = """
    SELECT encode(a.record_id, 'hex'), encode(b.record_id, 'hex'), weight, veto, joins, apart FROM linkage.{0}_tie
    JOIN linkage.{0}_record AS a ON a.number = one JOIN linkage.{0}_record AS b ON b.number = other
"""


@pytest.fixture(scope="module")
def records() -> pa.Table:
    made, _ = pack("usual", RECORDS_IN_ALL, 3)
    names = pa.array([f"{number:032x}" for number in range(made.num_rows)])
    return clean(made.set_column(made.schema.get_field_index("record_id"), "record_id", names).select(
        [name for name in RECORDS.names if name in made.column_names]))  # fmt: skip


@pytest.fixture(scope="module")
def connection(records: pa.Table) -> Iterator[tuple[Made, psycopg.Connection[Any]]]:
    with temporary_home() as made, made.database.connect(Role.WORKER) as connection:
        ids = records["record_id"].to_pylist()[:KNOWN]
        Vault(made.keys, made.database).seal([VaultEntry("64001", one, one, {}) for one in ids])
        for catalog in BOTH:
            open_tables(connection, catalog)
        yield made, connection
        connection.rollback()


def _rows(worker: psycopg.Connection[Any], query: str, catalog: str) -> list[tuple[Any, ...]]:
    def plain(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    return [tuple(map(plain, row)) for row in worker.execute(query.format(catalog)).fetchall()]


def _turned(tie: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*sorted(tie[:2]), *tie[2:])


def _told(worker: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return worker.execute(
        "SELECT encode(record_id, 'hex'), encode(before, 'hex'), encode(after, 'hex') FROM governance.person_change"
        " ORDER BY change"
    ).fetchall()


def test_it_holds_what_adding_ends_in(records: pa.Table, connection: tuple[Made, psycopg.Connection[Any]]) -> None:
    made, worker = connection
    matcher = Matcher(shipped())
    keys = digester(bytes(32), matcher)
    versions = {one: number for number, one in enumerate(records["record_id"].to_pylist())}
    stores = [PostgresStore(worker, made.keys, catalog=catalog) for catalog in BOTH]
    added = Index(stores[0], matcher, keys)
    for start in range(0, records.num_rows, 100):
        added.add(records.slice(start, 100), CAUSE)
    stores[0].describe(versions)
    told = _told(worker)
    assert filling.fill(stores[1], matcher, keys, records, CAUSE, versions) == KNOWN
    held, tied = ([set(_rows(worker, query, catalog)) for catalog in BOTH] for query in (_HELD, _TIED))
    assert len(held[0]) == KNOWN
    assert held[0] == held[1]
    assert tied[0]
    assert {_turned(one) for one in tied[0]} == {_turned(one) for one in tied[1]}
    filled = _told(worker)[len(told) :]
    ends = {one: after for one, _, after in told if after != one}
    assert sorted(filled) == sorted((one, None, after) for one, after in ends.items())
    with pytest.raises(ValueError, match="filled once"):
        filling.fill(stores[1], matcher, keys, records, CAUSE)


def test_what_was_filled_goes_on(records: pa.Table, connection: tuple[Made, psycopg.Connection[Any]]) -> None:
    made, worker = connection
    matcher = Matcher(shipped())
    keys = digester(bytes(32), matcher)
    both = [Index(PostgresStore(worker, made.keys, catalog=catalog), matcher, keys) for catalog in BOTH]
    some = records.slice(100, 40)
    for act in (lambda one: one.remove(some["record_id"].to_pylist(), CAUSE), lambda one: one.add(some, CAUSE)):
        assert act(both[0]) == act(both[1])
