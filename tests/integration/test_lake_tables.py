"""The lake on a real PostgreSQL: tables, commits, versions, snapshots, and what a reader must not be able to do."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import psycopg
import pyarrow as pa
import pytest

from bienho.core.errors import BusyError, ConfigError, StorageError, UsageError
from bienho.database import Role
from bienho.lake import Lake, Retry, maintenance
from support.forks import Forked
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database
NUMBERS = itertools.count(1)
SECRET = "Siu H'Lan, buôn Krông"


@dataclass(frozen=True)
class Column:
    name: str
    physical_type: str


@dataclass(frozen=True)
class Table:
    """A contract as the lake needs it."""

    zone: str
    name: str
    fields: tuple[Column, ...]
    versioned: bool = False

    def ddl(self) -> str:
        columns = ", ".join(f'"{field.name}" {field.physical_type}' for field in self.fields)
        return f"CREATE TABLE IF NOT EXISTS lake.{self.zone}.{self.name} ({columns})"


SUPERSEDED = Table("standard", "superseded", (Column("version_id", "BIGINT"), Column("by_version_id", "BIGINT")))


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with temporary_home("nhà có dấu cách") as found:
        yield found


@pytest.fixture(scope="module")
def lake(made: Made) -> Iterator[Lake]:
    with Lake.open(made.home, made.database, read_only=False, threads=1) as opened:
        opened.create_tables([SUPERSEDED])
        yield opened


@pytest.fixture
def table(lake: Lake) -> Table:
    """A new versioned table."""
    fields = (Column("version_id", "BIGINT"), Column("row_no", "INTEGER"), Column("TEN", "VARCHAR"))
    new = Table("standard", f"t{next(NUMBERS)}", fields, versioned=True)
    lake.create_tables([new])
    return new


def insert(lake: Lake, table: Table, rows: str, *deliveries: str) -> int:
    def work(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"INSERT INTO lake.{table.zone}.{table.name} {rows}")

    return lake.commit(work, author="thử", message="thêm dòng", deliveries=deliveries)[1]


def supersede(lake: Lake, *pairs: tuple[int, int]) -> int:
    return insert(lake, SUPERSEDED, "VALUES " + ", ".join(f"({old}, {new})" for old, new in pairs))


def rows_of(connection: duckdb.DuckDBPyConnection, table: Table) -> list[tuple[object, ...]]:
    return connection.execute(f"FROM {table.zone}.{table.name} ORDER BY ALL").fetchall()


def test_a_commit_is_one_snapshot_with_its_notes(lake: Lake, table: Table) -> None:
    before = lake.snapshot_id()
    (result, made_id) = lake.commit(
        lambda c: c.execute(f"INSERT INTO lake.standard.{table.name} VALUES (1, 1, 'a')").fetchone(),
        author="bienho-worker",
        message="lô 7",
        deliveries=["D000000000003", "D000000000001", "D000000000002", "D000000000009", "nhập tay"],
    )
    assert result == (1,)
    assert made_id == lake.snapshot_id() == before + 1
    newest = lake.snapshots(1)[0]
    assert (newest.id, newest.author, newest.message) == (made_id, "bienho-worker", "lô 7")
    assert newest.deliveries == ("D000000000001", "D000000000002", "D000000000003", "D000000000009", "nhập tay")


def test_work_that_fails_leaves_nothing_and_keeps_its_error(lake: Lake, table: Table) -> None:
    before = lake.snapshot_id()

    def work(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"INSERT INTO lake.standard.{table.name} VALUES (1, 1, 'a')")
        raise KeyError("of the work")

    with pytest.raises(KeyError, match="of the work"):
        lake.commit(work, author="a", message="m", deliveries=())
    assert lake.snapshot_id() == before
    assert lake.table_counts()[f"standard.{table.name}"] == 0
    insert(lake, table, "VALUES (1, 1, 'a')")


def test_an_error_of_duckdb_carries_no_value(lake: Lake, table: Table) -> None:
    with pytest.raises(StorageError) as caught:
        insert(lake, table, f"SELECT '{SECRET.replace(chr(39), chr(39) * 2)}'::INTEGER, 1, 'x'")
    shown = f"{caught.value} {caught.value.as_dict()} {caught.value.__cause__} {caught.value.__suppress_context__}"
    assert SECRET not in shown
    assert "True" in shown, "the traceback must not print the first error either"
    assert lake.table_counts()[f"standard.{table.name}"] == 0


def test_who_comes_second_does_its_work_again(made: Made, lake: Lake, table: Table) -> None:
    insert(lake, table, "VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 1, 'c')")
    waited: list[float] = []
    seen: list[int] = []
    with Lake.open(made.home, made.database, read_only=False, threads=1) as other:

        def work(connection: duckdb.DuckDBPyConnection) -> int:
            left = connection.execute(f"SELECT count(*) FROM lake.standard.{table.name}").fetchone()
            connection.execute(f"DELETE FROM lake.standard.{table.name} WHERE version_id = 1")
            if len(seen) < 2:
                other.commit(
                    lambda c: c.execute(f"DELETE FROM lake.standard.{table.name} WHERE version_id = {len(seen) + 2}"),
                    author="other",
                    message="first",
                    deliveries=(),
                )
            seen.append(left[0] if left else -1)
            return len(seen)

        retry = Retry(base_seconds=1.0, sleep=waited.append, chance=lambda: 0.5)
        result, _ = lake.commit(work, author="a", message="m", deliveries=(), retry=retry)
    assert result == 3
    assert seen == [3, 2, 1]
    assert waited == [0.75, 1.5]
    assert maintenance.check_counts(lake, {f"standard.{table.name}": 0}) == []


def test_a_lasting_conflict_ends_as_busy(made: Made, lake: Lake, table: Table) -> None:
    insert(lake, table, "SELECT range, 1, 'x' FROM range(100)")
    numbers = itertools.count()
    with Lake.open(made.home, made.database, read_only=False, threads=1) as other:

        def remove(where: Lake, number: int) -> None:
            where.connection.execute(f"DELETE FROM lake.standard.{table.name} WHERE version_id = {number}")

        def work(_: duckdb.DuckDBPyConnection) -> None:
            remove(lake, 99)
            other.commit(lambda c: remove(other, next(numbers)), author="o", message="m", deliveries=())

        with pytest.raises(BusyError, match="BUSY-LAKE-CONFLICT"):
            lake.commit(work, author="a", message="m", deliveries=(), retry=Retry(attempts=3, sleep=lambda _: None))
    assert next(numbers) == 3
    # The second attempt met a file that already had deletions: without the guard both would have committed there.
    assert maintenance.check_counts(lake, {f"standard.{table.name}": 97}) == []


WRITER = """
import sys
from bienho.config import Home, load_keys
from bienho.database import open_database
from bienho.lake import Lake
from pathlib import Path
home = Home.open(Path(sys.argv[1]))
table, number = sys.argv[2], int(sys.argv[3])
with open_database(home, load_keys(home), migrated=False) as database:
    with Lake.open(home, database, read_only=False, threads=1) as lake:
        for i in range(6):
            def work(c):
                c.execute(f"INSERT INTO lake.standard.{table} VALUES ({number}, {i}, 'w{number}')")
                c.execute(f"INSERT INTO lake.standard.{table}_b VALUES ({number}, {i}, 'w{number}')")
            lake.commit(work, author=f"w{number}", message="m", deliveries=())
