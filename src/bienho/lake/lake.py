"""The lake: DuckLake tables in encrypted Parquet with their catalog in PostgreSQL."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Protocol, TypeVar

import duckdb
import pyarrow as pa
from psycopg import sql

from bienho.config import Home, cores
from bienho.core.errors import ConfigError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.lake.commits import Retry, Snapshot, fold, unfold
from bienho.lake.digests import digest
from bienho.lake.engine import ALIAS, SANDBOX_BOUNDS, Bounds, lock_down, open_engine
from bienho.lake.failures import OPERATOR, is_conflict, lake_errors, translated
from bienho.lake.quoting import identifier, literal
from bienho.lake.relations import SUPERSEDED, VERSIONED, LakeTable, Versions, pick, reading, tables_at

T = TypeVar("T")
CATALOG_NAME = re.compile(r"lake[a-z0-9_]{0,40}")
ROLLBACK = "ROLLBACK"


class FieldLike(Protocol):
    """What the lake needs to know of a column."""

    @property
    def name(self) -> str: ...
    @property
    def physical_type(self) -> str: ...


class ContractLike(Protocol):
    """What the lake needs to know of a contract."""

    @property
    def zone(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def versioned(self) -> bool: ...
    @property
    def fields(self) -> Sequence[FieldLike]: ...
    def ddl(self) -> str: ...


class Lake:
    """One opened lake. Reads may run on any number of `cursor()`s; writing belongs to one thread at a time."""

    def __init__(
        self,
        home: Home,
        database: Database,
        catalog: str,
        connection: duckdb.DuckDBPyConnection,
        metadata: str,
        *,
        read_only: bool,
    ) -> None:
        self.home = home
        self._database = database
        self.catalog = catalog
        self.connection = connection
        self.read_only = read_only
        self.data_path = home.lake_dir / catalog
        self._metadata = metadata
        self.threads: int | None = None
        """What the caller asked for."""
        self._threads = 1
        self._mutex = threading.RLock()
        self._sessions = 0
        self.commits = 0
        """Transactions begun by `commit`: what was read of the lake holds until the next one."""
        self.written = 0
        """Versions written since it was opened, as the writer counts them."""

    @classmethod
    def open(
        cls,
        home: Home,
        database: Database,
        *,
        read_only: bool,
        threads: int | None = None,
        sandbox: bool = False,
        catalog: str = "lake",
        bounds: Bounds | None = None,
    ) -> Lake:
        """Attach the lake `catalog` (its PostgreSQL schema and its folder under `home.lake_dir`) to a new DuckDB.

        Reading logs in as WEB and cannot write in either database; writing logs in as WORKER. `sandbox` bounds memory
        and spill, forbids files outside the lake's data and locks the settings: for statements written by people.
        `threads` None = those of `bounds`, else as many as `BIENHO_CORES` allows.
        ConfigError CFG-EXTENSION, CFG-LAKE-MISSING (reading only), CFG-LAKE-VERSION; StorageError STO-LAKE-*.
        """
        if not CATALOG_NAME.fullmatch(catalog):
            raise UsageError("USE-CATALOG", "Tên kho dữ liệu không hợp lệ.")
        limits = bounds or (SANDBOX_BOUNDS if sandbox else Bounds())
        limits = Bounds(limits.memory, limits.spill, threads or limits.threads or cores())
        connection, metadata = open_engine(home, database, catalog=catalog, read_only=read_only, bounds=limits)
        lake = cls(home, database, catalog, connection, metadata, read_only=read_only)
        lake.threads, lake._threads = threads, limits.threads or 1
        if sandbox:
            lock_down(connection, lake.data_path)
        return lake

    @staticmethod
    def remove_files(home: Home, catalog: str) -> None:
        """Delete the data folder of a catalog whose PostgreSQL schema is gone; no error when there is none."""
        if not CATALOG_NAME.fullmatch(catalog):
            raise UsageError("USE-CATALOG", "Tên kho dữ liệu không hợp lệ.")
        shutil.rmtree(home.lake_dir / catalog, ignore_errors=True)

    def close(self) -> None:
        """Close DuckDB and its connections to PostgreSQL."""
        self.connection.close()

    def forget(self) -> None:
        """Drop the views and rows in memory, and take what was read before for old: another may write from now on."""
        self.commits += 1
        with self._mutex, lake_errors("Đóng kho dữ liệu"):
            zones = self.connection.execute(
                "SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'memory' AND schema_name <> 'main'"
                " AND NOT internal"
            ).fetchall()
            for (zone,) in zones:
                self.connection.execute(f"DROP SCHEMA memory.{identifier(zone)} CASCADE")

    def __enter__(self) -> Lake:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ── tables, views, macros ─────────────────────────────────────────────────────────────────────────────────────

    def create_tables(self, contracts: Sequence[ContractLike]) -> list[str]:
        """Bring the lake's tables to their contracts: make missing ones, add new columns at the end; names of changed.

        Doing it again changes nothing and makes no snapshot. A column that changed its type, or that the contract no
        longer knows, is a ConfigError CFG-LAKE-SCHEMA: such a change is a rebuild, not an ALTER.
        """
        known = {table.full_name: table for table in self.tables()}
        columns = self._columns()
        statements: list[str] = []
        changed: list[str] = []
        for zone in sorted({contract.zone for contract in contracts}):
            statements.append(f"CREATE SCHEMA IF NOT EXISTS {ALIAS}.{identifier(zone)}")
        for contract in contracts:
            full = f"{contract.zone}.{contract.name}"
            place = f"{ALIAS}.{identifier(contract.zone)}.{identifier(contract.name)}"
            table = known.get(full)
            wanted = [contract.ddl()] if table is None else self._additions(contract, place, columns[full])
            if contract.versioned and "version_id" not in {field.name for field in contract.fields}:
                raise ValueError(f"{full} is versioned but has no version_id")
            if contract.versioned != (table.versioned if table else False):
                wanted.append(f"COMMENT ON TABLE {place} IS {literal(VERSIONED) if contract.versioned else 'NULL'}")
            if wanted:
                statements.extend(wanted)
                changed.append(full)
        if changed:

            def work(connection: duckdb.DuckDBPyConnection) -> None:
                for statement in statements:
                    connection.execute(statement)

            self.commit(work, author="bienho", message="tables", deliveries=())
        return changed

    def install_views(self, at: int | None = None, versions: Versions = "current") -> list[str]:
        """Views `zone.table` in memory over every table of the lake, as of snapshot `at` or as it is now.

        Shared by all cursors of this lake: a reader that needs another snapshot beside takes a `session`.
        """
        with self._mutex, lake_errors("Dựng khung nhìn"):
            tables = self.tables(at)
            self._views(self.connection, "memory", tables, at=at, versions=versions)
            wanted = {(table.zone, table.name) for table in tables}
            for zone, name in self.connection.execute(
                "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'memory' AND NOT internal"
                " AND schema_name <> 'main'"
            ).fetchall():
                if (zone, name) not in wanted:
                    self.connection.execute(f"DROP VIEW memory.{identifier(zone)}.{identifier(name)}")
        return [table.full_name for table in tables]

    def install_macros(self, sql: str) -> None:
        """Run the CREATE MACRO statements that models and checks rely on."""
        with self._mutex, lake_errors("Dựng hàm dùng chung"):
            self.connection.execute(sql)

    @contextmanager
    def session(
        self, *, at: int | None = None, versions: Versions = "current", relations: Collection[str] | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor with views of its own, so that readers of different snapshots do not disturb each other.

        With `relations` (full names) only those views are made, which is quicker. Macros of `install_macros` are seen.
        """
        with self._mutex:
            self._sessions += 1
            name = f"session_{self._sessions}"
        cursor = self.connection.cursor()
        try:
            with lake_errors("Mở phiên đọc"):
                tables = self.tables(at)
                if relations is not None:
                    tables = pick(tables, sorted(relations))
                cursor.execute(f"ATTACH ':memory:' AS {name}")
                self._views(cursor, name, tables, at=at, versions=versions)
                cursor.execute(f"SET search_path = '{name},memory'")
            yield cursor
        finally:
            cursor.close()
            self.connection.cursor().execute(f"DETACH DATABASE IF EXISTS {name}").close()

    @contextmanager
    def single_threaded(self, few: bool = True) -> Iterator[None]:
        """Where rows are `few`, one thread does the statements of the block: to share them out costs more than they do.

        Not in a sandbox, whose settings are locked.
        """
        if not few or self._threads == 1:
            yield
            return
        self.connection.execute("SET threads = 1")
        try:
            yield
        finally:
            with suppress(duckdb.Error):  # a connection that broke says so where it broke
                self.connection.execute(f"SET threads = {self._threads}")

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Another connection to the same DuckDB: sees the same lake and the same views."""
        return self.connection.cursor()

    @contextmanager
    def registered(self, **tables: pa.Table) -> Iterator[duckdb.DuckDBPyConnection]:
        """Arrow tables under the given names for the time of the block."""
        for name, table in tables.items():
            self.register(name, table)
        try:
            yield self.connection
        finally:
            for name in tables:
                self.unregister(name)

    def register(self, name: str, table: pa.Table) -> None:
        """Let SQL read an Arrow table under a name, without copying it."""
        self.connection.register(name, table)

    def unregister(self, name: str) -> None:
        """Forget a registered name."""
        self.connection.unregister(name)

    # ── commits and snapshots ─────────────────────────────────────────────────────────────────────────────────────

    def commit(
        self,
        work: Callable[[duckdb.DuckDBPyConnection], T],
        *,
        author: str,
        message: str,
        deliveries: Sequence[str],
        retry: Retry | None = None,
    ) -> tuple[T, int]:
        """Do `work` in one transaction; (its result, the snapshot it made or, when it changed nothing, the newest).

        When another transaction came first, all of `work` is done again on the newer state, so it must be repeatable.
        BusyError BUSY-LAKE-CONFLICT after the last attempt; any other failure rolls back and is raised at once:
        StorageError and its kin for DuckDB's own, errors of `work` as they are.
        """
        retry = retry or Retry()
        with self._mutex:
            attempt = 1
            while True:
                try:
                    return self._attempt(work, author, message, fold(deliveries))
                except duckdb.Error as error:
                    if not is_conflict(error) or attempt >= retry.attempts:
                        with lake_errors("Ghi kho dữ liệu"):
                            raise
                retry.wait(attempt)
                attempt += 1

    def _attempt(
        self, work: Callable[[duckdb.DuckDBPyConnection], T], author: str, message: str, note: str
    ) -> tuple[T, int]:
        connection = self.connection
        self.commits += 1
        connection.execute("BEGIN")
        try:
            result = work(connection)
            connection.execute(f"CALL {ALIAS}.set_commit_message(?, ?, extra_info => ?)", [author, message, note])
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        last = connection.execute(f"FROM {ALIAS}.last_committed_snapshot()").fetchone()
        return result, int(last[0]) if last and last[0] is not None else self.snapshot_id()

    def _roll_back(self) -> None:
        try:
            self.connection.execute(ROLLBACK)
        except duckdb.TransactionException:
            # A commit that failed has already ended its transaction.
            return

    def snapshot_id(self) -> int:
        """Id of the newest snapshot. Every look asks for it, so PostgreSQL is asked: DuckDB takes ten times as long."""
        role = Role.WEB if self.read_only else Role.WORKER
        newest = sql.SQL("SELECT max(snapshot_id) FROM {}.ducklake_snapshot").format(sql.Identifier(self.catalog))
        with storage_errors(self._database.place), self._database.connect(role, autocommit=True) as connection:
            row = connection.execute(newest).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def empty(self, at: int) -> frozenset[str]:
        """Full names of tables without a file of rows at a snapshot. PostgreSQL is asked, as for `snapshot_id`."""
        role = Role.WEB if self.read_only else Role.WORKER
        names = sql.SQL(
            "SELECT s.schema_name || '.' || t.table_name FROM {c}.ducklake_table AS t"
            " JOIN {c}.ducklake_schema AS s USING (schema_id)"
            " WHERE t.begin_snapshot <= %(at)s AND (t.end_snapshot IS NULL OR t.end_snapshot > %(at)s)"
            " AND s.begin_snapshot <= %(at)s AND (s.end_snapshot IS NULL OR s.end_snapshot > %(at)s)"
            " AND NOT EXISTS (SELECT FROM {c}.ducklake_data_file AS f WHERE f.table_id = t.table_id"
            " AND f.begin_snapshot <= %(at)s AND (f.end_snapshot IS NULL OR f.end_snapshot > %(at)s))"
        ).format(c=sql.Identifier(self.catalog))
        with storage_errors(self._database.place), self._database.connect(role, autocommit=True) as connection:
            return frozenset(name for (name,) in connection.execute(names, {"at": at}).fetchall())

    def snapshots(self, limit: int = 100) -> list[Snapshot]:
        """The newest snapshots, newest first."""
        with lake_errors("Đọc lịch sử kho"):
            rows = self.connection.cursor().execute(
                "SELECT snapshot_id, snapshot_time, author, commit_message, commit_extra_info"
                f" FROM {ALIAS}.snapshots() ORDER BY snapshot_id DESC LIMIT ?",
                [limit],
            )
            return [Snapshot(n, time, author, text, unfold(note)) for n, time, author, text, note in rows.fetchall()]

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def tables(self, at: int | None = None) -> list[LakeTable]:
        """Tables of the lake at a snapshot, now by default."""
        with lake_errors("Đọc danh mục kho"):
            moment = self.snapshot_id() if at is None else at
            return tables_at(self.connection.cursor(), self._metadata, self.catalog, moment)

    def table_counts(self, at: int | None = None) -> dict[str, int]:
        """Rows of every table, all versions counted. Now: as the catalog knows them, no file is read."""
        tables = self.tables(at)
        if at is None:
            # A file all of whose rows were deleted ends, but its last list of deletions does not.
            rows = self.metadata_query(
                "SELECT s.schema_name || '.' || t.table_name,"
                " sum(f.record_count) - coalesce(sum(d.delete_count), 0)"
                " FROM {meta}.ducklake_table t JOIN {meta}.ducklake_schema s USING (schema_id)"
                " JOIN {meta}.ducklake_data_file f USING (table_id)"
                " LEFT JOIN (SELECT * FROM {meta}.ducklake_delete_file WHERE end_snapshot IS NULL) AS d"
                " USING (data_file_id)"
                " WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND f.end_snapshot IS NULL GROUP BY 1"
            )
            known = {name: int(count) for name, count in rows}
            return {table.full_name: known.get(table.full_name, 0) for table in tables}
        counts = {}
        for table in tables:
            counts[table.full_name] = self._number(f"SELECT count(*) FROM ({reading(table, at=at, versions='all')})")
        return counts

    def table_digests(
        self,
        names: Sequence[str],
        versions: Versions = "current",
        *,
        at: int | None = None,
        omit: Mapping[str, Collection[str]] | None = None,
    ) -> dict[str, str]:
        """Digest of the rows of each table, the same for the same rows in any order and any files.

        `omit` names columns per table that tell how rows came to be and not what they are.
        """
        # A scan of a table without files asks the catalog for every column: 15 times slower than a full one.
        counts = self.table_counts() if at is None else {}
        columns = self._columns() if at is None else {}
        if counts.get(SUPERSEDED) == 0:
            versions = "all"  # nothing was replaced: all versions are current ones, and a join less is asked for
        found = {}
        # in one transaction, so that DuckLake asks its catalog for the snapshot once and all rows are of one moment
        with lake_errors("Tính dấu vết bảng"), self.connection.cursor() as cursor:
            cursor.begin()
            for table in pick(self.tables(at), list(names)):
                name = table.full_name
                found[name] = digest(
                    cursor,
                    reading(table, at=at, versions=versions),
                    columns=columns.get(name),
                    omit=(omit or {}).get(name, ()),
                    empty=counts.get(name) == 0,
                )
        return found

    def metadata_query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query over DuckLake's own tables, written with `{meta}` before their names. For this room only."""
        meta = f"{identifier(self._metadata)}.{identifier(self.catalog)}"
        with lake_errors("Đọc danh mục kho"):
            return self.connection.cursor().execute(sql.replace("{meta}", meta)).fetchall()

    def _number(self, text: str) -> int:
        try:
            row = self.connection.cursor().execute(text).fetchone()
        except duckdb.Error as error:
            raise translated(error, "Đọc kho dữ liệu") from None
        return int(row[0]) if row else 0

    def _columns(self) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for zone, table, name, kind in self.connection.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = ?"
            " ORDER BY column_index",
            [ALIAS],
        ).fetchall():
            found.setdefault(f"{zone}.{table}", []).append((name, kind))
        return found

    def _additions(self, contract: ContractLike, place: str, there: list[tuple[str, str]]) -> list[str]:
        """ALTER statements for columns the contract has and the table has not."""
        kinds = dict(there)
        wanted = {field.name: field.physical_type for field in contract.fields}
        same = {name: self._same_type(wanted[name], kind) for name, kind in kinds.items() if name in wanted}
        if kinds.keys() - wanted.keys() or not all(same.values()):
            odd = sorted(kinds.keys() - wanted.keys()) + sorted(name for name, fits in same.items() if not fits)
            raise ConfigError(
                "CFG-LAKE-SCHEMA",
                f"Bảng {contract.zone}.{contract.name} trong kho không theo hợp đồng dữ liệu ({', '.join(odd)}).",
                hint="Chạy `bienho rebuild` để dựng lại kho từ dữ liệu gốc.",
                who=OPERATOR,
            )
        return [
            f"ALTER TABLE {place} ADD COLUMN {identifier(name)} {kind}"
            for name, kind in wanted.items()
            if name not in kinds
        ]

    def _same_type(self, wanted: str, there: str) -> bool:
        """Whether two spellings name one type (TEXT and VARCHAR do)."""
        if wanted.upper() == there.upper():
            return True
        row = self.connection.execute(f"SELECT typeof(NULL::{wanted}) = typeof(NULL::{there})").fetchone()
        return bool(row and row[0])

    @staticmethod
    def _views(
        connection: duckdb.DuckDBPyConnection,
        database: str,
        tables: list[LakeTable],
        *,
        at: int | None,
        versions: Versions,
    ) -> None:
        for zone in sorted({table.zone for table in tables}):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {database}.{identifier(zone)}")
        for table in tables:
            place = f"{database}.{identifier(table.zone)}.{identifier(table.name)}"
            connection.execute(f"CREATE OR REPLACE VIEW {place} AS {reading(table, at=at, versions=versions)}")
