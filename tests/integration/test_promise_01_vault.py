"""Promise 1: no direct identifier lies outside the vault; inside, it is sealed and few may come near."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bienho.database import Role, places, stop
from bienho.privacy import Vault, VaultEntry
from support.homes import Made, temporary_home
from support.leaks import Searcher
from support.people import entries, entry, secrets_of

pytestmark = pytest.mark.database
NAME = "Rơ Châm H'Bluk Nguyễn"


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home() as made:
        yield made


@pytest.fixture(scope="module")
def sealed(made: Made) -> list[VaultEntry]:
    batch = entries(Vault(made.keys, made.database), 60)
    Vault(made.keys, made.database).seal(batch)
    return batch


def refused(made: Made, role: Role, statement: str) -> bool:
    with made.database.connect(role, autocommit=True) as connection:
        try:
            connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False


@pytest.mark.parametrize("table", ["patient", "record", "blind_index"])
@pytest.mark.parametrize("role", [Role.WEB, Role.PORTAL])
def test_pages_cannot_see_the_vault(made: Made, sealed: list[VaultEntry], role: Role, table: str) -> None:
    assert refused(made, role, f"SELECT count(*) FROM vault.{table}")
    assert refused(made, role, f"COPY vault.{table} TO STDOUT")


def test_the_worker_seals_but_cannot_read_what_is_sealed(made: Made, sealed: list[VaultEntry]) -> None:
    for statement in (
        "SELECT sealed FROM vault.record",
        "SELECT * FROM vault.record",
        "SELECT length(sealed) FROM vault.record",
        "SELECT phone FROM vault.blind_index",
        "COPY vault.record TO STDOUT",
        "INSERT INTO vault.record SELECT * FROM vault.record RETURNING sealed",
        "SELECT vault.erase(ARRAY[]::bytea[], 'x')",
    ):
        assert refused(made, Role.WORKER, statement), statement
    assert not refused(made, Role.WORKER, "SELECT record_id FROM vault.record")


@pytest.mark.parametrize("role", [Role.WORKER, Role.WEB, Role.GOVERNANCE, Role.PORTAL])
@pytest.mark.parametrize("table", ["patient", "record", "blind_index"])
def test_nobody_changes_or_deletes_a_vault_row(made: Made, sealed: list[VaultEntry], role: Role, table: str) -> None:
    assert refused(made, role, f"DELETE FROM vault.{table}")
    assert refused(made, role, f"UPDATE vault.{table} SET patient_key = patient_key")
    assert refused(made, role, f"TRUNCATE vault.{table}")


def test_statistics_of_the_vault_are_not_for_pages(made: Made, sealed: list[VaultEntry]) -> None:
    with made.database.connect(Role.ADMIN, autocommit=True) as admin:
        admin.execute("ANALYZE")
    with made.database.connect(Role.WEB) as web:
        assert web.execute("SELECT count(*) FROM pg_stats WHERE schemaname = 'vault'").fetchone() == (0,)


def test_a_failing_statement_with_a_name_leaves_no_trace_in_the_server_log(made: Made) -> None:
    failing = (
        ("SELECT %s::integer", (NAME,)),
        ("SELECT * FROM lake.none WHERE name = %s", (NAME,)),
        ("INSERT INTO pipeline.named VALUES (%s), (%s)", (NAME, NAME)),
        (f"SELECT '{NAME}'::date", None),
        ("INSERT INTO pipeline.named SELECT repeat(%s, 2)", (NAME,)),
    )
    with made.database.connect(Role.WORKER, autocommit=True) as worker:
        worker.execute("CREATE TABLE pipeline.named (name text PRIMARY KEY CHECK (length(name) < 30))")
        for statement, values in failing:
            with pytest.raises(psycopg.Error):
                worker.execute(statement, values)
        with pytest.raises(psycopg.Error), worker.cursor().copy("COPY pipeline.head_watermark FROM STDIN") as copy:
            copy.write(f"{NAME}\tnot a number\n")
    place = places.locate(made.home, create=False)
    assert place is not None
    logs = b"".join(path.read_bytes() for path in place.log.iterdir())
    assert b"ready to accept connections" in logs
    assert b"H'Bluk" not in logs
    assert b"not a number" not in logs


def test_no_sealed_person_can_be_read_in_the_files_of_the_server(
    made: Made, sealed: list[VaultEntry], tmp_path: Path
) -> None:
    """Data, write-ahead log and server log, in every dress of every value; a planted one is found."""
    vault = Vault(made.keys, made.database)
    vault.seal([entry(vault, number, revision=1) for number in range(60)])
    needles = {text for one in sealed for text in secrets_of(one)}
    searcher = Searcher(needles, tmp_path)
    stop(made.home)
    place = places.locate(made.home, create=False)
    assert place is not None
    copy = tmp_path / "server"
    shutil.copytree(place.folder, copy)
    assert searcher.search(copy) == []
    planted = copy / "data" / "base" / "planted"
    planted.write_bytes(b"\0\1" + secrets_of(sealed[7])[0].upper().encode() + b"\0")
    assert [Path(leak.place).name for leak in searcher.search(copy)] == ["planted"]
