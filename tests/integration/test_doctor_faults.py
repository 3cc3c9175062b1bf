"""Each fault is planted for real, and the doctor must name it, its repair, and nothing else as failed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bienho.config import key_path
from bienho.database import Role, places, server
from bienho.governance import audit
from bienho.lake import Lake, RawItem, RawStore
from bienho.lake.raw.segment import segment_path
from bienho.pipeline.backlog import note_derived, note_progress
from bienho.pipeline.doctor import Probes, diagnose
from support.examined import by_code, look, look_afresh, the_only_fault
from support.forks import Forked
from support.homes import Made, temporary_home

pytestmark = pytest.mark.database
# What a healthy embedded home on a busy developer machine may still warn of.
ALWAYS = {"embedded", "port", "disk"}
Admin = psycopg.Connection[tuple[Any, ...]]
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


@contextmanager
def filled_home() -> Iterator[Made]:
    """A home with a database, a lake of one table, and two deliveries in raw."""
    with temporary_home("nhà kho") as fresh:
        with Lake.open(fresh.home, fresh.database, read_only=False, threads=1) as lake:
            lake.connection.execute("CREATE SCHEMA lake.standard")
            lake.connection.execute("CREATE TABLE lake.standard.t AS SELECT range AS a FROM range(100)")
        raw = RawStore(fresh.home, fresh.keys)
        raw.append([RawItem("xml130", b"<A/>" * 300, "test", "a.xml", NOON)])
        raw.append([RawItem("xml130", b"<B/>" * 300, "test", "b.xml", NOON)])
        with fresh.database.connect(Role.WORKER, autocommit=True) as connection:
            note_progress(connection, "lake", 2)
            note_derived(connection, "lake", 2)
        yield fresh


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    """One home for all faults that can be undone; every test leaves it as it found it."""
    with filled_home() as home:
        yield home


@pytest.fixture
def fresh() -> Iterator[Made]:
    """A home of its own, for faults that end the server."""
    with filled_home() as home:
        yield home


@pytest.fixture
def admin(made: Made) -> Iterator[Admin]:
    with made.database.connect(Role.ADMIN, autocommit=True) as connection:
        yield connection


@contextmanager
def kept(*paths: Path) -> Iterator[None]:
    """Put files back as they were."""
    before = [(path, path.read_bytes()) for path in paths]
    try:
        yield
    finally:
        for path, data in before:
            path.write_bytes(data)


@contextmanager
def away(path: Path) -> Iterator[None]:
    """Move a file or folder aside for a while."""
    aside = path.with_name(path.name + ".aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


def raw_files(made: Made) -> list[Path]:
    return [segment_path(made.home.raw_dir, 1), made.home.raw_dir / "watermark"]


def test_a_healthy_home_has_nothing_to_mend(made: Made) -> None:
    checks = look_afresh(made)
    assert {check.code for check in checks if check.status != "ok"} <= ALWAYS
    assert by_code(checks)["embedded"].status == "warn"
    assert len({check.code for check in checks}) == len(checks) > 20


def test_a_resting_server_is_examined_and_rests_again(fresh: Made) -> None:
    fresh.database.close()
    place = places.locate(fresh.home, create=False)
    assert place is not None
    assert server.postmaster(place.data) is None
    assert {check.code for check in look(fresh) if check.status != "ok"} <= ALWAYS
    assert server.postmaster(place.data) is None


def test_no_home_is_named_and_none_is_made(tmp_path: Path) -> None:
    missing = tmp_path / "không có"
    found = the_only_fault(diagnose(missing, Probes()), "home")
    assert "bienho init" in found.repair
    assert not missing.exists()


def test_a_broken_marker(made: Made) -> None:
    marker = made.home.path / "home.json"
    with kept(marker):
        marker.write_text('{"home_id": ', encoding="utf-8")
        assert "bản sao lưu" in the_only_fault(look(made), "home").repair


def test_a_home_others_may_write(made: Made) -> None:
    made.home.path.chmod(0o777)
    assert "chmod 700" in the_only_fault(look(made), "home").repair
    made.home.path.chmod(0o700)


def test_a_missing_folder(made: Made) -> None:
    with away(made.home.log_dir):
        assert "mkdir -m 700" in the_only_fault(look(made), "layout").repair


@dataclass
class Volume:
    f_bavail: int
    f_frsize: int = 4096
    f_files: int = 1_000_000
    f_favail: int = 900_000


@pytest.mark.parametrize(
    ("volume", "status"),
    [
        (Volume(f_bavail=1000), "fail"),
        (Volume(f_bavail=500_000), "warn"),
        (Volume(f_bavail=5_000_000, f_favail=12), "fail"),
        (Volume(f_bavail=5_000_000, f_files=0, f_favail=0), "ok"),
    ],
)
def test_a_full_disk(made: Made, volume: Volume, status: str) -> None:
    checks = look(made, statvfs=lambda path: volume)
    if status == "ok":
        assert by_code(checks)["disk"].status == "ok"
    else:
        assert "dung lượng" in the_only_fault(checks, "disk", status=status).repair


def test_a_full_disk_for_real(made: Made, tmp_path: Path) -> None:
    """A home on a volume of 4 MB: where mounting is allowed, the true statvfs answers."""
    volume = tmp_path / "nhỏ"
    volume.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(volume)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small volume is not allowed here")
    try:
        volume.chmod(0o700)
        shutil.copy(made.home.path / "home.json", volume)
        for name in ("raw", "lake", "run", "log"):
            (volume / name).mkdir(mode=0o700)
        checks = by_code(diagnose(volume, Probes()))
    finally:
        subprocess.run(["umount", str(volume)], check=True)
    assert checks["disk"].status == "fail"
    assert "dung lượng" in checks["disk"].repair


def test_no_key(made: Made) -> None:
    with away(key_path(made.home)):
        assert "BIENHO_KEY_FILE" in the_only_fault(look(made), "key").repair
        assert not key_path(made.home).exists()


def test_a_key_others_may_read(made: Made) -> None:
    key_path(made.home).chmod(0o644)
    assert "chmod 600" in the_only_fault(look(made), "key").repair
    key_path(made.home).chmod(0o600)


def test_a_key_beside_the_data(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIENHO_KEY_FILE", str(made.home.path / "my.key"))
    assert "BIENHO_HOME" in the_only_fault(look(made), "key").repair


def test_the_wrong_key(made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (other := tmp_path / "other.key").write_bytes(bytes(32))
    other.chmod(0o600)
    monkeypatch.setenv("BIENHO_KEY_FILE", str(other))
    found = the_only_fault(look(made), "key")
    assert "đừng tạo khóa mới" in found.repair


def test_a_missing_extension(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "duckdb_extension_ducklake" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    found = the_only_fault(look_afresh(made), "extensions")
    assert "duckdb-extension-ducklake" in found.repair


def test_an_extension_of_another_version(made: Made) -> None:
    def version(name: str) -> str:
        return "1.4.0" if name == "duckdb-extension-httpfs" else importlib.metadata.version(name)

    checks = look_afresh(made, installed_version=version, requirements=lambda name: ["duckdb"])
    assert "make install" in the_only_fault(checks, "extensions").repair


def test_a_package_that_is_not_the_locked_one(made: Made) -> None:
    wanted = ["lxml>=6,<7", "click==0.0.1", "no-such-package-here>=1", "pytest>=8; extra == 'dev'"]
    found = the_only_fault(look(made, requirements=lambda name: wanted), "packages")
    assert "click" in found.found
    assert "no-such-package-here" in found.found
    assert "make install" in found.repair


def test_an_account_without_a_name(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000_000)
    found = by_code(look(made))["account"]
    assert found.status == "fail"
    assert "BIENHO_DATABASE_URL" in found.repair


def test_root_without_an_account_to_lend(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("BIENHO_POSTGRES_USER", "no-such-account")
    assert "useradd" in by_code(look(made))["account"].repair


def test_a_busy_port(made: Made) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        found = the_only_fault(look(made, port=number), "port", status="warn")
    assert f"--port {number + 1}" in found.repair
    assert by_code(diagnose(made.home.path / "nowhere", Probes(port=number)))["port"].status == "ok"


def data_folder(made: Made) -> Path:
    place = places.locate(made.home, create=False)
    assert place is not None
    return place.data


def test_a_stale_lock_file(fresh: Made) -> None:
    """The server is killed, as by a power cut: its lock file stays."""
    data = data_folder(fresh)
    running = server.postmaster(data)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    while server.is_alive(running.pid, data):
        time.sleep(0.01)
    found = the_only_fault(look(fresh), "locks")
    assert "postmaster.pid" in found.repair
    assert str(running.pid) in found.found
    assert by_code(look(fresh))["locks"].status == "ok"


def test_a_damaged_lock_file(fresh: Made) -> None:
    fresh.database.close()
    pid_file = data_folder(fresh) / "postmaster.pid"
    pid_file.write_text("not a number\n", encoding="ascii")
    found = the_only_fault(look(fresh), "locks")
    assert str(pid_file) in found.repair
    pid_file.unlink()


def test_a_server_that_runs_for_nobody(fresh: Made) -> None:
    """A command is killed while it uses the server: nobody is left to stop it."""
    fresh.database.close()
    script = (
        "import os\nfrom bienho.config import Home, load_keys\nfrom bienho.database import open_database\n"
        "home = Home.open()\nopen_database(home, load_keys(home))\nos.kill(os.getpid(), 9)\n"
    )
    assert Forked(script, environment=fresh.environment).wait() == -signal.SIGKILL
    assert "bienho stop" in the_only_fault(look(fresh), "locks", status="warn").repair


def test_no_database_yet_is_not_made(fresh: Made) -> None:
    fresh.database.close()
    data = data_folder(fresh)
    with away(data):
        assert "bienho init" in the_only_fault(look(fresh), "database").repair
        assert not data.exists()


def test_a_catalog_that_cannot_be_reached(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIENHO_DATABASE_URL", "postgresql://admin:topsecret@127.0.0.1:9/bienho")
    found = the_only_fault(look(made), "database")
    assert "máy chủ cơ sở dữ liệu" in found.repair
    assert "topsecret" not in found.found + found.repair


def test_a_malformed_address(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIENHO_DATABASE_URL", "mysql-is-not-it")
    assert "postgresql://" in the_only_fault(look(made), "database").repair


def test_migrations_pending_changed_and_newer(made: Made, admin: Admin) -> None:
    name, digest = (
        admin.execute("DELETE FROM bienho.migration WHERE number = 30 RETURNING name, sha256").fetchone() or ()
    )
    assert "bienho run" in the_only_fault(look(made), "migrations").repair
    add = "INSERT INTO bienho.migration (number, name, sha256) VALUES (%s, %s, %s)"
    admin.execute(add, (30, name, "another digest"))
    assert "0030" in the_only_fault(look(made), "migrations").found
    admin.execute("UPDATE bienho.migration SET sha256 = %s WHERE number = 30", (digest,))
    admin.execute(add, (9999, "future", "x"))
    assert "mới hơn" in the_only_fault(look(made), "migrations").repair
    admin.execute("DELETE FROM bienho.migration WHERE number = 9999")
    assert by_code(look(made))["migrations"].status == "ok"


def test_a_look_that_was_removed_from_the_record(made: Made, admin: Admin) -> None:
    log = audit.AuditLog(made.database, made.keys, made.home)
    for number in range(3):
        log.append({"action": "R", "outcome": "success", "number": number})
    log.close()
    assert by_code(look(made))["audit"].status == "ok"
    admin.execute("CREATE TABLE public.aside AS SELECT * FROM governance.audit_event WHERE seq = 2")
    admin.execute("SET session_replication_role = replica")
    admin.execute("DELETE FROM governance.audit_event WHERE seq = 2")
    found = the_only_fault(look(made), "audit")
    columns = ", ".join(
        name
        for (name,) in admin.execute(
            "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'governance'"
            " AND table_name = 'audit_event' AND is_generated = 'NEVER' ORDER BY ordinal_position"
        )
    )
    admin.execute(
        f"INSERT INTO governance.audit_event ({columns}) OVERRIDING SYSTEM VALUE"
        f" SELECT {columns} FROM public.aside".encode()
    )
    admin.execute("DROP TABLE public.aside")
    assert "an toàn thông tin" in found.repair


def test_a_clock_apart_from_the_database(made: Made) -> None:
    found = the_only_fault(look(made, now=lambda: datetime.now(UTC) + timedelta(hours=3)), "clock")
    assert "timedatectl" in found.repair
    assert "lệch" in found.found


def test_a_receipt_in_the_future(made: Made) -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    with kept(*raw_files(made)):
        RawStore(made.home, made.keys).append([RawItem("xml130", b"<C/>", "test", "c.xml", later)])
        found = the_only_fault(look(made), "clock")
    assert "Biên nhận" in found.found
    assert "giờ hệ thống" in found.repair


def test_a_writer_that_works_is_no_fault(made: Made) -> None:
    with made.database.writer_lock():
        checks = look(made)
    assert {check.code for check in checks if check.status != "ok"} <= ALWAYS
    assert "đang ghi" in by_code(checks)["writer"].found


def test_a_catalog_of_another_version(made: Made, admin: Admin) -> None:
    change = "UPDATE lake.ducklake_metadata SET value = %s WHERE key = 'version'"
    before = admin.execute("SELECT value FROM lake.ducklake_metadata WHERE key = 'version'").fetchone()
    admin.execute(change, ("9.9",))
    found = the_only_fault(look(made), "catalog-version")
    admin.execute(change, before)
    assert "9.9" in found.found
    assert "bienho rebuild" in found.repair


def test_a_catalog_that_is_gone(made: Made, admin: Admin) -> None:
    admin.execute("ALTER SCHEMA lake RENAME TO gone")
    found = the_only_fault(look(made), "catalog-version")
    admin.execute("ALTER SCHEMA gone RENAME TO lake")
    assert "bienho rebuild" in found.repair


def test_a_pointer_to_no_lake(made: Made) -> None:
    pointer = made.home.lake_dir / "CURRENT"
    pointer.write_text("../elsewhere\n", encoding="ascii")
    checks = look(made)
    pointer.unlink()
    assert {check.code for check in checks if check.status == "fail"} == {"catalog-version"}


def test_a_file_of_the_lake_that_is_gone(made: Made) -> None:
    with away(next((made.home.lake_dir / "lake").rglob("*.parquet"))):
        assert "bienho rebuild" in the_only_fault(look(made), "files").repair


def test_an_orphaned_file(made: Made) -> None:
    orphan = made.home.lake_dir / "lake" / "standard" / "ducklake-left-over.parquet"
    orphan.write_bytes(b"PAR1")
    assert by_code(look(made))["files"].status == "ok", "a writer may be at it"
    os.utime(orphan, (0, 0))
    found = the_only_fault(look(made), "files", status="warn")
    orphan.unlink()
    assert "bienho job retain" in found.repair


def test_a_file_in_clear(made: Made, admin: Admin) -> None:
    rows = admin.execute("SELECT data_file_id, encryption_key FROM lake.ducklake_data_file").fetchall()
    admin.execute("UPDATE lake.ducklake_data_file SET encryption_key = NULL")
    found = the_only_fault(look(made), "encryption")
    for number, key in rows:
        admin.execute("UPDATE lake.ducklake_data_file SET encryption_key = %s WHERE data_file_id = %s", (key, number))
    assert "bienho rebuild" in found.repair


def test_a_torn_tail(made: Made) -> None:
    segment, watermark = raw_files(made)
    with kept(segment, watermark):
        acknowledged = watermark.read_bytes()
        RawStore(made.home, made.keys).append([RawItem("xml130", b"<C/>", "test", "c.xml", NOON)])
        segment.write_bytes(segment.read_bytes()[:-10])
        watermark.write_bytes(acknowledged)
        size = segment.stat().st_size
        found = the_only_fault(look(made), "raw-tail", status="warn")
        assert segment.stat().st_size == size
    assert "gửi lại" in found.repair


def test_one_flipped_bit_in_raw(made: Made) -> None:
    segment = raw_files(made)[0]
    with kept(segment):
        data = bytearray(segment.read_bytes())
        data[len(data) // 3] ^= 1
        segment.write_bytes(bytes(data))
        assert "sao lưu" in the_only_fault(look(made), "raw").repair


def test_a_missing_segment(made: Made) -> None:
    segment = raw_files(made)[0]
    second = segment_path(made.home.raw_dir, 2)
    segment.rename(second)
    found = the_only_fault(look(made), "raw-tail")
    second.rename(segment)
    assert "sao lưu" in found.repair


def test_a_check_that_breaks_is_told_without_its_text(made: Made) -> None:
    def broken(path: Path) -> Volume:
        raise RuntimeError("Nguyễn Văn A")

    found = the_only_fault(look(made, statvfs=broken), "disk")
    assert "RuntimeError" in found.found
    assert "Nguyễn" not in found.found + found.repair


def test_a_named_server_keeps_the_promise_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the mode is asked here: with an address, the catalog does not lie beside the files."""
    monkeypatch.setenv("BIENHO_DATABASE_URL", "postgresql://admin@127.0.0.1:9/bienho")
    assert by_code(diagnose(Path("/nonexistent"), Probes()))["embedded"].status == "ok"


def test_afterwards_the_home_is_as_healthy_as_before(made: Made) -> None:
    assert {check.code for check in look_afresh(made) if check.status != "ok"} <= ALWAYS
