"""What a check is, what it may look at, and how a list of checks is run so that one broken thing hides nothing else."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal, Protocol

from bienho.config import Home, KeyRing, default_home
from bienho.core.errors import BienhoError
from bienho.database import Database
from bienho.database.places import Place

Status = Literal["ok", "warn", "fail"]
PORTAL_PORT = 8000
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `code` is stable; `found` and `repair` are Vietnamese and hold no patient value.

    fail = something does not work or would lose work; warn = it works, and somebody should know; `repair` is empty
    only when the status is ok.
    """

    code: str
    title_vi: str
    status: Status
    found: str
    repair: str = ""

    def as_dict(self) -> dict[str, str]:
        """The machine form printed by `--json`."""
        return {
            "code": self.code,
            "title_vi": self.title_vi,
            "status": self.status,
            "found": self.found,
            "repair": self.repair,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """What one check function answers; `blocks` = it could not be looked at, nor what builds on it."""

    status: Status
    text: str
    repair: str = ""
    blocks: bool = False


def ok(text: str) -> Found:
    return Found("ok", text)


def warn(text: str, repair: str) -> Found:
    return Found("warn", text, repair)


def fail(text: str, repair: str) -> Found:
    return Found("fail", text, repair)


def unlooked(ground: str) -> Found:
    """Not looked at, because the check named `ground` failed before."""
    return Found("warn", f"Chưa kiểm tra được, vì mục “{ground}” chưa ổn.", f"Sửa mục “{ground}” trước.", blocks=True)


class VolumeFacts(Protocol):
    """The part of `os.statvfs` that is read."""

    @property
    def f_bavail(self) -> int: ...
    @property
    def f_frsize(self) -> int: ...
    @property
    def f_files(self) -> int: ...
    @property
    def f_favail(self) -> int: ...


def utc_now() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Probes:
    """The machine, as the doctor sees it; tests put other eyes in."""

    statvfs: Callable[[Path], VolumeFacts] = os.statvfs
    now: Callable[[], datetime] = utc_now
    port: int = PORTAL_PORT
    port_is_free: Callable[[int], bool] = port_is_free
    installed_version: Callable[[str], str] = metadata.version
    requirements: Callable[[str], list[str] | None] = metadata.requires


@dataclass(slots=True)
class Scene:
    """What earlier checks found and later ones build on; `open` closes what was opened, in the end."""

    path: Path
    probes: Probes
    open: ExitStack
    home: Home | None = None
    keys: KeyRing | None = None
    place: Place | None = None
    database: Database | None = None
    key_refused: BienhoError | None = None
    lock_unreadable: bool = False
    format_written: str = ""

    def the_home(self) -> Home:
        """The home, for checks that need one."""
        assert self.home is not None  # noqa: S101 - `needs` sees to it
        return self.home

    def the_keys(self) -> KeyRing:
        """The keys, for checks that need them."""
        assert self.keys is not None  # noqa: S101 - `needs` sees to it
        return self.keys

    def the_database(self) -> Database:
        """The database, for checks that need it."""
        assert self.database is not None  # noqa: S101 - `needs` sees to it
        return self.database


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the examination: `needs` are codes that must not have failed before it."""

    code: str
    title_vi: str
    look: Callable[[Scene], Found]
    needs: tuple[str, ...] = ()


def examine(items: Sequence[Item], path: Path | None, probes: Probes) -> list[Check]:
    """Run the items in order. No exception leaves: what breaks a check is itself a finding.

    A check whose ground failed is not run and says which one; so one fault is one `fail`.
    """
    checks: list[Check] = []
    closed: dict[str, str] = {}
    with ExitStack() as stack:
        scene = Scene((path or default_home()).absolute(), probes, stack)
        for item in items:
            missing = [closed[code] for code in item.needs if code in closed]
            found = unlooked(missing[0]) if missing else _looked(item, scene)
            if found.blocks:
                closed[item.code] = missing[0] if missing else item.title_vi
            elif found.status == "fail":
                closed[item.code] = item.title_vi
            checks.append(Check(item.code, item.title_vi, found.status, found.text, found.repair))
        _close(stack)
    return checks


def _looked(item: Item, scene: Scene) -> Found:
    try:
        return item.look(scene)
    except BienhoError as error:
        return fail(error.message, error.hint or "Xem mã lỗi " + error.code + " trong docs/errors.md.")
    except Exception as error:
        # Only the kind is told: the text of a foreign exception may quote a value.
        log.warning("doctor: %s broke off with %s", item.code, type(error).__name__)
        return fail(
            f"Kiểm tra bị gián đoạn ({type(error).__name__}).",
            "Chạy lại; nếu vẫn vậy, gửi tên mục này và loại lỗi cho nhóm phát triển.",
        )


def _close(stack: ExitStack) -> None:
    try:
        stack.close()
    except Exception as error:
        log.warning("doctor: closing broke off with %s", type(error).__name__)
