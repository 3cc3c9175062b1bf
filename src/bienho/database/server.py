"""The embedded PostgreSQL server: make its data folder, start, adopt, stop. Callers hold the start lock."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bienho.core.errors import BienhoError, ConfigError, StorageError
from bienho.database import binaries
from bienho.database.accounts import Account, caller
from bienho.database.failures import WHO, disk_full
from bienho.database.places import Place, check_private, socket_folder

PORT = 5432
READY_SECONDS = 300.0
STRAY_SECONDS = 20.0
MISSED_MOST = 10
STOP_SECONDS = 60.0
START_LOG = "start.log"

# Statements, parameters and error texts may hold a patient's values, so none reaches the log: ERROR lines are left out
# whole (log_min_messages), because a failed cast quotes the value in its message. What a program did wrong it is told.
#
# shared_buffers: what a home has touched of them it holds for good, so they are what grows with it.
# With a million heads and sealed records a batch of 4,500 took 0.64 CPU-seconds of the server with 32 MB and 0.60 with
# 128; the server held 54 MB and 161. Pages beyond are in the system's cache.
#
# wal_compression: the first write to a page after a checkpoint logs the page. Keys and ciphers do not shrink: to add
# 5,000 rows of random keys to 600,000 took 600 ms of CPU with pglz, the only way this build has, 70 without, and 21 MB
# of log either way.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "1GB",
    "wal_compression": "off",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "password_encryption": "scram-sha-256",
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_file_mode": "0600",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
    "log_lock_waits": "off",
}
_DETACH = '"$@" </dev/null >"$START_LOG" 2>&1 & echo $!'
HBA = "local all all scram-sha-256\n"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What postmaster.pid says."""

    pid: int
    socket_folder: Path
    port: int
    ready: bool


def postmaster(data: Path) -> Postmaster | None:
    """The server that is alive on a data folder, or None (also when postmaster.pid is a left-over)."""
    found = read_pid_file(data)
    return found if found and is_alive(found.pid, data) else None


