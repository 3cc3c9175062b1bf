"""Connections that are kept: the next one gets what the last one left, and nothing that it left in it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from bienho.database import Database, Role, keeping
from support.homes import temporary_home

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with temporary_home() as made:
        yield made.database


def backend(connection: psycopg.Connection[Any]) -> int:
    return connection.info.backend_pid


def terminate(database: Database, pid: int) -> None:
    with database.connect(Role.ADMIN, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def test_a_closed_connection_serves_again_as_if_it_were_new(database: Database) -> None:
    with database.connect(Role.GOVERNANCE, autocommit=True) as first:
        pid = backend(first)
        first.row_factory = dict_row
    with database.connect(Role.GOVERNANCE) as again:
        assert backend(again) == pid
        assert not again.autocommit
        assert again.execute("SELECT 1").fetchone() == (1,)


def test_what_is_out_is_lent_to_nobody_else(database: Database) -> None:
    with database.connect(Role.GOVERNANCE) as one, database.connect(Role.GOVERNANCE) as other:
        assert backend(one) != backend(other)


def test_a_block_that_fails_is_rolled_back_and_one_that_ends_is_committed(database: Database) -> None:
    with database.connect(Role.ADMIN, autocommit=True) as admin:
        admin.execute("CREATE TABLE public.kept (n int)")
        admin.execute("GRANT USAGE ON SCHEMA public TO bienho_governance")
        admin.execute("GRANT ALL ON public.kept TO bienho_governance")
    with pytest.raises(psycopg.DataError), database.connect(Role.GOVERNANCE) as connection:
        connection.execute("INSERT INTO public.kept VALUES (1), ('x'::int)")
    with database.connect(Role.GOVERNANCE) as connection:
        connection.execute("INSERT INTO public.kept VALUES (2)")
    with database.connect(Role.GOVERNANCE) as connection:
        assert connection.execute("SELECT n FROM public.kept").fetchall() == [(2,)]


def test_one_closed_within_a_transaction_is_not_kept(database: Database) -> None:
    connection = database.connect(Role.GOVERNANCE)
    pid = backend(connection)
    connection.execute("SELECT 1")
    connection.close()
    assert connection.closed
    with database.connect(Role.GOVERNANCE) as other:
        assert backend(other) != pid


def test_one_whose_server_has_gone_is_not_lent(database: Database) -> None:
    with database.connect(Role.WEB) as connection:
        pid = backend(connection)
    terminate(database, pid)
    with database.connect(Role.WEB) as connection:
        assert backend(connection) != pid
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_one_that_lay_too_long_is_not_lent(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.connect(Role.WEB) as connection:
        pid = backend(connection)
    monkeypatch.setattr(keeping, "IDLE_SECONDS", 0.0)
    with database.connect(Role.WEB) as connection:
        assert backend(connection) != pid


def test_no_more_are_kept_than_may_be(database: Database) -> None:
    many = [database.connect(Role.WEB) for _ in range(keeping.MOST + 2)]
    for connection in many:
        connection.close()
    assert sum(connection.closed for connection in many) == 2


def test_who_held_the_lock_of_the_writer_is_not_kept(database: Database) -> None:
    with database.writer_lock() as connection:
        pid = backend(connection)
    assert connection.closed
    with database.connect(Role.WORKER) as next_one:
        assert backend(next_one) != pid


@pytest.mark.parametrize("role", [Role.ADMIN, Role.PORTAL])
def test_whoever_leaves_something_in_a_session_gets_a_new_one(database: Database, role: Role) -> None:
    with database.connect(role) as first:
        pid = backend(first)
    assert first.closed
    with database.connect(role) as second:
        assert backend(second) != pid


def test_options_of_its_own_make_a_new_one(database: Database) -> None:
    with database.connect(Role.GOVERNANCE) as kept:
        pid = backend(kept)
    with database.connect(Role.GOVERNANCE, application_name="other") as own:
        assert backend(own) != pid
    assert own.closed


def in_a_child(database: Database, pid: int, told: Any) -> None:
    with database.connect(Role.GOVERNANCE) as connection:
        told.put((backend(connection) != pid, connection.execute("SELECT 1").fetchone() == (1,)))


def test_a_forked_child_leaves_its_parents_connections_alone(database: Database) -> None:
    with database.connect(Role.GOVERNANCE) as connection:
        pid = backend(connection)
    fork = multiprocessing.get_context("fork")
    told = fork.Queue()
    child = fork.Process(target=in_a_child, args=(database, pid, told))
    child.start()
    assert told.get(timeout=30) == (True, True)
    child.join()
    with database.connect(Role.GOVERNANCE) as connection:
        assert backend(connection) == pid
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_closed_database_keeps_nothing() -> None:
    with temporary_home() as made:
        with made.database.connect(Role.GOVERNANCE) as connection:
            pass
        out = made.database.connect(Role.WEB)
        made.database.close()
        assert connection.closed
        out.close()
        assert out.closed
