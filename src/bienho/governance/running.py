"""Running a checked statement: on a cursor of its own, within limits of time and size, errors without values."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from bienho.config import Limits
from bienho.core.errors import BienhoError, LimitError, StorageError, UsageError
from bienho.governance.sql_check import shown

At = int | datetime | None
"""The state of the lake to read: a snapshot, the last one at a moment (with zone), or the newest."""
BATCH_ROWS = 20_000
MOMENTS = 20
"""Snapshots of which is kept what has no rows then."""
_STORE_ERRORS = duckdb.IOException | duckdb.InternalException | duckdb.FatalException | duckdb.PermissionException
_QUOTED_NAME = re.compile(
    r'(?:column|table|alias|function|name)s? (?:named? |with name )?"?([A-Za-z_][A-Za-z0-9_.]*)"?', re.IGNORECASE
)


class SessionLake(Protocol):
    """An opened lake."""

    @property
    def connection(self) -> duckdb.DuckDBPyConnection: ...
    def snapshot_id(self) -> int: ...
    def empty(self, at: int) -> frozenset[str]: ...


class Engine:
    """Cursors on the lake's DuckDB, each statement under `Limits.query_seconds`, answers under `query_rows`."""

    def __init__(self, lake: SessionLake, limits: Limits) -> None:
        self._lake = lake
        self._limits = limits
        self._lock = threading.Lock()
        self._empty: dict[int, frozenset[str]] = {}

    def empty(self, moment: int) -> frozenset[str]:
        """Datasets that have no rows at a snapshot; asked once of each."""
        with self._lock:
            if moment not in self._empty:
                if len(self._empty) >= MOMENTS:
                    self._empty.clear()
                self._empty[moment] = self._lake.empty(moment)
            return self._empty[moment]

    def moment(self, at: At) -> int:
        """The snapshot to read at: the one asked for, the last at a moment, or the newest."""
        with self._lock:
            newest = self._lake.snapshot_id()
        if at is None:
            return newest
        if isinstance(at, datetime):
            return self._last_at(at)
        if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at <= newest:
            raise UsageError("USE-SNAPSHOT", f"Không có thời điểm dữ liệu này; số mới nhất là {newest}.")
        return at

    def _last_at(self, at: datetime) -> int:
        with self.cursor() as cursor:
            row = cursor.execute(
                "SELECT max(snapshot_id) FROM lake.snapshots() WHERE snapshot_time <= ?", [at]
            ).fetchone()
        if row is None or row[0] is None:
            raise UsageError("USE-SNAPSHOT", f"Kho chưa có dữ liệu vào lúc {at:%d/%m/%Y %H:%M}.")
        return int(row[0])

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one statement."""
        with self._lock:
            cursor = self._lake.connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def collect(self, text: str, values: Sequence[Any]) -> pa.Table:
        """The whole answer; LimitError LIM-QUERY-ROWS when it is larger than the limit."""
        with self.cursor() as cursor, _deadline(cursor, self._limits.query_seconds):
            cursor.execute(text, list(values))
            reader = cursor.to_arrow_reader(BATCH_ROWS)
            batches, count = [], 0
            for batch in reader:
                count += batch.num_rows
                if count > self._limits.query_rows:
                    raise LimitError(
                        "LIM-QUERY-ROWS",
                        f"Kết quả nhiều hơn {self._limits.query_rows} dòng.",
                        hint="Thêm điều kiện, gộp nhóm hoặc LIMIT.",
                    )
                batches.append(batch)
            return pa.Table.from_batches(batches, reader.schema)

    def stream(self, text: str, values: Sequence[Any]) -> pa.RecordBatchReader:
        """The answer batch by batch; the time limit holds for each batch. The first is computed before returning."""
        with self._lock:
            cursor = self._lake.connection.cursor()
        try:
            with _deadline(cursor, self._limits.query_seconds):
                cursor.execute(text, list(values))
                reader = cursor.to_arrow_reader(BATCH_ROWS)
                first = next(iter(reader), None)
        except BaseException:
            cursor.close()
            raise
        batches = _rest(cursor, reader, first, self._limits.query_seconds)
        return pa.RecordBatchReader.from_batches(reader.schema, batches)


def _rest(
    cursor: duckdb.DuckDBPyConnection, reader: pa.RecordBatchReader, first: pa.RecordBatch | None, seconds: float
) -> Iterator[pa.RecordBatch]:
    try:
        batch = first
        while batch is not None:
            yield batch
            with _deadline(cursor, seconds):
                batch = next(iter(reader), None)
    finally:
        cursor.close()


@contextmanager
def _deadline(cursor: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt the cursor after `seconds`; DuckDB's errors leave as errors of the house."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        with suppress(duckdb.Error):  # the statement ended in this very moment and the cursor is closed
            cursor.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (duckdb.Error, pa.ArrowException, RuntimeError) as error:
        if late.is_set():
            raise LimitError(
                "LIM-QUERY-SECONDS", f"Câu hỏi chạy quá {seconds:g} giây nên đã dừng.", hint="Thu hẹp phạm vi hỏi."
            ) from None
        raise _translated(error) from None
    finally:
        timer.cancel()


def _translated(error: Exception) -> BienhoError:
    """DuckDB's messages may repeat values of rows; only its kind of error and plain names are passed on."""
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        found = _QUOTED_NAME.search(str(error))
        what = f" (xem {shown(found[1])})" if found else ""
        return UsageError("USE-QUERY", f"Câu hỏi dùng tên hoặc kiểu không khớp với dữ liệu{what}.")
    if isinstance(error, duckdb.OutOfMemoryException):
        return LimitError("LIM-QUERY-MEMORY", "Câu hỏi cần nhiều bộ nhớ hơn mức cho phép.", hint="Thu hẹp phạm vi hỏi.")
    if isinstance(error, _STORE_ERRORS):
        return StorageError("STO-LAKE-READ", "Không đọc được kho dữ liệu.", hint="Chạy `bienho doctor`.")
    return UsageError(
        "USE-QUERY-VALUE",
        f"Không tính được câu hỏi trên dữ liệu này ({type(error).__name__}).",
        hint="Dùng TRY_CAST khi đổi kiểu.",
    )
