"""PostgreSQL's failures in words of the house, never in the server's own (which may quote a value)."""

from __future__ import annotations

import errno
import operator
from pathlib import Path

import psycopg
import pytest

from bienho.config import Home, KeyRing
from bienho.core.errors import BienhoError, StorageError
from bienho.database import open_database, places, server, storage_errors
from bienho.database.accounts import Account
from bienho.database.failures import connecting
from bienho.database.places import Place

PLACE = "socket:5432/bienho"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (psycopg.errors.DiskFull("could not write: Siu Lan"), "STO-DISK-FULL"),
        (psycopg.errors.AdminShutdown("terminating: Siu Lan"), "STO-DATABASE-STOPPED"),
        (psycopg.OperationalError("server closed the connection: Siu Lan"), "STO-DATABASE-STOPPED"),
    ],
)
def test_what_an_operator_can_mend_is_told_without_the_servers_text(error: psycopg.Error, code: str) -> None:
    with pytest.raises(BienhoError) as told, storage_errors(PLACE):
        raise error
    assert told.value.code == code
    assert "Siu Lan" not in str(told.value) + told.value.hint
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


def test_a_home_on_a_full_disk_says_so_when_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(home: Home) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(places, "locate", full)
    home = Home.create(tmp_path / "home")
    with pytest.raises(StorageError, match="STO-DISK-FULL"):
        open_database(home, KeyRing(home.home_id, bytes(32)))


def test_a_fault_of_the_program_stays_what_it_is() -> None:
    with pytest.raises(psycopg.errors.UndefinedTable), storage_errors():
        raise psycopg.errors.UndefinedTable("no such table")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('FATAL: password authentication failed for user "bienho_web"', "CFG-KEY-WRONG"),
        ("FATAL: sorry, too many clients already", "BUSY-CONNECTIONS"),
        ("connection refused", "STO-DATABASE-UNREACHABLE"),
    ],
)
def test_a_connection_that_fails_says_why(text: str, code: str) -> None:
    assert connecting(psycopg.OperationalError(text), PLACE).code == code


def test_a_full_disk_at_the_start_is_told_as_such() -> None:
    line = 'FATAL:  could not create file "pg_wal/xlogtemp.1": No space left on device'
    assert server._start_failure([line]).code == "STO-DISK-FULL"
    assert server._start_failure(["2026 UTC [1] FATAL:  something else"]).code == "STO-POSTGRES-START"


def test_a_process_without_a_command_line_for_a_moment_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the shell and PostgreSQL there is a moment in which the kernel tells nothing of a process."""
    looks = iter([True, *[False] * server.MISSED_MOST, True])
    ready = server.Postmaster(42, Path("/run"), 5432, ready=True)
    monkeypatch.setattr(server, "is_alive", lambda pid, data: next(looks))
    monkeypatch.setattr(server, "read_pid_file", lambda data: None if operator.length_hint(looks) else ready)
    place = Place(Path("/nowhere"), Path("/nowhere"), Account.__new__(Account), relocated=False)
    assert server._wait_ready(place, 42) == ready
    looks = iter([False] * (server.MISSED_MOST + 1))
    assert server._wait_ready(place, 42) is None
