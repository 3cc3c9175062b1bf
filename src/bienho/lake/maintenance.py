"""Keeping the lake small and true: compaction, retention, removal of replaced rows, and the count of rows.

Jobs run under the writer lock. None reads a clock: `now` comes from whoever runs the job. Files are deleted only after
a grace, since a reader in another process may still be in the middle of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from bienho.core.errors import UsageError
from bienho.lake.engine import ALIAS
from bienho.lake.failures import lake_errors
from bienho.lake.lake import Lake
from bienho.lake.quoting import identifier, literal
from bienho.lake.relations import SUPERSEDED, LakeTable, pick

AUTHOR = "bienho-maintenance"
GRACE = timedelta(hours=1)
# A file written by a transaction that is still open is in no catalog yet: it must not be taken for an orphan.
ORPHAN_GRACE = timedelta(days=1)
REWRITE_SHARE = 0.1
# Files are merged with their like, so that a row is written again once or twice in its life and not at every
# compaction: small ones at thirty-two, those of many rows, which cost little to open beside what is read, at more.
# From LARGE_BYTES on a file is left to `compact`.
SMALL_ROWS, SMALL_BYTES = 8_192, 2 << 20
LARGE_BYTES = 64 << 20
TIER_FILES = 32
MANY_FILES = 256
"""Also of small files of a table that holds dossiers as received: who reads it looks for some versions, and the catalog
tells in which files they may be."""
RECEIVED = "standard"
FRAYED_FILES = 16
"""Of a table, with many deleted rows: those of tables computed anew, which are small."""


@dataclass(frozen=True, slots=True)
class CompactReport:
    """Live files and their bytes before and after; `deleted` = files removed from disk."""

    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    deleted: int


@dataclass(frozen=True, slots=True)
class RetainReport:
    """Snapshots forgotten, files no snapshot needs that were removed, and files no transaction ever committed."""

    snapshots: int
    files: int
    orphans: int


@dataclass(frozen=True, slots=True)
class DropReport:
    """Rows removed per table, and the snapshot that removed them."""

    rows: dict[str, int]
    snapshot_id: int


@dataclass(frozen=True, slots=True)
class CountMismatch:
    """A table whose rows are not as many as said: `counted` by reading them, `catalog` by the list of files,
    `answered` by a plain count(*) (-1 when it fails), `expected` by the caller's books."""

    table: str
    counted: int
    catalog: int
    answered: int
    expected: int | None


def compact(lake: Lake, *, now: datetime | None = None) -> CompactReport:
    """Merge small files, rewrite files with many deleted rows, remove what that replaced (only with `now`).

    Rows, and what can be read as of older snapshots, stay the same.
    """
    files, size = _live(lake)
    with lake_errors("Gộp tệp của kho"):
        for table in pick(lake.tables(), _untidy(lake)):
            tidy_table(lake, table)
    deleted = _clean(lake, now - GRACE) if now is not None else 0
    after, size_after = _live(lake)
    return CompactReport(files, after, size, size_after, deleted)


def settle(lake: Lake, now: datetime) -> int:
    """Merge what many small commits left behind, where it has become too much; how many tables were touched.

    Meant to be called often: two looks at the catalog, then work in proportion to what was written since, however large
    the lake is. Files merged away are removed after the grace. Rows, and what can be read as of older snapshots, stay
    the same.
    """
    frayed, due = _frayed(lake), _crowded(lake)
    # one thread: two take more CPU for the same rows, and twice the room
    with lake_errors("Gộp tệp của kho"), lake.single_threaded():
        for zone, name in frayed:
            _rewrite(lake, zone, name)
        for zone, name, bound in due:
            lake.connection.execute(
                f"CALL ducklake_merge_adjacent_files('{ALIAS}', {literal(name)}, schema => {literal(zone)},"
                f" max_file_size => {bound})"
            ).fetchall()
    if frayed or due:
        _clean(lake, now - GRACE)
    return len({*frayed, *((zone, name) for zone, name, _ in due)})


def tidy_table(lake: Lake, table: LakeTable) -> None:
    """One table's part of a compaction: files with many deleted rows written anew, then neighbours merged."""
    _rewrite(lake, table.zone, table.name)
    place = f"'{ALIAS}', {literal(table.name)}, schema => {literal(table.zone)}"
    lake.connection.execute(f"CALL ducklake_merge_adjacent_files({place})").fetchall()


