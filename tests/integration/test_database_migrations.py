"""Migrations run once each, in order, whoever calls; what was run is never silently different."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bienho.config import KeyRing
from bienho.core.errors import ConfigError, IntegrityError
from bienho.database import Role
from bienho.database.migrations import Migration, migrate, migrations
from bienho.privacy import blind_entries
from bienho.privacy.blind import KINDS, BlindIndex, normalise
from bienho.privacy.digests import Keyed, prefixed
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database

LOGIN = [Role.WORKER, Role.WEB, Role.GOVERNANCE, Role.PORTAL]
BLIND = ("record_id", "patient_key", "personal_id", "insurance_number", "phone", "name_birth")
# The declared rights of the vault: everything not here must be refused. Read against the server's own answer below.
VAULT_RIGHTS = {
    ("bienho_worker", "patient", "patient_key"): "INSERT SELECT",
    ("bienho_worker", "patient", "wrapped_key"): "INSERT SELECT",
    ("bienho_worker", "patient", "key_version"): "INSERT SELECT",
    ("bienho_worker", "patient", "erased_at"): "SELECT",
    ("bienho_worker", "record", "record_id"): "INSERT SELECT",
    ("bienho_worker", "record", "patient_key"): "INSERT SELECT",
    ("bienho_worker", "record", "size"): "INSERT",
    ("bienho_worker", "record", "sealed"): "INSERT",
    **{("bienho_worker", "blind_index", column): "INSERT" for column in (*BLIND, "part")},
    **{
        ("bienho_governance", table, column): "SELECT"
        for table, columns in {
            "patient": ("patient_key", "wrapped_key", "key_version", "erased_at", "erased_article"),
            "key_version": ("version", "made_at", "retired_at"),
            "record": ("record_id", "patient_key", "size", "sealed"),
            "blind_index": (*BLIND, "part"),
        }.items()
        for column in columns
    },
    **{("bienho_worker", "erased_name", column): "SELECT" for column in ("name", "kind")},
    **{
        ("bienho_governance", table, column): "INSERT SELECT"
        for table, columns in {
            "erasure": ("erasure_id", "decision", "article", "retention", "asked_by", "asked_at", "patients", "places"),
            "erased_name": ("name", "kind", "erasure_id"),
            "erased_place": ("erasure_id", "seq", "hoso", "sha256"),
        }.items()
        for column in columns
    },
    **{
        ("bienho_governance", "erasure", column): "INSERT SELECT UPDATE"
        for column in ("confirmed_by", "confirmed_at", "done_at")
    },
}


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home() as made:
        yield made


@pytest.fixture
def admin(made: Made) -> Iterator[psycopg.Connection]:
    with made.database.connect(Role.ADMIN, autocommit=True) as connection:
        yield connection


def one(number: int, name: str, text: str, sha256: str = "") -> Migration:
    return Migration(number, name, text, sha256 or f"digest of {name}")


def test_the_ledger_holds_every_file_once(admin: psycopg.Connection) -> None:
    held = admin.execute("SELECT number, name, sha256 FROM bienho.migration ORDER BY number").fetchall()
    assert held == [(item.number, item.name, item.sha256) for item in migrations()]


def test_a_new_file_runs_once_and_a_failing_one_leaves_nothing(made: Made, admin: psycopg.Connection) -> None:
    todo = [*migrations(), one(9001, "extra", "CREATE SCHEMA extra; CREATE TABLE extra.t AS SELECT 1 AS n")]
    assert migrate(admin, made.keys, made.home.home_id, todo) == ["extra"]
    assert migrate(admin, made.keys, made.home.home_id, todo) == []
    broken = [*todo, one(9002, "broken", "CREATE TABLE extra.half (n int); SELECT no_such_column")]
    with pytest.raises(psycopg.errors.UndefinedColumn):
        migrate(admin, made.keys, made.home.home_id, broken)
    assert admin.execute("SELECT to_regclass('extra.half')").fetchone() == (None,)
    assert admin.execute("SELECT count(*) FROM bienho.migration WHERE number = 9002").fetchone() == (0,)
    admin.execute("DROP SCHEMA extra CASCADE; DELETE FROM bienho.migration WHERE number = 9001")


def test_many_at_once_run_each_migration_once(made: Made, admin: psycopg.Connection) -> None:
    todo = [*migrations(), one(9001, "slow", "SELECT pg_sleep(0.2); CREATE SCHEMA slow")]
    ran: list[list[str]] = []

    def go() -> None:
        with made.database.connect(Role.ADMIN, autocommit=True) as connection:
            ran.append(migrate(connection, made.keys, made.home.home_id, todo))

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ran) == [[], [], [], ["slow"]]
    admin.execute("DROP SCHEMA slow; DELETE FROM bienho.migration WHERE number = 9001")


def test_a_changed_file_is_an_integrity_error(made: Made, admin: psycopg.Connection) -> None:
    first, *others = migrations()
    with pytest.raises(IntegrityError) as told:
        migrate(admin, made.keys, made.home.home_id, [one(first.number, first.name, first.text + " "), *others])
    assert told.value.code == "INT-MIGRATION"


def test_a_database_of_a_newer_program_is_refused(made: Made, admin: psycopg.Connection) -> None:
    with pytest.raises(ConfigError) as told:
        migrate(admin, made.keys, made.home.home_id, migrations()[:-1])
    assert told.value.code == "CFG-DATABASE-NEWER"


def test_a_database_of_another_key_is_refused(made: Made, admin: psycopg.Connection) -> None:
    with pytest.raises(ConfigError) as told:
        migrate(admin, KeyRing(made.home.home_id, bytes(32)), made.home.home_id)
    assert told.value.code == "CFG-KEY-WRONG"


@pytest.mark.parametrize("names", [["1_short.sql"], ["0001_a.sql", "0001_b.sql"], ["0001_Upper.sql"]])
def test_wrong_names_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(ValueError, match="migration"):
        migrations(tmp_path)


def test_rights_on_the_vault_are_exactly_the_declared_ones(admin: psycopg.Connection) -> None:
    rows = admin.execute(
        """SELECT r.rolname, c.relname, a.attname, string_agg(p.kind, ' ' ORDER BY p.kind)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'vault'
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            CROSS JOIN pg_roles r CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('REFERENCES')) AS p(kind)
            WHERE c.relkind = 'r' AND r.rolname = ANY (%s) AND has_column_privilege(r.oid, c.oid, a.attnum, p.kind)
            GROUP BY 1, 2, 3""",
        ([role.value for role in LOGIN],),
    ).fetchall()
    assert {(role, table, column): rights for role, table, column, rights in rows} == VAULT_RIGHTS
    whole = admin.execute(
        """SELECT r.rolname, c.relname, p.kind FROM pg_class c JOIN pg_roles r ON r.rolname = ANY (%s)
            CROSS JOIN (VALUES ('DELETE'), ('TRUNCATE'), ('TRIGGER')) AS p(kind)
            WHERE c.relnamespace = 'vault'::regnamespace AND c.relkind = 'r'
              AND has_table_privilege(r.oid, c.oid, p.kind)""",
        ([role.value for role in LOGIN],),
    ).fetchall()
    assert whole == []


def test_blind_digests_of_before_find_the_same_records(made: Made, admin: psycopg.Connection) -> None:
    """0070 over the tables as 0010 made them, with what was in them."""
    index, full = BlindIndex(made.keys), Keyed(made.keys.derive("privacy/blind-index"))
    held = {
        bytes([place]) * 16: blind_entries(
            name="Siu Lan", birth="19800101", phone=f"090{place};091{place}", insurance_number=f"123456789{place}"
        )
        for place in range(3)
    }
    (lean,) = [item.text for item in migrations() if item.name == "vault_lean"]
    with admin.transaction(force_rollback=True):
        admin.execute(
            "DROP TABLE vault.blind_index; CREATE TABLE vault.blind_index (kind smallint NOT NULL, digest bytea NOT"
            " NULL, patient_key bytea NOT NULL, record_id bytea NOT NULL, PRIMARY KEY (kind, digest, record_id));"
            " ALTER TABLE vault.record ADD FOREIGN KEY (patient_key) REFERENCES vault.patient;"
            " CREATE INDEX record_patient ON vault.record (patient_key)"
        )
        for record, blind in held.items():
            for kind, text in blind:
                for value in normalise(kind, text):
                    digest = full.after(kind)(prefixed(value))
                    admin.execute(
                        "INSERT INTO vault.blind_index VALUES (%s, %b, %b, %b)", (KINDS[kind], digest, record, record)
                    )
        admin.execute(lean)
        rows = admin.execute(f"SELECT {', '.join(BLIND)} FROM vault.blind_index").fetchall()
    assert len(rows) == 6
    found: dict[tuple[bytes, int], set[int]] = {}
    for record, patient, *digests in rows:
        assert record == patient
        for place, digest in enumerate(digests):
            found.setdefault((record, place), set()).add(digest)
    for record, blind in held.items():
        for place in range(4):
            told = {row[place] for row in index.rows(blind)}
            assert found[record, place] == {text and int.from_bytes(text, signed=True) for text in told}


def test_nobody_in_particular_may_do_nothing(admin: psycopg.Connection) -> None:
    """No right of PUBLIC on any schema, table, function or database of ours, and none that comes by membership."""
    found = admin.execute(
        """SELECT 'schema ' || nspname, privilege_type FROM pg_namespace, aclexplode(nspacl) WHERE grantee = 0
              AND nspname NOT IN ('pg_catalog', 'information_schema')
            UNION ALL
           SELECT 'table ' || c.oid::regclass, privilege_type FROM pg_class c, aclexplode(relacl) WHERE grantee = 0
              AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            UNION ALL
           SELECT 'function ' || p.oid::regprocedure, x.privilege_type
             FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) x WHERE x.grantee = 0
              AND pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
              AND prorettype <> 'trigger'::regtype
            UNION ALL
           SELECT 'database', privilege_type FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
            WHERE grantee = 0 AND datname IN (current_database(), 'postgres')"""
    ).fetchall()
    assert found == []
    members = admin.execute(
        "SELECT count(*) FROM pg_auth_members WHERE member IN (SELECT oid FROM pg_roles WHERE rolname = ANY (%s))",
        ([role.value for role in LOGIN],),
    ).fetchone()
    assert members == (0,)


def test_the_web_role_reads_lake_tables_made_before_and_after(made: Made) -> None:
    with made.database.connect(Role.WORKER) as worker:
        worker.execute("CREATE TABLE lake.later AS SELECT 1 AS n")
    with made.database.connect(Role.WEB, autocommit=True) as web:
        assert web.execute("SELECT n FROM lake.later").fetchone() == (1,)
        for statement in (
            "INSERT INTO lake.later VALUES (2)",
            "CREATE TABLE lake.x (n int)",
            "CREATE TEMP TABLE x (n int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                web.execute(statement)
    with made.database.connect(Role.WORKER) as worker:
        worker.execute("DROP TABLE lake.later")


def test_each_role_owns_its_schema_and_no_other(made: Made) -> None:
    own = {
        Role.WORKER: {"lake", "linkage", "pipeline"},
        Role.WEB: set(),
        Role.GOVERNANCE: set(),
        Role.PORTAL: {"portal"},
    }
    for role, expected in own.items():
        with made.database.connect(role, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT nspname FROM pg_namespace WHERE has_schema_privilege(oid, 'CREATE') AND nspname !~ '^pg_temp'"
            ).fetchall()
        assert {name for (name,) in rows} == expected