def read_pid_file(data: Path) -> Postmaster | None:
    """The content of postmaster.pid, whether or not the process lives."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        status = lines[7].strip() if len(lines) > 7 else ""
        return Postmaster(int(lines[0]), Path(lines[4]), int(lines[3]), status == "ready")
    except (FileNotFoundError, IndexError, ValueError):
        return None


def is_alive(pid: int, data: Path) -> bool:
    """Whether `pid` is a living postmaster of `data`; a zombie or a stranger with a reused number is not."""
    path = os.fsencode(data)
    return any(path == word or (sys.platform != "linux" and path in word) for word in _command(pid))


def initialise(place: Place, install: Path, admin: str, admin_password: str) -> None:
    """initdb into a folder beside and rename: a data folder is whole or absent."""
    fresh = place.folder / "data.new"
    secret = place.folder / ".initial"
    shutil.rmtree(fresh, ignore_errors=True)
    secret.unlink(missing_ok=True)
    modern = int(binaries.version(install).split(".")[0]) >= 17
    # The builtin provider gives Unicode upper/lower and code point order that no later C library can change.
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"] if modern else ["--locale=C.UTF-8"]
    try:
        handle = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(handle, admin_password.encode())
        os.close(handle)
        place.account.give(secret)
        fresh.mkdir(mode=0o700)
        place.account.give(fresh)
        command: list[str | Path] = [
            install / "bin" / "initdb",
            "-D",
            fresh,
            "-U",
            admin,
            f"--pwfile={secret}",
            "-A",
            "scram-sha-256",
        ]
        done = place.account.run(
            [*command, *locale, "--encoding=UTF8", "--text-search-config=simple", "--data-checksums"]
        )
        if done.returncode != 0:
            raise _start_failure(done.stderr.decode("utf-8", "replace").splitlines())
        (fresh / "pg_hba.conf").write_text(HBA, encoding="ascii")
        fresh.rename(place.data)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise disk_full() from None
        raise
    finally:
        secret.unlink(missing_ok=True)
        shutil.rmtree(fresh, ignore_errors=True)


def start(place: Place, install: Path) -> Postmaster:
    """Start the server and wait until it takes connections; crash recovery may take a while."""
    _check_version(place, install)
    folder = socket_folder(place)
    _forget_reused_pid(place.data / "postmaster.pid")
    _forget_reused_pid(folder / f".s.PGSQL.{PORT}.lock")
    deadline = time.monotonic() + STRAY_SECONDS
    while True:
        pid = _launch(place, install, folder)
        found = _wait_ready(place, pid)
        if found is not None:
            return found
        lines = _log_tail(place)
        # After kill -9 of a postmaster its children need a moment to notice and let go of the shared memory.
        left_over = any("shared memory block" in line or "already exists" in line for line in lines)
        if not left_over or time.monotonic() > deadline:
            raise _start_failure(lines)
        time.sleep(0.25)


def adopt(place: Place) -> Postmaster | None:
    """The running server if its socket is there and private; one whose socket was swept away is stopped first."""
    found = postmaster(place.data)
    if found is None:
        return None
    if not found.ready:
        found = _wait_ready(place, found.pid)
    if found is None:
        return None
    if (found.socket_folder / f".s.PGSQL.{found.port}").exists():
        check_private(found.socket_folder, place.account)
        return found
    stop(place)
    return None


def stop(place: Place) -> bool:
    """Fast shutdown (open transactions are rolled back); True when a server was running."""
    found = postmaster(place.data)
    if found is None:
        return False
    for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, STOP_SECONDS)):
        try:
            os.kill(found.pid, number)
        except ProcessLookupError:
            break
        if _wait_gone(found.pid, place.data, seconds):
            break
    else:
        raise StorageError(
            "STO-POSTGRES-STOP",
            f"Không dừng được PostgreSQL (tiến trình {found.pid}).",
            hint="Chạy `bienho doctor`.",
            who=WHO,
        )
    _drop_socket_folder(found.socket_folder, place.account)
    return True


def _forget_reused_pid(file: Path) -> None:
    """Remove a left-over lock file whose process number now belongs to a program that is no PostgreSQL.

    PostgreSQL would refuse to start for ever. A live server is still found by its shared memory.
    """
    try:
        pid = int(file.read_text(encoding="utf-8", errors="replace").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    program = _command(pid)
    if program and b"postgres" not in program[0]:
        file.unlink(missing_ok=True)


def _command(pid: int) -> list[bytes]:
    """The command line of a process in words; empty for none and for a zombie."""
    if pid <= 1:
        return []
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
        except (FileNotFoundError, ProcessLookupError):
            return []
    return caller().run(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]).stdout.splitlines()[:1]


def _launch(place: Place, install: Path, folder: Path) -> int:
    """Start postgres detached from us and our terminal, through a shell that leaves at once; its process id."""
    settings = {**SETTINGS, "unix_socket_directories": str(folder), "log_directory": str(place.log), "port": str(PORT)}
    if int((place.data / "PG_VERSION").read_text()) >= 18:
        settings["io_method"] = "sync"  # the lake reads little here; three helper processes fewer per home
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    shell = place.account.run(
        ["/bin/sh", "-c", _DETACH, "sh", str(install / "bin" / "postgres"), "-D", str(place.data), *options],
        extra={"START_LOG": str(place.log / START_LOG)},
    )
    try:
        return int(shell.stdout)
    except ValueError:
        raise _start_failure(shell.stderr.decode("utf-8", "replace").splitlines()) from None


def _wait_ready(place: Place, pid: int) -> Postmaster | None:
    deadline = time.monotonic() + READY_SECONDS
    missed = 0
    while time.monotonic() < deadline:
        found = read_pid_file(place.data)
        if found and found.pid == pid and found.ready:
            return found
        # a program that is just taking the place of the shell has no command line for a moment
        missed = 0 if is_alive(pid, place.data) else missed + 1
        if missed > MISSED_MOST:
            return None
        time.sleep(0.01)
    return None


def _wait_gone(pid: int, data: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not is_alive(pid, data):
            return True
        time.sleep(0.01)
    return False


def _drop_socket_folder(folder: Path, account: Account) -> None:
    """Remove the emptied socket folder if it is one of ours; leave everything else."""
    if not folder.name.startswith("bienho-"):
        return
    try:
        check_private(folder, account)
        folder.rmdir()
    except (BienhoError, OSError):
        return


def _check_version(place: Place, install: Path) -> None:
    written = (place.data / "PG_VERSION").read_text(encoding="ascii").strip()
    have = binaries.version(install)
    if have.split(".")[0] != written:
        raise ConfigError(
            "CFG-POSTGRES-VERSION",
            f"Dữ liệu do PostgreSQL {written} ghi, chương trình đi kèm là PostgreSQL {have}.",
            hint="Cài lại đúng phiên bản môi trường đã tạo thư mục dữ liệu này.",
            who=WHO,
        )


def _log_tail(place: Place) -> list[str]:
    """The last lines of the newest logs. No line can hold a value (see SETTINGS)."""
    lines: list[str] = []
    files = sorted(place.log.glob("*.log"), key=lambda path: path.stat().st_mtime)
    for path in files[-2:]:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            lines += file.read().decode("utf-8", "replace").splitlines()
    return [line for line in lines if any(level in line for level in ("FATAL:", "PANIC:", "LOG:", "error:"))][-12:]


def _start_failure(lines: list[str]) -> BienhoError:
    if any("No space left" in line for line in lines):
        return disk_full()
    told = [line for line in lines if "FATAL" in line or "PANIC" in line or "error:" in line] or lines
    last = " | ".join(told[-3:]) or "không có dòng nhật ký nào"
    return StorageError(
        "STO-POSTGRES-START",
        f"PostgreSQL không khởi động được. Nhật ký: {last}",
        hint="Chạy `bienho doctor` để tìm nguyên nhân.",
        who=WHO,
    )