def _rewrite(lake: Lake, zone: str, name: str) -> None:
    lake.connection.execute(
        f"CALL ducklake_rewrite_data_files('{ALIAS}', {literal(name)}, schema => {literal(zone)},"
        f" delete_threshold => {REWRITE_SHARE})"
    ).fetchall()


def retain(lake: Lake, keep_days: int, now: datetime) -> RetainReport:
    """Forget snapshots older than `keep_days` (the newest always stays) and remove files nothing points to."""
    if keep_days < 1:
        raise UsageError("USE-KEEP-DAYS", "Số ngày giữ lịch sử phải từ 1 trở lên.")
    with lake_errors("Dọn lịch sử kho"):
        expired = lake.connection.execute(
            f"CALL ducklake_expire_snapshots('{ALIAS}', older_than => {_moment(now - timedelta(days=keep_days))})"
        ).fetchall()
        files = _clean(lake, now - GRACE)
        orphans = lake.connection.execute(
            f"CALL ducklake_delete_orphaned_files('{ALIAS}', older_than => {_moment(now - ORPHAN_GRACE)})"
        ).fetchall()
    return RetainReport(len(expired), files, len(orphans))


def forget_history(lake: Lake, now: datetime) -> RetainReport:
    """Make what was deleted unreadable at any snapshot: rows leave their files, and every snapshot but the newest goes.

    Files that only older snapshots need are removed after the grace, by this call or by the next `retain`.
    """
    with lake_errors("Bỏ lịch sử kho"):
        for table in pick(lake.tables(), _untidy(lake)):
            lake.connection.execute(
                f"CALL ducklake_rewrite_data_files('{ALIAS}', {literal(table.name)}, schema => {literal(table.zone)},"
                " delete_threshold => 0)"
            ).fetchall()
        expired = lake.connection.execute(
            f"CALL ducklake_expire_snapshots('{ALIAS}', older_than => {_moment(now)})"
        ).fetchall()
        files = _clean(lake, now - GRACE)
    return RetainReport(len(expired), files, 0)


