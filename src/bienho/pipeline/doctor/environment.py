"""The program's own ground: Python, packages, DuckDB's extensions, PostgreSQL's binaries, the account, the port."""

from __future__ import annotations

import os
import platform
import pwd
import re
import sqlite3
import sys
import tempfile
from importlib.metadata import PackageNotFoundError

import duckdb

from bienho.database import accounts, binaries
from bienho.database.connection import URL
from bienho.lake.extensions import EXTENSIONS, extension_path, load_extensions
from bienho.pipeline.doctor.check import Found, Scene, fail, ok, warn

PYTHON_FROM, PYTHON_BEFORE = (3, 11), (3, 15)
REINSTALL = "Chạy `make install` trong thư mục chương trình (xóa thư mục .venv trước nếu vẫn lỗi)."
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[\w,.-]+\])?\s*(?:==\s*([\w.]+))?")


def python(scene: Scene) -> Found:
    """The interpreter is one the project is made for."""
    found = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {sys.platform} {platform.machine()}."
    if not PYTHON_FROM <= sys.version_info[:2] < PYTHON_BEFORE:
        return fail(found, "Cài Python từ 3.11 đến 3.14 (Debian, Ubuntu: python3.11-venv) rồi chạy `make install`.")
    return ok(found)


def packages(scene: Scene) -> Found:
    """Every package the program declares is there, and the pinned ones in the pinned version."""
    wanted = [_split(line) for line in _declared(scene) if ";" not in line or "extra" not in line.split(";", 1)[1]]
    if not wanted:
        return warn("Chương trình chạy từ thư mục mã nguồn, chưa được cài đặt.", REINSTALL)
    wrong = []
    for name, pinned in wanted:
        try:
            have = scene.probes.installed_version(name)
        except PackageNotFoundError:
            wrong.append(f"thiếu {name}")
            continue
        if pinned and have != pinned:
            wrong.append(f"{name} {have}, cần {pinned}")
    if wrong:
        return fail(f"Gói phần mềm chưa đúng: {'; '.join(wrong)}.", REINSTALL)
    return ok(f"{len(wanted)} gói có đủ.")


def extensions(scene: Scene) -> Found:
    """DuckDB's extensions are on disk, made for this DuckDB, and load without the network."""
    versions = {
        name: scene.probes.installed_version(f"duckdb-extension-{name.replace('_', '-')}")
        for name in EXTENSIONS
        if extension_path(name)
    }
    odd = sorted(f"{name} {version}" for name, version in versions.items() if version != duckdb.__version__)
    if odd:
        return fail(f"Phần mở rộng {', '.join(odd)} không cùng phiên bản với DuckDB {duckdb.__version__}.", REINSTALL)
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": False}) as connection:
        load_extensions(connection)
        scene.format_written = _format_written(connection)
    return ok(f"DuckDB {duckdb.__version__} nạp được {', '.join(EXTENSIONS)}.")


def postgres(scene: Scene) -> Found:
    """PostgreSQL's binaries run here; not asked for when a server is named by address."""
    if os.environ.get(URL):
        return ok(f"Dùng máy chủ ghi trong {URL}, không cần chương trình đi kèm.")
    return ok(f"PostgreSQL {binaries.version(binaries.packaged())} đi kèm chạy được.")


def account(scene: Scene) -> Found:
    """As root, PostgreSQL has an account to step down to; as anyone else, the account has a name (initdb wants one)."""
    if os.environ.get(URL):
        return ok("Chạy dưới quyền root." if os.geteuid() == 0 else "Chạy dưới tài khoản thường.")
    if os.geteuid() != 0:
        try:
            name = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            return fail(
                f"Tài khoản đang chạy (uid {os.geteuid()}) không có tên trong hệ thống; PostgreSQL đi kèm không chạy.",
                f"Chạy bằng một tài khoản có tên (thêm vào /etc/passwd), hoặc đặt {URL} tới máy chủ PostgreSQL có sẵn.",
            )
        return ok(f"Chạy dưới tài khoản thường ({name}).")
    lent = accounts.server_account()
    return ok(f"Chạy dưới quyền root; PostgreSQL đi kèm chạy dưới tài khoản thường (uid {lent.uid}).")


def port(scene: Scene) -> Found:
    """The portal could listen."""
    number = scene.probes.port
    if scene.probes.port_is_free(number):
        return ok(f"Cổng {number} còn trống.")
    return warn(
        f"Cổng {number} trên máy này đang có chương trình dùng.",
        f"Nếu đó không phải cổng thông tin Biển Hồ đang chạy: chạy `bienho serve --port {number + 1}`, "
        f"hoặc tắt chương trình kia (xem bằng `ss -ltnp 'sport = :{number}'`).",
    )


def _format_written(connection: duckdb.DuckDBPyConnection) -> str:
    """The catalog format this extension gives to a new lake: written once to a scratch file and read back."""
    with tempfile.TemporaryDirectory(prefix="bienho-doctor-") as scratch:
        connection.execute(f"ATTACH 'ducklake:{scratch}/catalog.duckdb' AS scratch (DATA_PATH '{scratch}/files/')")
        row = connection.execute(
            "SELECT value FROM __ducklake_metadata_scratch.ducklake_metadata WHERE key = 'version'"
        ).fetchone()
        connection.execute("DETACH scratch")
    return str(row[0]) if row else ""


def _declared(scene: Scene) -> list[str]:
    try:
        return scene.probes.requirements("bienho") or []
    except PackageNotFoundError:
        return []


def _split(requirement: str) -> tuple[str, str | None]:
    """Name and pinned version of a requirement line; markers for other systems keep their packages out of the way."""
    match = _REQUIREMENT.match(requirement)
    assert match is not None  # noqa: S101 - metadata of a built package is well-formed
    return match[1], match[2]
