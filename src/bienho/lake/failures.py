"""What DuckDB says when something goes wrong, in the terms of the error tree; and which failures are worth a retry.

Messages of DuckDB may quote a value ("Could not convert string '…'"), and values may be a patient's: only the kind of
failure is carried on, and the original error is chained only where its text can hold names of tables and columns alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from bienho.core.errors import BienhoError, BusyError, IntegrityError, LimitError, StorageError

OPERATOR = "operator"
CONFLICT_MARKS = (
    "Transaction conflict",
    "Exceeded the maximum retry count",
    "could not serialize access",
    "deadlock detected",
)
CONNECTION_MARKS = (
    "connection to server",
    "Unable to connect to Postgres",
    "server closed the connection",
    "terminating connection",
    "no connection to the server",
    "the database system is",
    # All that is left to say of a commit when the server went away in the middle of it.
    'Failed to execute query "ROLLBACK"',
)
DISK_MARKS = ("No space left", "Disk quota exceeded", "could not extend file")
# Shape of a statement, not content of a row: names of tables, columns and functions only.
_NAMING = (duckdb.CatalogException, duckdb.BinderException, duckdb.TransactionException)


def is_conflict(error: BaseException) -> bool:
    """Whether another transaction came first and the same work may succeed when done again."""
    return isinstance(error, duckdb.Error) and any(mark in str(error) for mark in CONFLICT_MARKS)


def translated(error: duckdb.Error, doing: str) -> BienhoError:
    """The error of the tree for a failure of DuckDB while `doing` something (Vietnamese, begins a sentence)."""
    text = str(error)
    if is_conflict(error):
        return BusyError(
            "BUSY-LAKE-CONFLICT",
            f"{doing}: tiến trình khác liên tục ghi cùng một bảng.",
            hint="Đợi việc kia xong rồi chạy lại.",
            who=OPERATOR,
        )
    if any(mark in text for mark in DISK_MARKS):
        return StorageError("STO-LAKE-FULL", f"{doing}: đĩa đã đầy.", hint="Giải phóng dung lượng.", who=OPERATOR)
    if any(mark in text for mark in CONNECTION_MARKS):
        return StorageError(
            "STO-LAKE-CATALOG",
            f"{doing}: mất kết nối tới cơ sở dữ liệu giữ danh mục của kho.",
            hint="Chạy `bienho doctor`; kiểm tra PostgreSQL rồi chạy lại.",
            who=OPERATOR,
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return LimitError(
            "LIM-LAKE-MEMORY",
            f"{doing}: vượt bộ nhớ cho phép.",
            hint="Thu hẹp phạm vi, hoặc tăng giới hạn bộ nhớ.",
            who=OPERATOR,
        )
    if "is encrypted" in text or "nvalid decryption" in text or "Computed AES tag differs" in text:
        return IntegrityError(
            "INT-LAKE-FILE", f"{doing}: một tệp dữ liệu không giải mã được.", hint="Chạy `bienho doctor`.", who=OPERATOR
        )
    if isinstance(error, duckdb.IOException | duckdb.HTTPException):
        return StorageError(
            "STO-LAKE-IO",
            f"{doing}: lỗi đọc ghi tệp dữ liệu của kho.",
            hint="Kiểm tra ổ đĩa và quyền của thư mục dữ liệu, rồi chạy `bienho doctor`.",
            who=OPERATOR,
        )
    return StorageError(
        "STO-LAKE",
        f"{doing}: DuckDB từ chối ({type(error).__name__}).",
        hint="Chạy `bienho doctor` và báo cho người phát triển.",
        who=OPERATOR,
    )


@contextmanager
def lake_errors(doing: str) -> Iterator[None]:
    """Errors of DuckDB inside the block leave as errors of the tree."""
    try:
        yield
    except duckdb.Error as error:
        raise translated(error, doing) from (error if isinstance(error, _NAMING) else None)
