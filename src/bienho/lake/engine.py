"""One DuckDB process memory with the lake attached: secrets, attach, and the locks of the sandbox."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bienho.config import Home
from bienho.core.errors import ConfigError, IntegrityError
from bienho.database import Database, Role
from bienho.lake.extensions import connect
from bienho.lake.failures import OPERATOR, translated
from bienho.lake.quoting import identifier, literal

ALIAS = "lake"
DOING = "Mở kho dữ liệu"
# DuckLake's own retries re-send the same commit, which helps appends only; real conflicts are left to Lake.commit.
COMMIT_RETRIES = 5
# Written once into a lake, also into one of an earlier release. Row groups of 32,768 rows: one is held whole while it
# is written, and of the widest tables DuckDB's own 122,880 took 290 MB where these take 110, for the same CPU. Files of
# 256 MB keep a compaction within the memory of a small machine. Level 1 of zstd is quicker than its usual 3 and, over
# rows of dossiers, no larger. Version 2 of Parquet takes a tenth less to write than version 1, a sixth less to read.
OPTIONS = {
    "parquet_version": "2",
    "parquet_compression": "zstd",
    "parquet_compression_level": "1",
    "target_file_size": "256MB",
    "parquet_row_group_size": "32768",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one DuckDB may use: memory and spill as DuckDB writes sizes, None = DuckDB's own choice."""

    memory: str | None = None
    spill: str = "20GB"
    threads: int | None = None


SANDBOX_BOUNDS = Bounds(memory="2GB", spill="4GB")


def open_engine(
    home: Home, database: Database, *, catalog: str, read_only: bool, bounds: Bounds
) -> tuple[duckdb.DuckDBPyConnection, str]:
    """(connection with the lake attached as `lake`, name of its metadata catalog).

    The metadata catalog has a name that cannot be guessed: with it one could read the file keys past the views.
    """
    connection = connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        _bound(connection, home, bounds)
        metadata = "meta_" + secrets.token_hex(16)
        _attach(connection, home, database, catalog=catalog, read_only=read_only, metadata=metadata)
        if not read_only:
            _set_options(connection)
            _index(connection, metadata, catalog)
            _guard(connection, metadata, catalog)
            _hold_little(connection)
    except BaseException:
        connection.close()
        raise
    return connection, metadata


def lock_down(connection: duckdb.DuckDBPyConnection, data: Path) -> None:
    """No file outside the lake's data, no network, no change of settings from here on."""
    connection.execute(
        f"SET allowed_directories = [{literal(folder(data))}, {literal(folder(spill_dir(data.parent)))}]"
    )
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def spill_dir(lake_dir: Path) -> Path:
    """Where DuckDB puts what does not fit in memory (encrypted, removed when it closes)."""
    return lake_dir.parent / "run" / "spill"


def folder(path: Path) -> str:
    """A folder as DuckDB wants it, with the slash at its end."""
    return f"{path}/"


def _bound(connection: duckdb.DuckDBPyConnection, home: Home, bounds: Bounds) -> None:
    connection.execute(f"SET temp_directory = {literal(folder(spill_dir(home.lake_dir)))}")
    connection.execute("SET temp_file_encryption = true")
    connection.execute(f"SET max_temp_directory_size = {literal(bounds.spill)}")
    if bounds.memory is not None:
        connection.execute(f"SET memory_limit = {literal(bounds.memory)}")
    if bounds.threads is not None:
        connection.execute(f"SET threads = {int(bounds.threads)}")


