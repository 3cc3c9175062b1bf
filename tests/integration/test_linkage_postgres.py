"""The index in PostgreSQL: what the one in memory says, sealed; erased people leave it, and nothing of theirs is
told."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bienho.database import Role
from bienho.linkage.index import Cause, Index, MemoryStore, PostgresStore, digester, drop_tables, open_tables, tables
from bienho.linkage.persons import Decision
from bienho.privacy import Vault, VaultEntry
from support.few_people import ByHand, some_decisions, some_records, table
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database
CROWD = 5
CAUSE = Cause("delivery", "D0000000001")
ROWS = some_records(random.Random(7), 24)


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home() as made:
        empty = [VaultEntry("64001", row["record_id"], row["record_id"], {}) for row in ROWS]
        Vault(made.keys, made.database).seal(empty)
        yield made


@pytest.fixture
def connection(made: Made) -> Iterator[psycopg.Connection[Any]]:
    with made.database.connect(Role.WORKER) as connection:
        yield connection
        connection.rollback()


def index_on(store: Any) -> Index:
    matcher = ByHand()
    return Index(store, matcher, digester(bytes(32), matcher), crowd=CROWD)


def persons(connection: psycopg.Connection[Any], catalog: str = "lake") -> dict[str, str]:
    rows = connection.execute(
        f"SELECT encode(record_id, 'hex'), encode(person_id, 'hex') FROM linkage.{catalog}_record"
    )
    return dict(rows.fetchall())


@pytest.mark.parametrize("seed", range(3))
def test_it_says_what_the_index_in_memory_says(made: Made, connection: psycopg.Connection[Any], seed: int) -> None:
    rng = random.Random(seed)
    catalog = "lake" if seed else "lake_r0007"
    open_tables(connection, catalog)
    memory = MemoryStore()
    both = [index_on(memory), index_on(PostgresStore(connection, made.keys, catalog=catalog))]
    decisions: list[Decision] = some_decisions(rng, [row["record_id"] for row in ROWS], 8)
    for step in range(30):
        some = rng.sample(ROWS, rng.randint(1, 6))
        act = rng.choice(["add", "add", "remove", "decide", "undecide"])
        told = []
        for index in both:
            if act == "add":
                told.append(index.add(table(some), CAUSE))
            elif act == "remove":
                told.append(index.remove([row["record_id"] for row in some], CAUSE))
            else:
                said = [decisions[step % len(decisions)]]
                told.append(index.decide(said, CAUSE) if act == "decide" else index.undecide(said, CAUSE))
        assert told[0] == told[1]
        assert persons(connection, catalog) == memory.everyone()
        unmarked = connection.execute(
            f"SELECT count(*) FROM linkage.{catalog}_tie JOIN linkage.{catalog}_record AS a ON a.number = one"
            f" JOIN linkage.{catalog}_record AS b ON b.number = other"
            " WHERE NOT apart AND a.person_id <> b.person_id"
        ).fetchone()
        assert unmarked == (0,), "nobody would be asked about them"
    told_changes = connection.execute(
        "SELECT encode(record_id, 'hex'), encode(before, 'hex'), encode(after, 'hex') FROM governance.person_change"
        " ORDER BY change"
    ).fetchall()
    assert told_changes == [tuple(move) for move, _ in memory.history if move[1:] != (None, move[0])]


def test_another_release_tells_what_differs_and_nothing_twice(made: Made, connection: psycopg.Connection[Any]) -> None:
    first = index_on(PostgresStore(connection, made.keys, told=False))
    first.add(table(ROWS[:16]), CAUSE)
    before = persons(connection)
    for _ in range(2):  # killed in the middle and begun again
        tables.set_aside(connection, "lake")
        assert tables.is_aside(connection, "lake")
        index_on(PostgresStore(connection, made.keys, told=False)).add(table(ROWS[4:20]), CAUSE)
    after = persons(connection)
    first_told = connection.execute("SELECT coalesce(max(change), 0) FROM governance.person_change").fetchone()
    tables.tell_before(connection, "lake", "release")
    assert not tables.is_aside(connection, "lake")
    rows = connection.execute(
        "SELECT encode(record_id, 'hex'), encode(before, 'hex'), encode(after, 'hex'), cause"
        " FROM governance.person_change WHERE change > %s",
        first_told,
    ).fetchall()
    everyone = before.keys() | after.keys()
    moved = [(one, before.get(one), after.get(one)) for one in everyone if before.get(one) != after.get(one)]
    # a record that is new and its own person has left nobody
    assert sorted(rows, key=str) == sorted(((*one, "weights") for one in moved if one[1:] != (None, one[0])), key=str)


def test_what_lies_there_is_sealed_and_goes_with_the_key(made: Made, connection: psycopg.Connection[Any]) -> None:
    store = PostgresStore(connection, made.keys)
    index = index_on(store)
    index.add(table(ROWS), CAUSE)
    everything = b"".join(bytes(str(row), "utf8") for row in connection.execute("SELECT * FROM linkage.lake_record"))
    for word in (b"hoa", b"minh", b"0900000001", b"064190000001"):
        assert word not in everything
    gone = ROWS[3]["record_id"]
    connection.execute("SAVEPOINT before")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE vault.patient SET wrapped_key = NULL")
    connection.execute("ROLLBACK TO before")
    index.remove([gone], Cause("erasure", "e1"))
    assert gone not in persons(connection)
    assert connection.execute("SELECT count(*) FROM linkage.lake_block WHERE number NOT IN"
                              " (SELECT number FROM linkage.lake_record)").fetchone() == (0,)  # fmt: skip
    assert connection.execute("SELECT count(*) FROM linkage.lake_tie WHERE one NOT IN (SELECT number FROM"
                              " linkage.lake_record) OR other NOT IN (SELECT number FROM linkage.lake_record)"
                              ).fetchone() == (0,)  # fmt: skip


def test_nobody_erased_is_kept_and_no_page_looks_in(made: Made) -> None:
    vault = Vault(made.keys, made.database)
    extra = some_records(random.Random(99), 2)
    vault.seal([VaultEntry("64001", row["record_id"], row["record_id"], {}) for row in extra])
    vault.erase([extra[0]["record_id"]], "Điều 14 Luật 91/2025/QH15")
    with made.database.connect(Role.WORKER) as worker:
        index_on(PostgresStore(worker, made.keys, catalog="lake")).add(table(extra), CAUSE)
        assert set(persons(worker)) == {extra[1]["record_id"]}
        with pytest.raises(psycopg.errors.InsufficientPrivilege), worker.transaction():
            worker.execute("DELETE FROM governance.person_change")
        drop_tables(worker, "lake")
        assert not persons(worker)
    for role in (Role.WEB, Role.PORTAL, Role.GOVERNANCE):
        with made.database.connect(role) as other, pytest.raises(psycopg.errors.InsufficientPrivilege):
            other.execute("SELECT 1 FROM linkage.lake_record")


def test_a_killed_server_loses_nothing_of_an_index(made: Made, connection: psycopg.Connection[Any]) -> None:
    catalog = "lake_r0009"
    open_tables(connection, catalog)
    kept = connection.execute(
        "SELECT relname FROM pg_class WHERE relname LIKE 'lake%' AND relkind = 'r' AND relpersistence = 'u'"
    ).fetchall()
    assert {one for (one,) in kept} >= {"lake_block", f"{catalog}_block"}
    assert all(one.endswith("_block") for (one,) in kept), "what is not logged is what is mended"
    index_on(PostgresStore(connection, made.keys, catalog=catalog)).add(table(ROWS[:12]), CAUSE)
    held = f"SELECT digest, number FROM linkage.{catalog}_block ORDER BY 1, 2"
    before = connection.execute(held).fetchall()
    connection.execute(f"TRUNCATE linkage.{catalog}_block")  # as a server does that finds it was killed
    memory = MemoryStore()
    index_on(memory).add(table(ROWS[:12]), CAUSE)
    store = PostgresStore(connection, made.keys, catalog=catalog)
    assert connection.execute(held).fetchall() == before
    for index in (index_on(store), index_on(memory)):
        index.add(table(ROWS[12:]), CAUSE)
    assert persons(connection, catalog) == memory.everyone()
    assert not tables.mend(connection, catalog), "once is enough"


def test_whoever_was_erased_and_is_still_there_is_passed_by(made: Made) -> None:
    vault, catalog = Vault(made.keys, made.database), "lake_r0010"
    same = {"given": "hoa", "birth_year": 1950, "phone": "0900000001", "cccd": "064190000001", "sex": "2"}
    three = [row | same for row in some_records(random.Random(77), 3)]
    names = [row["record_id"] for row in three]
    vault.seal([VaultEntry("64001", one, one, {}) for one in names])
    with made.database.connect(Role.WORKER) as worker:
        open_tables(worker, catalog)
        index_on(PostgresStore(worker, made.keys, catalog=catalog, told=False)).add(table(three[:2]), CAUSE)
        worker.commit()
        vault.erase(names[:1], "Điều 14 Luật 91/2025/QH15")
        index = index_on(PostgresStore(worker, made.keys, catalog=catalog, told=False))
        index.add(table(three[2:]), CAUSE)
        assert persons(worker, catalog)[names[2]] == persons(worker, catalog)[names[1]]
        index.remove(names[:1], CAUSE)
        assert names[0] not in {*persons(worker, catalog), *persons(worker, catalog).values()}
        drop_tables(worker, catalog)
