"""From PostgreSQL's failures to the project's error tree. No text of the server is passed on: it may quote values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from bienho.core.errors import BienhoError, BusyError, ConfigError, StorageError

WHO = "Quản trị hệ thống"
_STOPPED = {"57P01", "57P02", "57P03", "08000", "08001", "08003", "08006"}


def wrong_key() -> ConfigError:
    """The database does not know the passwords that this key gives."""
    return ConfigError(
        "CFG-KEY-WRONG",
        "Khóa đang dùng không phải khóa của cơ sở dữ liệu này.",
        hint="Đặt lại đúng tệp khóa của thư mục dữ liệu này (BIENHO_KEY_FILE); đừng tạo khóa mới.",
        who=WHO,
    )


def disk_full() -> StorageError:
    return StorageError(
        "STO-DISK-FULL",
        "Đĩa chứa cơ sở dữ liệu đã đầy; lần ghi này chưa được thực hiện.",
        hint="Giải phóng hoặc thêm dung lượng rồi chạy lại lệnh.",
        who=WHO,
    )


def unreachable(place: str) -> StorageError:
    return StorageError(
        "STO-DATABASE-UNREACHABLE",
        f"Không kết nối được cơ sở dữ liệu ({place}).",
        hint="Kiểm tra máy chủ cơ sở dữ liệu có đang chạy không; chạy `bienho doctor`.",
        who=WHO,
    )


def stopped(place: str) -> StorageError:
    return StorageError(
        "STO-DATABASE-STOPPED",
        f"Cơ sở dữ liệu ({place}) đã ngắt kết nối giữa chừng; việc đang làm chưa được ghi.",
        hint="Chạy lại lệnh; nếu còn lỗi, chạy `bienho doctor`.",
        who=WHO,
    )


def too_many() -> BusyError:
    return BusyError(
        "BUSY-CONNECTIONS",
        "Cơ sở dữ liệu đang có quá nhiều kết nối.",
        hint="Đợi một lát rồi chạy lại.",
        who=WHO,
    )


def is_wrong_password(error: psycopg.Error) -> bool:
    """Whether a failed connection was refused for its password. libpq gives no SQLSTATE here, only English text."""
    return error.sqlstate in {"28P01", "28000"} or "password authentication failed" in str(error)


def connecting(error: psycopg.Error, place: str) -> BienhoError:
    """The project's error for a connection that could not be made."""
    if is_wrong_password(error):
        return wrong_key()
    if error.sqlstate == "53300" or "too many clients" in str(error) or "remaining connection slots" in str(error):
        return too_many()
    return unreachable(place)


def translate(error: psycopg.Error, place: str) -> BienhoError | None:
    """The project's error for a failure an operator can act on; None for what is a fault of the program."""
    if error.sqlstate == "53100":
        return disk_full()
    if error.sqlstate in _STOPPED or (isinstance(error, psycopg.OperationalError) and error.sqlstate is None):
        return stopped(place)
    return None


@contextmanager
def storage_errors(place: str = "PostgreSQL") -> Iterator[None]:
    """Run a block; operator-facing failures of PostgreSQL leave it as BienhoError, others as they are."""
    try:
        yield
    except psycopg.Error as error:
        known = translate(error, place)
        if known is None:
            raise
        raise known from None
