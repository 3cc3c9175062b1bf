"""Promise 4: the record of looks cannot be changed unnoticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bienho.config import KeyRing
from bienho.database import Role
from bienho.governance import audit
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database

EVENTS = 8
CHECKPOINT_TEXT = "audit-checkpoint.json"


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home() as home:
        write(home, EVENTS)
        yield home


def write(made: Made, count: int) -> None:
    log = audit.AuditLog(made.database, made.keys, made.home)
    for number in range(count):
        log.append({"id": str(number), "entity": [{"what": {"identifier": "a" * 32}}]})
    log.close()


@pytest.fixture
def tampering(made: Made) -> Iterator[psycopg.Connection]:
    """The owner of the database with every guard switched off; all is put back afterwards."""
    checkpoint = made.home.log_dir / CHECKPOINT_TEXT
    kept = checkpoint.read_bytes()
    with made.database.connect(Role.ADMIN, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("CREATE TEMP TABLE kept AS SELECT seq, body, prev_hash, hash FROM governance.audit_event")
        connection.execute("CREATE TEMP TABLE kept_head AS SELECT seq, hash FROM governance.audit_head")
        yield connection
        connection.execute("DELETE FROM governance.audit_event")
        connection.execute("INSERT INTO governance.audit_event (seq, body, prev_hash, hash) SELECT * FROM kept")
        connection.execute("DELETE FROM governance.audit_head")
        connection.execute("INSERT INTO governance.audit_head (seq, hash) SELECT * FROM kept_head")
    checkpoint.write_bytes(kept)


def status(made: Made) -> audit.ChainStatus:
    return audit.verify(made.database, made.keys, made.home)


def test_an_untouched_chain_is_whole(made: Made) -> None:
    assert status(made) == audit.ChainStatus(
        True, EVENTS, EVENTS, "", None, f"Nhật ký nguyên vẹn: {EVENTS} sự kiện nối tiếp nhau."
    )


TAMPERINGS = {
    "a changed event": (
        "UPDATE governance.audit_event SET body = replace(body, '\"3\"', '\"9\"') WHERE seq = 4",
        "changed",
        4,
    ),
    "a removed event": ("DELETE FROM governance.audit_event WHERE seq = 3", "gap", 3),
    "the first removed": ("DELETE FROM governance.audit_event WHERE seq = 1", "gap", 1),
    "a cut tail": ("DELETE FROM governance.audit_event WHERE seq > 6", "tail", 8),
    "a foreign event": (
        "INSERT INTO governance.audit_event (seq, body, prev_hash, hash) SELECT 9, body, hash, hash"
        " FROM governance.audit_event WHERE seq = 8",
        "changed",
        9,
    ),
    "two events exchanged": (
        "UPDATE governance.audit_event SET seq = CASE seq WHEN 3 THEN -5 WHEN 5 THEN -3 END WHERE seq IN (3, 5);"
        "UPDATE governance.audit_event SET seq = -seq WHERE seq < 0",
        "order",
        3,
    ),
    "removed and renumbered": (
        "DELETE FROM governance.audit_event WHERE seq = 3;"
        "UPDATE governance.audit_event SET seq = seq + 100 WHERE seq > 3;"
        "UPDATE governance.audit_event SET seq = seq - 101 WHERE seq > 100",
        "order",
        3,
    ),
    "a tail cut with its head": (
        "DELETE FROM governance.audit_event WHERE seq > 6;"
        "UPDATE governance.audit_head SET (seq, hash) = (SELECT seq, hash FROM governance.audit_event WHERE seq = 6)",
        "checkpoint",
        8,
    ),
    "everything gone": (
        "DELETE FROM governance.audit_event;"
        "UPDATE governance.audit_head SET seq = 0, hash = decode(repeat('00', 32), 'hex')",
        "checkpoint",
        8,
    ),
    "no head": ("DELETE FROM governance.audit_head", "head-missing", None),
}


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_tampering_by_the_owner_of_the_database_is_seen(made: Made, tampering: psycopg.Connection, kind: str) -> None:
    statements, problem, seq = TAMPERINGS[kind]
    tampering.execute("ALTER TABLE governance.audit_event DROP CONSTRAINT IF EXISTS audit_event_seq_check")
    for statement in statements.split(";"):
        tampering.execute(statement)
    found = status(made)
    assert not found.ok
    assert (found.problem, found.seq) == (problem, seq)
    assert found.message_vi


def test_a_forged_checkpoint_is_seen(made: Made, tampering: psycopg.Connection) -> None:
    path: Path = made.home.log_dir / CHECKPOINT_TEXT
    path.write_text('{"seq": 1, "hash": "00", "mac": "00"}')
    assert status(made).problem == "checkpoint"


def test_a_chain_made_with_another_key_is_no_chain(made: Made) -> None:
    other = KeyRing(made.home.home_id, b"k" * 32)
    assert audit.verify(made.database, other).problem == "changed"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE governance.audit_event SET body = '{}' WHERE seq = 1",
        "DELETE FROM governance.audit_event",
        "TRUNCATE governance.audit_event",
        "DELETE FROM governance.audit_head",
        "TRUNCATE governance.audit_head",
        "UPDATE governance.audit_head SET seq = 0",
        "UPDATE governance.audit_head SET seq = seq + 1",
        "ALTER TABLE governance.audit_event DISABLE TRIGGER ALL",
        "DROP TABLE governance.audit_event",
        "DROP TRIGGER audit_event_append_only ON governance.audit_event",
        "SET session_replication_role = replica",
        "DELETE FROM governance.account",
    ],
)
@pytest.mark.parametrize("role", [Role.GOVERNANCE, Role.WEB, Role.WORKER, Role.PORTAL])
def test_no_working_role_can_change_the_record(made: Made, role: Role, statement: str) -> None:
    with made.database.connect(role, autocommit=True) as connection, pytest.raises(psycopg.Error) as refusal:
        connection.execute(statement)
    assert refusal.value.sqlstate in ("42501", "23001")
    assert status(made).ok


def test_even_the_owner_is_stopped_by_the_guards(made: Made) -> None:
    with made.database.connect(Role.ADMIN, autocommit=True) as connection:
        for statement in ("DELETE FROM governance.audit_event", "UPDATE governance.audit_head SET seq = 1"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                connection.execute(statement)


def test_only_governance_reads_the_record(made: Made) -> None:
    for role in (Role.WEB, Role.WORKER, Role.PORTAL):
        with made.database.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT count(*) FROM governance.audit_event")


def test_two_writers_make_one_chain_and_a_lost_connection_is_mended() -> None:
    with temporary_home() as made:
        logs = [audit.AuditLog(made.database, made.keys, made.home) for _ in range(2)]

        def work(log: audit.AuditLog) -> None:
            for number in range(15):
                log.append({"id": str(number)})

        threads = [threading.Thread(target=work, args=(log,)) for log in logs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with made.database.connect(Role.ADMIN, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bienho-governance'"
            )
        assert logs[0].append({"id": "after"}) == 31
        for log in logs:
            log.close()
        assert audit.verify(made.database, made.keys).events == 31


def test_a_writer_others_keep_overtaking_still_writes_once_and_time_runs_with_the_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with temporary_home() as made:
        slow, quick = (audit.AuditLog(made.database, made.keys, made.home) for _ in range(2))
        chain, overtaken = audit._chain, []

        def late(key: bytes, previous: bytes, seq: int, body: str) -> bytes:
            if '"slow"' in body and len(overtaken) < audit.TRIES:  # the head was read: now somebody else comes first
                overtaken.append(quick.append({"id": "quick"}))
            return chain(key, previous, seq, body)

        monkeypatch.setattr(audit, "_chain", late)
        assert slow.append({"id": "slow"}) == audit.TRIES + 1
        for log in (slow, quick):
            log.close()
        with made.database.connect(Role.ADMIN) as admin:
            events = admin.execute(
                "SELECT event ->> 'id', event ->> 'recorded' FROM governance.audit_event ORDER BY seq"
            )
            names, times = zip(*events, strict=True)
        assert names == ("quick",) * audit.TRIES + ("slow",)
        assert list(times) == sorted(set(times))
        assert audit.verify(made.database, made.keys, made.home).ok
