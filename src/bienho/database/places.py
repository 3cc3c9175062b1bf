"""Where the embedded server of a home keeps its files, and how processes of one home take turns.

Normally everything lies in the home. As root the server runs under a lent account which mostly cannot walk into the
home (0700, or below /root); then its files lie under /var/lib/bienho/<home_id>/ and the home's run folder says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from bienho.config import Home
from bienho.core.errors import BienhoError, BusyError, StorageError
from bienho.core.posix import fcntl
from bienho.database import binaries
from bienho.database.accounts import Account, server_account
from bienho.database.failures import WHO

POINTER = "database.json"
OWNER = "home.json"
START_LOCK = "database.start"
CLAIMS_LOCK = "places.lock"
USERS_LOCK = "database.users"
KEEP = "database.keep"
MACHINE = "database.machine"
SOCKET_PATH_BYTES_MAX = 100
START_LOCK_SECONDS = 180.0
GLANCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one embedded server. `folder` holds `data`; `account` owns `data` and `log`."""

    folder: Path
    log: Path
    account: Account
    relocated: bool

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def initialised(self) -> bool:
        return (self.data / "PG_VERSION").is_file()


def locate(home: Home, *, create: bool = True) -> Place | None:
    """The place of a home's server; with `create` its folders are made, else None when there is none yet.

    The caller holds the start lock when it creates.
    """
    pointer = home.run_dir / POINTER
    if pointer.exists():
        folder = Path(json.loads(pointer.read_text(encoding="utf-8"))["place"])
        return _relocated(home, folder, create=create)
    inside = home.path.resolve() / "postgres"  # one spelling, whatever link the home was opened by
    account = server_account(inside / "data")
    if not account.lent or account.can_enter(home.path):
        if not create and not inside.exists():
            return None
        return _inside(home, inside, account, create=create)
    if not create:
        return None
    binaries.own_folder(binaries.STATE)
    with _claims():
        return _relocated(home, _free_folder(home), create=True)


def _inside(home: Home, folder: Path, account: Account, *, create: bool) -> Place:
    log = folder / "log" if account.lent else home.log_dir.resolve() / "postgres"
    for made in (folder, log):
        if create and not made.exists():
            made.mkdir(mode=0o700, parents=True)
            account.give(made)
    return Place(folder, log, account, relocated=False)


def _relocated(home: Home, folder: Path, *, create: bool) -> Place | None:
    """Open or make a place outside the home. It is root's own; only `data` and `log` belong to the lent account."""
    if not folder.exists():
        if not create:
            return None
        binaries.own_folder(folder.parent)
        binaries.own_folder(folder)
    elif not _belongs(folder, home):
        raise StorageError(
            "STO-PLACE-FOREIGN",
            f"Cơ sở dữ liệu tại {folder} thuộc về một thư mục dữ liệu khác; thư mục này là bản sao chép tay.",
            hint="Dùng `bienho backup` và `bienho restore` để sao một kho dữ liệu.",
            who=WHO,
        )
    account = server_account(folder / "data")
    log = folder / "log"
    if create:
        found = home.path.stat()
        owner = {"home": str(home.path), "home_id": home.home_id, "inode": [found.st_dev, found.st_ino]}
        _write(folder / OWNER, json.dumps(owner))
        _write(home.run_dir / POINTER, json.dumps({"place": str(folder)}))
        if not log.exists():
            log.mkdir(mode=0o700)
            account.give(log)
    return Place(folder, log, account, relocated=True)


@contextmanager
def _claims() -> Iterator[None]:
    """One process of the machine at a time takes or gives up a place: copies of a home would all take the same."""
    handle = os.open(binaries.STATE / CLAIMS_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _free_folder(home: Home) -> Path:
    plain = binaries.STATE / home.home_id
    if not plain.exists() or _belongs(plain, home):
        return plain
    return binaries.STATE / f"{home.home_id}-{hashlib.sha256(str(home.path).encode()).hexdigest()[:8]}"


def _belongs(folder: Path, home: Home) -> bool:
    """Whether a place was made for this home: same folder (also after a move), or its old home is gone."""
    try:
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return not any(folder.iterdir())
    if owner["home_id"] != home.home_id:
        return False
    here = home.path.stat()
    if owner["inode"] == [here.st_dev, here.st_ino] or owner["home"] == str(home.path):
        return True
    try:
        return Home.open(Path(owner["home"])).home_id != home.home_id
    except (BienhoError, OSError, ValueError):
        return True  # no home there any more: this one was moved here


def _write(path: Path, text: str) -> None:
    """Write a small file whole or not at all; what says so already is left alone, also on a full disk."""
    with suppress(FileNotFoundError):
        if path.read_text(encoding="utf-8") == text:
            return
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text, encoding="utf-8")
    os.chmod(temporary, 0o600)
    os.replace(temporary, path)


def remove_place(home: Home, place: Place) -> None:
    """Delete the server's files (the server must be stopped). Only folders that `locate` made are touched."""
    with _claims() if place.relocated else nullcontext():
        shutil.rmtree(place.folder)
    for name in (POINTER, KEEP, MACHINE):
        (home.run_dir / name).unlink(missing_ok=True)