def drop_superseded(lake: Lake, tables: Sequence[str] | None = None) -> DropReport:
    """Delete, in one commit, the rows of replaced versions from versioned tables (all of them by default).

    The list of replaced versions stays, and so do the rows as of earlier snapshots until `retain` forgets those.
    """
    known = lake.tables()
    chosen = pick(known, list(tables)) if tables is not None else [table for table in known if table.versioned]
    plain = [table.full_name for table in chosen if not table.versioned]
    if plain:
        raise UsageError("USE-TABLE", f"Bảng {', '.join(plain)} không có phiên bản để bỏ.")

    def work(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
        removed = {}
        for table in chosen:
            row = connection.execute(
                f"DELETE FROM {ALIAS}.{identifier(table.zone)}.{identifier(table.name)}"
                f" WHERE version_id IN (SELECT version_id FROM {ALIAS}.{SUPERSEDED})"
            ).fetchone()
            removed[table.full_name] = int(row[0]) if row else 0
        return removed

    rows, snapshot = lake.commit(work, author=AUTHOR, message="drop superseded", deliveries=())
    return DropReport(rows, snapshot)


def check_counts(lake: Lake, expected: Mapping[str, int] | None = None) -> list[CountMismatch]:
    """Read every table to the end and compare its rows with the catalog and with the caller's books; what differs.

    A plain count(*) is answered from the catalog, which is what is being checked here: a column is read instead.
    """
    books = dict(expected or {})
    catalog = lake.table_counts()
    pick(lake.tables(), list(books))
    found = []
    cursor = lake.cursor()
    with lake_errors("Đếm lại kho"):
        for name, known in catalog.items():
            counted, answered = (_counted(cursor, name), _answered(cursor, name)) if known else (0, 0)
            if {counted} != {known, answered, books.get(name, counted)}:
                found.append(CountMismatch(name, counted, known, answered, books.get(name)))
    return found


def _counted(cursor: duckdb.DuckDBPyConnection, name: str) -> int:
    place = _place(name)
    column = cursor.execute(f"SELECT * FROM {place} LIMIT 0").description[0][0]
    row = cursor.execute(f"SELECT count(*), bit_xor(hash({identifier(column)})) FROM {place}").fetchone()
    return int(row[0]) if row else 0


def _answered(cursor: duckdb.DuckDBPyConnection, name: str) -> int:
    try:
        row = cursor.execute(f"SELECT count(*) FROM {_place(name)}").fetchone()
    except duckdb.InvalidInputException:
        # Statistics below zero: known of this version after deletions that crossed a compaction.
        return -1
    return int(row[0]) if row else 0


def _place(name: str) -> str:
    return f"{ALIAS}." + ".".join(identifier(part) for part in name.split("."))


def _clean(lake: Lake, before: datetime) -> int:
    with lake_errors("Xóa tệp cũ của kho"):
        return len(
            lake.connection.execute(
                f"CALL ducklake_cleanup_old_files('{ALIAS}', older_than => {_moment(before)})"
            ).fetchall()
        )


def _untidy(lake: Lake) -> list[str]:
    """Tables with more than one live file, or with deleted rows still in one."""
    rows = lake.metadata_query(
        "SELECT s.schema_name || '.' || t.table_name FROM {meta}.ducklake_table t"
        " JOIN {meta}.ducklake_schema s USING (schema_id) JOIN {meta}.ducklake_data_file f USING (table_id)"
        " LEFT JOIN (SELECT * FROM {meta}.ducklake_delete_file WHERE end_snapshot IS NULL) AS d USING (data_file_id)"
        " WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND f.end_snapshot IS NULL"
        " GROUP BY 1 HAVING count(*) > 1 OR count(d.data_file_id) > 0 ORDER BY 1"
    )
    return [name for (name,) in rows]


def _crowded(lake: Lake) -> list[tuple[str, str, int]]:
    """(zone, table, bound) where files below so many bytes are to be merged; of each table the largest such bound."""
    small = f"f.file_size_bytes < {SMALL_BYTES} AND f.record_count < {SMALL_ROWS}"
    rows = lake.metadata_query(
        f"SELECT s.schema_name, t.table_name, count(*) FILTER ({small}), max(f.file_size_bytes) FILTER ({small}),"
        f" count(*) FILTER (NOT ({small}) AND f.file_size_bytes < {LARGE_BYTES}) FROM {{meta}}.ducklake_table t"
        " JOIN {meta}.ducklake_schema s USING (schema_id) JOIN {meta}.ducklake_data_file f USING (table_id)"
        " WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND f.end_snapshot IS NULL"
        " GROUP BY 1, 2 HAVING count(*) >= " + str(TIER_FILES) + " ORDER BY 1, 2"
    )
    received = {table.name for table in lake.tables() if table.zone == RECEIVED and table.versioned} if rows else set()
    due = []
    for zone, name, small_files, largest_small, others in rows:
        # files of one kind, not of all below it: else every merge of small ones would take larger ones along
        if others >= MANY_FILES:
            due.append((zone, name, LARGE_BYTES))
        elif small_files >= (MANY_FILES if zone == RECEIVED and name in received else TIER_FILES):
            due.append((zone, name, largest_small + 1))
    return due


def _frayed(lake: Lake) -> list[tuple[str, str]]:
    """(zone, table) where FRAYED_FILES or more live files have many deleted rows: a merge leaves such files alone.

    What is computed anew with every batch is deleted and written again each time, so its files would be ever more.
    """
    rows = lake.metadata_query(
        "SELECT s.schema_name, t.table_name FROM {meta}.ducklake_table t"
        " JOIN {meta}.ducklake_schema s USING (schema_id)"
        " JOIN {meta}.ducklake_data_file f USING (table_id) JOIN {meta}.ducklake_delete_file d USING (data_file_id)"
        " WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND f.end_snapshot IS NULL AND d.end_snapshot IS NULL"
        f" AND d.delete_count >= {REWRITE_SHARE} * f.record_count"
        " GROUP BY 1, 2 HAVING count(*) >= " + str(FRAYED_FILES) + " ORDER BY 1, 2"
    )
    return [(zone, name) for zone, name in rows]


def _live(lake: Lake) -> tuple[int, int]:
    rows = lake.metadata_query(
        "SELECT count(*), coalesce(sum(file_size_bytes), 0) FROM {meta}.ducklake_data_file WHERE end_snapshot IS NULL"
    )
    return int(rows[0][0]), int(rows[0][1])


def _moment(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("now must carry its zone")
    return f"TIMESTAMPTZ {literal(moment.isoformat())}"
