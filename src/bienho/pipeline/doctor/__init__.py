"""`bienho doctor`: what is broken in a home, and how to mend it. Public names of the room's part."""

from __future__ import annotations

from pathlib import Path

from bienho.pipeline.doctor import environment, erasures, notices, server, storage, stores, work
from bienho.pipeline.doctor.check import Check, Item, Probes, Status, examine

__all__ = ["CHECKS", "Check", "Probes", "Status", "diagnose"]

DATABASE = ("home", "layout", "key", "postgres", "account", "database")
CHECKS: tuple[Item, ...] = (
    Item("python", "Python", environment.python),
    Item("packages", "Gói phần mềm", environment.packages),
    Item("extensions", "Phần mở rộng của DuckDB", environment.extensions),
    Item("postgres", "Chương trình PostgreSQL", environment.postgres),
    Item("account", "Tài khoản đang chạy", environment.account),
    Item("port", "Cổng của trang web", environment.port),
    Item("home", "Thư mục dữ liệu", storage.home),
    Item("layout", "Thư mục con", storage.layout, ("home",)),
    Item("disk", "Dung lượng đĩa", storage.disk, ("home",)),
    Item("key", "Tệp khóa", storage.key, ("home",)),
    Item("locks", server.LOCKS, server.locks, ("home", "layout")),
    Item("database", "Cơ sở dữ liệu", server.database, ("home", "layout", "key", "postgres", "account")),
    Item("key-match", "Khóa đúng với dữ liệu", server.key_match, DATABASE),
    Item("migrations", "Bước nâng cấp cơ sở dữ liệu", server.migrated, (*DATABASE, "key-match")),
    Item("audit", "Nhật ký truy cập", server.audit_chain, (*DATABASE, "key-match", "migrations")),
    Item("erasures", "Xóa người theo quyết định", erasures.erasures, (*DATABASE, "key-match", "migrations")),
    Item("clock", "Đồng hồ", server.clock, (*DATABASE, "key-match")),
    Item("writer", "Quyền ghi", server.writer, (*DATABASE, "key-match")),
    Item("catalog-version", "Phiên bản danh mục kho", stores.version, (*DATABASE, "key-match", "extensions")),
    Item(
        "catalog",
        "Danh mục kho",
        stores.catalog,
        (*DATABASE, "key-match", "extensions", "migrations", "catalog-version"),
    ),
    Item("encryption", "Mã hóa tệp của kho", stores.encryption, (*DATABASE, "key-match", "catalog-version")),
    Item("files", "Tệp của kho", stores.files, (*DATABASE, "key-match", "catalog-version")),
    Item("raw-tail", "Đuôi dữ liệu gốc", stores.tail, ("home", "layout")),
    Item("raw", "Dữ liệu gốc", stores.sample, ("home", "layout", "key", "key-match", "raw-tail")),
    Item(
        "worker",
        "Tiến trình nền",
        work.worker,
        (*DATABASE, "key-match", "migrations", "catalog-version", "raw-tail", "raw"),
    ),
    Item("jobs", "Việc nền", work.failed, (*DATABASE, "key-match", "migrations", "catalog-version", "raw-tail", "raw")),
    Item("notices", "Gửi thông báo", notices.notices, (*DATABASE, "key-match", "migrations")),
    Item("embedded", "Điều chế độ đi kèm không giữ được", server.promise),
)


def diagnose(home_path: Path | None = None, probes: Probes | None = None) -> list[Check]:
    """Examine the home at a path (default: `BIENHO_HOME`) and the ground it stands on, in the order of CHECKS.

    Never raises, never makes a home, a key, a database or a lake, and mends nothing; a resting embedded server is
    started and stopped again, which lets PostgreSQL recover from a crash as any other command would.
    """
    return examine(CHECKS, home_path, probes or Probes())