def keep(home: Home, pid: int | None) -> None:
    """Note that the server with this process id is to outlive its users; None forgets it."""
    if pid is None:
        (home.run_dir / KEEP).unlink(missing_ok=True)
    else:
        _write(home.run_dir / KEEP, json.dumps({"pid": pid}))


def kept(home: Home, pid: int) -> bool:
    """Whether the running server is to outlive its users. The note dies with the server it was made for."""
    try:
        return json.loads((home.run_dir / KEEP).read_text(encoding="utf-8"))["pid"] == pid
    except (FileNotFoundError, ValueError, KeyError):
        return False


def socket_folder(place: Place) -> Path:
    """A private 0700 folder with a short path without blanks for the socket; a squatted one is refused."""
    name = hashlib.sha256(os.fsencode(place.data)).hexdigest()[:12]
    last: OSError | None = None
    for folder in _socket_candidates(place.account, name):
        try:
            folder.mkdir(mode=0o700)
            place.account.give(folder)
        except FileExistsError:
            pass
        except OSError as error:
            last = error
            continue
        check_private(folder, place.account)
        return folder
    raise StorageError(
        "STO-SOCKET-FOLDER",
        f"Không tạo được thư mục cho socket của PostgreSQL ({os.strerror(last.errno or 0) if last else ''}).",
        hint="Cho phép ghi vào /run hoặc /tmp, hoặc đặt XDG_RUNTIME_DIR.",
        who=WHO,
    )


def _socket_candidates(account: Account, name: str) -> list[Path]:
    shared = Path("/tmp")  # noqa: S108 - the folder made below it is checked for owner and mode
    if account.lent:
        return [Path("/run") / f"bienho-{name}", shared / f"bienho-{account.uid}-{name}"]
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    mine = f"bienho-{account.uid}-{name}"
    usable = runtime.startswith("/") and not set(runtime) & {" ", ",", "\t"}
    usable = usable and len(os.fsencode(runtime)) + len(mine) + len("//.s.PGSQL.5432") <= SOCKET_PATH_BYTES_MAX
    return [Path(runtime) / mine, shared / mine] if usable else [shared / mine]


def check_private(folder: Path, account: Account) -> None:
    """StorageError STO-SOCKET-FOLDER unless the folder is a real directory of the account with mode 0700."""
    try:
        found = folder.lstat()
        good = stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and not found.st_mode & 0o077
    except FileNotFoundError:
        good = False
    if not good:
        raise StorageError(
            "STO-SOCKET-FOLDER",
            f"Thư mục {folder} không phải thư mục riêng của Biển Hồ; có thể người khác đã tạo trước.",
            hint=f"Kiểm tra rồi xóa {folder}, sau đó chạy lại.",
            who=WHO,
        )


@contextmanager
def start_lock(home: Home) -> Iterator[None]:
    """One process of a home at a time starts, adopts or stops its server; BusyError BUSY-START after three minutes."""
    home.run_dir.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(home.run_dir / START_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + START_LOCK_SECONDS
        while not _try_lock(handle, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise BusyError(
                    "BUSY-START",
                    "Một tiến trình khác đang khởi động hoặc dừng cơ sở dữ liệu quá lâu.",
                    hint="Đợi rồi chạy lại; nếu kéo dài, chạy `bienho doctor`.",
                    who=WHO,
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def share_use(home: Home) -> int:
    """Count this process among the server's users; the descriptor returned is closed to leave."""
    handle = os.open(home.run_dir / USERS_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + GLANCE_SECONDS
    while not _try_lock(handle, fcntl.LOCK_SH):  # somebody is just looking whether the server is in use
        if time.monotonic() > deadline:
            os.close(handle)
            raise BusyError("BUSY-START", "Cơ sở dữ liệu đang dừng.", hint="Chạy lại sau giây lát.", who=WHO)
        time.sleep(0.01)
    return handle


def in_use(home: Home) -> bool:
    """Whether any process is using the server now."""
    handle = os.open(home.run_dir / USERS_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return not _try_lock(handle, fcntl.LOCK_EX)
    finally:
        os.close(handle)


def refuse_elsewhere(home: Home) -> None:
    """BusyError BUSY-ELSEWHERE when processes that we cannot see (another container or machine) use the server.

    PostgreSQL's own interlocks do not reach over a process namespace: a second server would destroy the data.
    """
    try:
        written = (home.run_dir / MACHINE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    if written != _machine() and in_use(home):
        raise BusyError(
            "BUSY-ELSEWHERE",
            "Thư mục dữ liệu đang được dùng từ một máy hoặc một container khác.",
            hint="Dừng Biển Hồ ở nơi đó trước, hoặc dùng BIENHO_DATABASE_URL.",
            who=WHO,
        )


def note_machine(home: Home) -> None:
    """Write down where the server is being started."""
    _write(home.run_dir / MACHINE, _machine())


def _machine() -> str:
    """This machine since its last start, and this process namespace."""
    parts = [os.uname().nodename]
    if sys.platform == "linux":
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), os.readlink("/proc/self/ns/pid")]
    return " ".join(parts)


def _try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