def _attach(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    database: Database,
    *,
    catalog: str,
    read_only: bool,
    metadata: str,
) -> None:
    data = home.lake_dir / catalog
    if not read_only:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    role = Role.WEB if read_only else Role.WORKER
    given = database.parameters(role)
    extra = " ".join(f"{name}={value}" for name, value in getattr(database, "options", {}).items())
    connection.execute(
        "CREATE SECRET bienho_catalog (TYPE postgres, HOST {host}, PORT {port}, USER {user}, PASSWORD {password},"
        " DATABASE {dbname})".format(**{name: literal(str(value)) for name, value in given.items()})
    )
    connection.execute(
        f"CREATE SECRET bienho_lake (TYPE ducklake, METADATA_PATH {literal(extra)}, DATA_PATH {literal(folder(data))},"
        " METADATA_PARAMETERS MAP {'TYPE': 'postgres', 'SECRET': 'bienho_catalog'})"
    )
    # OVERRIDE_DATA_PATH: a home that was moved or restored elsewhere finds its files where they are now.
    options = [
        f"DATA_PATH {literal(folder(data))}",
        "OVERRIDE_DATA_PATH true",
        "ENCRYPTED",
        f"METADATA_SCHEMA {literal(catalog)}",
        f"METADATA_CATALOG {literal(metadata)}",
        "DATA_INLINING_ROW_LIMIT 0",
        *(["READ_ONLY"] if read_only else []),
    ]
    try:
        connection.execute(f"ATTACH 'ducklake:bienho_lake' AS {ALIAS} ({', '.join(options)})")
    except duckdb.Error as error:
        # The database room knows best why a server does not answer.
        database.connect(role).close()
        if "does not exist" in str(error):
            raise ConfigError(
                "CFG-LAKE-MISSING",
                f"Chưa có kho dữ liệu `{catalog}` trong thư mục này.",
                hint="Chạy `bienho init` hoặc `bienho demo`.",
                who=OPERATOR,
            ) from None
        if "ersion" in str(error) and "DuckLake" in str(error) and "supported" in str(error):
            raise ConfigError(
                "CFG-LAKE-VERSION",
                "Kho dữ liệu theo phiên bản DuckLake khác với chương trình này.",
                hint="Dùng đúng phiên bản chương trình đã tạo kho, hoặc chạy `bienho rebuild`.",
                who=OPERATOR,
            ) from None
        raise translated(error, DOING) from None


def _set_options(connection: duckdb.DuckDBPyConnection) -> None:
    """Options a lake lacks, before anything else is done with it once open (set later they crashed this version)."""
    known = {name for (name,) in connection.execute(f"SELECT option_name FROM ducklake_options('{ALIAS}')").fetchall()}
    for name, value in OPTIONS.items():
        if name not in known:
            connection.execute(f"CALL {ALIAS}.set_option({literal(name)}, {literal(value)})")


def _hold_little(connection: duckdb.DuckDBPyConnection) -> None:
    """A writer reads a file once, and goes on for days: what it is done with goes back to the system.

    Left alone, DuckDB keeps the bytes of files it has read up to its whole memory, and the most that any merge of files
    needed for as long as it is open.
    """
    connection.execute("SET enable_external_file_cache = false")
    connection.execute("SET allocator_background_threads = true")


def _index(connection: duckdb.DuckDBPyConnection, metadata: str, catalog: str) -> None:
    """Let PostgreSQL find what a column holds in which file: asked of every scan with a condition.

    DuckLake makes no index. With a million dossiers that table has 120,000 rows, and was read whole each time.
    """
    place = f"{identifier(catalog)}.ducklake_file_column_stats (table_id, column_id)"
    index = f"CREATE INDEX IF NOT EXISTS bienho_statistics_of_a_column ON {place}"
    connection.execute(f"CALL postgres_execute({literal(metadata)}, {literal(index)})")


def _guard(connection: duckdb.DuckDBPyConnection, metadata: str, catalog: str) -> None:
    """Let PostgreSQL hold what DuckLake d8a1881e does not check: a data file has one list of deletions.

    Two transactions that delete from a file which already had deletions both commit, and the file's rows are then read
    twice. With this index the second one fails as a conflict and is done again.
    """
    connection.execute(f"SET ducklake_max_retry_count = {COMMIT_RETRIES}")
    index = (
        f"CREATE UNIQUE INDEX IF NOT EXISTS bienho_one_list_of_deletions ON {identifier(catalog)}.ducklake_delete_file"
        " (data_file_id) WHERE end_snapshot IS NULL"
    )
    try:
        connection.execute(f"CALL postgres_execute({literal(metadata)}, {literal(index)})")
    except duckdb.Error as error:
        if "could not create unique index" not in str(error):
            raise translated(error, DOING) from None
        raise IntegrityError(
            "INT-LAKE-DELETES",
            "Danh mục của kho có tệp dữ liệu mang hai danh sách dòng đã xóa; số liệu đọc ra sẽ sai.",
            hint="Dừng nhận và chạy `bienho rebuild` để dựng lại kho từ dữ liệu gốc.",
            who=OPERATOR,
        ) from None