"""


def test_three_processes_write_two_tables_while_one_reads(made: Made, lake: Lake, table: Table) -> None:
    twin = Table("standard", f"{table.name}_b", table.fields)
    lake.create_tables([twin])
    arguments, where = [str(made.home.path), table.name], f"lake.standard.{twin.name}"
    started = [Forked(WRITER, *arguments, str(number), environment=made.environment) for number in range(3)]
    with Lake.open(made.home, made.database, read_only=True, threads=1) as reader:
        both = f"SELECT (SELECT count(*) FROM lake.standard.{table.name}), (SELECT count(*) FROM {where})"
        while any(process.poll() is None for process in started):
            cursor = reader.cursor()
            cursor.execute("BEGIN")
            one, two = cursor.execute(both).fetchone() or (0, 1)
            cursor.execute("COMMIT")
            time.sleep(0.01)
            assert one == two, "a reader saw half a transaction"
    assert [process.wait() for process in started] == [0, 0, 0]
    assert lake.table_counts()[f"standard.{table.name}"] == 18
    assert maintenance.check_counts(lake, {f"standard.{table.name}": 18, f"standard.{twin.name}": 18}) == []


KILLED = """
import os, signal, sys
from bienho.config import Home, load_keys
from bienho.database import open_database
from bienho.lake import Lake
from pathlib import Path
home = Home.open(Path(sys.argv[1]))
database = open_database(home, load_keys(home), migrated=False)
lake = Lake.open(home, database, read_only=False, threads=1)
lake.connection.execute("BEGIN")
lake.connection.execute(f"INSERT INTO lake.standard.{sys.argv[2]} SELECT range, 1, 'killed' FROM range(50000)")
lake.connection.execute(f"DELETE FROM lake.standard.{sys.argv[2]} WHERE version_id = 7")
if sys.argv[3] == "before":
    os.kill(os.getpid(), signal.SIGKILL)
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[3]))
signal.signal(signal.SIGALRM, signal.SIG_DFL)
lake.connection.execute("COMMIT")
"""


@pytest.mark.parametrize("moment", ["before", "0.001", "0.004"])
def test_killed_around_commit_all_or_nothing(made: Made, lake: Lake, table: Table, moment: str) -> None:
    insert(lake, table, "VALUES (7, 1, 'old'), (8, 1, 'old')")
    name = f"standard.{table.name}"
    before = lake.table_digests([name], versions="all")[name]
    Forked(KILLED, str(made.home.path), table.name, moment, environment=made.environment).wait()
    with Lake.open(made.home, made.database, read_only=True) as reader:
        count = reader.table_counts()[name]
        after = reader.table_digests([name], versions="all")[name]
    assert (count, after == before) in [(2, True), (50_000, False)]
    if moment == "before":
        assert count == 2
    assert maintenance.check_counts(lake) == []
    insert(lake, table, "VALUES (9, 1, 'goes on')")


def test_orphans_of_killed_writers_are_removed_and_nothing_else(made: Made, lake: Lake, table: Table) -> None:
    insert(lake, table, "VALUES (7, 1, 'old')")
    Forked(KILLED, str(made.home.path), table.name, "before", environment=made.environment).wait()
    folder = lake.data_path / "standard" / table.name
    assert len(list(folder.glob("*.parquet"))) >= 2
    now = datetime.now(UTC)
    assert maintenance.retain(lake, 30, now).orphans == 0, "a fresh file may belong to an open transaction"
    # The snapshots stay: they are younger than a month and two days from now minus a year of keeping.
    assert maintenance.retain(lake, 365, now + timedelta(days=2)).orphans >= 1
    assert len(list(folder.glob("*.parquet"))) == 1
    assert maintenance.check_counts(lake, {f"standard.{table.name}": 1}) == []


def test_views_follow_versions_and_snapshots(lake: Lake, table: Table) -> None:
    first = insert(lake, table, "VALUES (101, 1, 'cũ'), (102, 1, 'giữ')")
    insert(lake, table, "VALUES (103, 1, 'mới')")
    second = supersede(lake, (101, 103))
    lake.install_views()
    assert rows_of(lake.connection, table) == [(102, 1, "giữ"), (103, 1, "mới")]
    lake.install_views(versions="all")
    assert len(rows_of(lake.connection, table)) == 3
    lake.install_views(at=first)
    assert rows_of(lake.connection, table) == [(101, 1, "cũ"), (102, 1, "giữ")]
    lake.install_views(at=second, versions="all")
    assert len(rows_of(lake.connection, table)) == 3
    with lake.session(at=first) as then, lake.session() as now:
        assert rows_of(then, table) == [(101, 1, "cũ"), (102, 1, "giữ")]
        assert rows_of(now, table) == [(102, 1, "giữ"), (103, 1, "mới")]
    assert "session_" not in str(lake.connection.execute("SHOW DATABASES").fetchall())


def test_a_table_made_later_is_not_there_before(lake: Lake, table: Table) -> None:
    before = lake.snapshot_id() - 1
    name = f"standard.{table.name}"
    assert name in lake.install_views()
    assert name not in lake.install_views(at=before)
    with pytest.raises(duckdb.CatalogException):
        lake.connection.execute(f"FROM {name}")
    with pytest.raises(UsageError, match="USE-TABLE"), lake.session(at=before, relations=[name]):
        pass


def test_what_has_no_rows_is_known_of_every_snapshot(lake: Lake, table: Table) -> None:
    """The gate does not scan what is named here: a name too many would hide rows."""
    name = f"{table.zone}.{table.name}"
    before = lake.snapshot_id()
    filled = insert(lake, table, "VALUES (1, 1, 'a')")
    assert name in lake.empty(before)
    assert name not in lake.empty(filled) | lake.empty(lake.snapshot_id())
    assert name not in lake.empty(before - 1), "it was not there yet"
    for at in (before, filled):
        counts = lake.table_counts(at)
        assert not any(counts[one] for one in lake.empty(at))


def test_macros_are_seen_in_sessions(lake: Lake) -> None:
    lake.install_macros("CREATE OR REPLACE MACRO twice(x) AS x * 2; CREATE OR REPLACE MACRO thrice(x) AS x * 3;")
    with lake.session() as session:
        assert session.execute("SELECT twice(2), thrice(2)").fetchone() == (4, 6)


def test_tables_follow_their_contracts(lake: Lake) -> None:
    name = f"c{next(NUMBERS)}"
    old = Table("derived", name, (Column("version_id", "BIGINT"), Column("b", "TEXT")))
    assert lake.create_tables([old]) == [f"derived.{name}"]
    insert(lake, old, "VALUES (1, 'x')")
    at = lake.snapshot_id()
    assert lake.create_tables([old]) == []
    assert lake.snapshot_id() == at, "nothing to do makes no snapshot"
    wider = Table("derived", name, (*old.fields, Column("c", "DECIMAL(18,2)")), versioned=True)
    assert lake.create_tables([wider]) == [f"derived.{name}"]
    assert lake.connection.execute(f"FROM lake.derived.{name}").fetchall() == [(1, "x", None)]
    assert next(t for t in lake.tables() if t.name == name).versioned
    for odd in ((Column("version_id", "VARCHAR"), *wider.fields[1:]), wider.fields[:2]):
        with pytest.raises(ConfigError, match="CFG-LAKE-SCHEMA"):
            lake.create_tables([Table("derived", name, odd)])


def test_arrow_tables_are_read_in_place(lake: Lake, table: Table) -> None:
    arrow = pa.table({"version_id": [5, 6], "row_no": [1, 1], "TEN": ["a", None]})
    with lake.registered(incoming=arrow) as connection:
        assert connection is lake.connection
        insert(lake, table, "BY NAME SELECT * FROM incoming")
    with pytest.raises(duckdb.CatalogException):
        lake.connection.execute("FROM incoming")
    assert lake.table_counts()[f"standard.{table.name}"] == 2


def test_files_cannot_be_read_without_the_catalog_and_the_catalog_holds_no_row(
    made: Made, lake: Lake, table: Table
) -> None:
    insert(lake, table, f"VALUES (1, 1, '{SECRET.replace(chr(39), chr(39) * 2)}')")
    lake.commit(
        lambda c: c.execute(f"DELETE FROM lake.standard.{table.name} WHERE row_no = 5"),
        author="a",
        message="m",
        deliveries=(),
    )
    files = list((lake.data_path / "standard" / table.name).glob("*.parquet"))
    assert files
    for file in files:
        assert file.read_bytes()[:4] == b"PARE", "the footer itself is encrypted"
        assert SECRET.encode() not in file.read_bytes()
        with pytest.raises(duckdb.Error), duckdb.connect() as plain:
            plain.execute("FROM read_parquet(?)", [str(file)])
    with made.database.connect(Role.ADMIN) as admin:
        inlined = admin.execute(
            "SELECT tablename FROM pg_tables WHERE tablename LIKE 'ducklake_inlined_data_%'"
        ).fetchall()
        for (name,) in inlined:
            if name == "ducklake_inlined_data_tables":
                continue
            assert admin.execute(f'SELECT count(*) FROM lake."{name}"').fetchone() == (0,)


def test_the_reader_cannot_write_anywhere(made: Made, table: Table) -> None:
    with Lake.open(made.home, made.database, read_only=True) as reader:
        for statement in (
            f"INSERT INTO lake.standard.{table.name} VALUES (1, 1, 'x')",
            f"DELETE FROM lake.standard.{table.name}",
            f"DROP TABLE lake.standard.{table.name}",
            "CREATE TABLE lake.standard.mine (a INTEGER)",
        ):
            with pytest.raises(duckdb.Error):
                reader.connection.execute(statement)
        with pytest.raises(StorageError):
            insert(reader, table, "VALUES (1, 1, 'x')")
        (metadata,) = (n for (n,) in reader.connection.execute("SHOW DATABASES").fetchall() if n.startswith("meta_"))
        with pytest.raises(duckdb.Error):
            reader.connection.execute(f"DELETE FROM {metadata}.lake.ducklake_data_file")
    # Even past DuckDB: the login role itself has no right to write.
    with made.database.connect(Role.WEB) as web, pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute("DELETE FROM lake.ducklake_data_file")


def test_the_sandbox_reads_the_lake_and_nothing_else(made: Made, lake: Lake, table: Table) -> None:
    insert(lake, table, "SELECT 5000 + range, 1, 'x' FROM range(1000)")
    with Lake.open(made.home, made.database, read_only=True, sandbox=True, threads=1) as reader:
        reader.install_views()
        count = f"SELECT count(*), min(TEN) FROM standard.{table.name}"
        assert reader.connection.execute(count).fetchone() == (1000, "x")
        with reader.session(at=lake.snapshot_id() - 1, relations=[f"standard.{table.name}"]) as before:
            assert before.execute(count).fetchone() == (0, None)
        for statement in (
            "FROM read_csv('/etc/passwd')",
            "FROM read_text('/etc/hostname')",
            "FROM glob('/etc/*')",
            f"FROM read_text('{made.home.path}/home.json')",
            "COPY (SELECT 1) TO '/tmp/bienho-leak.csv'",
            "ATTACH '/tmp/bienho-leak.duckdb' AS leak",
            "SET enable_external_access = true",
            "SET memory_limit = '100GB'",
            "INSTALL spatial",
            "FROM __ducklake_metadata_lake.lake.ducklake_data_file",
        ):
            with pytest.raises(duckdb.Error):
                reader.connection.execute(statement)
        settings = dict(reader.connection.execute("SELECT name, value FROM duckdb_settings()").fetchall())
        assert settings["temp_file_encryption"] == "true"
        assert settings["threads"] == "1"


def test_reading_a_lake_that_was_never_made_says_so(made: Made) -> None:
    with pytest.raises(ConfigError, match="CFG-LAKE-MISSING"):
        Lake.open(made.home, made.database, read_only=True, catalog="lake_r9999")
    with pytest.raises(UsageError, match="USE-CATALOG"):
        Lake.open(made.home, made.database, read_only=True, catalog="../etc")
    with pytest.raises(UsageError, match="USE-CATALOG"):
        Lake.remove_files(made.home, "..")
