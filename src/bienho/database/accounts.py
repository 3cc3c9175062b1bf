"""Under which operating-system account the embedded server runs, and what that account can reach.

PostgreSQL refuses to run as root. As root we lend it an unprivileged account; otherwise it runs as the caller.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bienho.core.errors import ConfigError
from bienho.core.posix import pwd
from bienho.database.failures import WHO

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "LANG": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """An operating-system account; `lent` when we are root and step down to it."""

    uid: int
    gid: int
    lent: bool

    def run(
        self, command: Sequence[str | Path], *, seconds: float = 300, extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a fixed program to its end as this account: bare environment plus `extra`, in `/`, off our terminal."""
        try:
            return subprocess.run(  # noqa: S603 - the callers' programs are fixed; no shell sees outside text
                command,
                cwd="/",
                env={**ENVIRONMENT, **(extra or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                start_new_session=True,
                timeout=seconds,
                user=self.uid if self.lent else None,
                group=self.gid if self.lent else None,
                extra_groups=[] if self.lent else None,
            )
        except OSError as error:
            # EPERM, EINVAL: a root that may not change its account (some containers). EACCES is about the program.
            if self.lent and error.errno in {errno.EPERM, errno.EINVAL}:
                raise _no_account() from None
            raise

    def can_enter(self, folder: Path) -> bool:
        """Whether the account may walk into a folder, asked of the kernel and not of mode bits (ACLs count)."""
        try:
            return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", folder]).returncode == 0
        except PermissionError:
            return False

    def give(self, path: Path) -> None:
        """Make a path ours to the account, when it is not the caller."""
        if self.lent:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def caller() -> Account:
    """The account this process runs under."""
    return Account(os.geteuid(), os.getegid(), lent=False)


def server_account(data: Path | None = None) -> Account:
    """The account for the server: the caller, or as root the owner of `data`, `BIENHO_POSTGRES_USER`, bienho, nobody.

    ConfigError CFG-POSTGRES-USER when root has no unprivileged account to lend.
    """
    if os.geteuid() != 0:
        return caller()
    if data is not None and data.exists() and data.stat().st_uid != 0:
        found = data.stat()
        return Account(found.st_uid, found.st_gid, lent=True)
    named = os.environ.get("BIENHO_POSTGRES_USER")
    for name in [named] if named else ["bienho", "nobody"]:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, lent=True)
    raise _no_account()


def _no_account() -> ConfigError:
    return ConfigError(
        "CFG-POSTGRES-USER",
        "PostgreSQL không chạy dưới quyền root và không có tài khoản thường nào để chạy thay.",
        hint="Chạy lệnh dưới một tài khoản thường, hoặc tạo tài khoản `bienho` (useradd --system bienho).",
        who=WHO,
    )
