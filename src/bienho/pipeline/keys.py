"""Rotation of the master key while the house is at work: what is asked, in which order, and what is told of it.

    rotate   event · version in PostgreSQL · master key at its provider · ring by one rename · data keys · event
    retire   refused while a data key is wrapped under it · event · marked in PostgreSQL · out of the ring · destroyed

Killed between any two of these, the same command finishes what was begun (ADR 16).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from bienho.config import add_version, adopt_ring, drop_version, read_ring
from bienho.core.errors import BusyError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import Actor, Request, accounts, audit, decide, permits
from bienho.governance.decision import Denied
from bienho.governance.purposes import OPERATIONS
from bienho.pipeline.app import App
from bienho.privacy import Rotation

RING_LOCK = 7_206_005
ROTATE_LOCK = 7_206_006
RING_SECONDS = 60
WHO = "Quản trị hệ thống"


@dataclass(frozen=True, slots=True)
class Standing:
    """One version of the master key. `state`: active, old (still opens something), retired; `wrapped`: data keys."""

    version: int
    state: str
    provider: str
    made_at: datetime
    retired_at: datetime | None
    wrapped: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "state": self.state,
            "provider": self.provider,
            "made_at": self.made_at,
            "retired_at": self.retired_at,
            "wrapped": self.wrapped,
        }


def status(app: App) -> list[Standing]:
    """Every version there ever was, ascending."""
    ring = read_ring(app.home.path)
    found = []
    for one in Rotation(app.keys, app.database).versions():
        sealed = ring.sealed(one.version) if ring else None
        active = one.version == (ring.active if ring else 1)
        state = "active" if active else "retired" if one.retired_at else "old"
        provider = sealed.provider if sealed else "file" if ring is None else ""
        found.append(Standing(one.version, state, provider, one.made_at, one.retired_at, one.wrapped))
    return found


def rotate(app: App, by: Actor, progress: Callable[[int], None] | None = None) -> tuple[int, int]:
    """Put a new master key in use; (its version, data keys wrapped anew by this call).

    A rotation that was cut short is finished instead of beginning another. Readers and the writer go on meanwhile.
    Denied; BusyError BUSY-KEYS.
    """
    _may(app, by)
    rotation = Rotation(app.keys, app.database)
    with _alone(app.database):
        ring = adopt_ring(app.home)
        unfinished = any(one.wrapped for one in rotation.versions() if one.version != ring.active)
        if not unfinished:
            version = ring.active + 1
            _tell(app, by, "U", "rotate-begun", version)
            rotation.begin(version)
            with ring_lock(app.database):
                ring = add_version(app.home, version)
        moved = rotation.rewrap(progress)
        _tell(app, by, "U", "rotate-done", ring.active, moved)
    return ring.active, moved


def retire(app: App, by: Actor, version: int) -> None:
    """Give up an old master key for ever. Backups made under it need the copy in its envelope from now on.

    UsageError USE-KEY-ACTIVE, USE-KEY-UNKNOWN, USE-KEY-OLDER (older ones go first), USE-KEY-WRAPS while a data key is
    wrapped under it. Denied; BusyError BUSY-KEYS.
    """
    _may(app, by)
    with _alone(app.database):
        ring = adopt_ring(app.home)
        rotation = Rotation(app.keys, app.database)
        known = {one.version: one for one in rotation.versions()}
        if version == ring.active:
            raise UsageError(
                "USE-KEY-ACTIVE", "Phiên bản khóa này đang dùng.", hint="Chạy `bienho keys rotate` trước.", who=WHO
            )
        if version not in known:
            raise UsageError("USE-KEY-UNKNOWN", f"Không có phiên bản khóa {version}.", hint="Xem `bienho keys status`.")
        if any(one.version < version for one in ring.versions):
            raise UsageError("USE-KEY-OLDER", "Còn phiên bản khóa cũ hơn.", hint="Thôi dùng phiên bản cũ nhất trước.")
        if known[version].wrapped or (left := rotation.retire(version)):
            left = known[version].wrapped or left
            raise UsageError(
                "USE-KEY-WRAPS",
                f"Còn {left} khóa dữ liệu nằm dưới phiên bản {version}; chưa được bỏ.",
                hint="Chạy `bienho keys rotate` để chuyển hết sang phiên bản mới, rồi chạy lại.",
                who=WHO,
            )
        _tell(app, by, "D", "retire", version)
        with ring_lock(app.database):
            drop_version(app.home, version)


def note_split(app: App) -> None:
    """Note that the key in use was put into two envelopes: by whoever holds it, for there may be no account yet."""
    ring = read_ring(app.home.path)
    version = str(ring.active if ring else 1)
    permits.note(app.database, app.keys, app.home, accounts.unmapped(), "keys-split", version, "allowed")


@contextmanager
def ring_lock(database: Database, *, shared: bool = False) -> Iterator[None]:
    """Hold the sealed ring as it is (`shared`), or be the only one to change it. BusyError BUSY-KEYS after a minute."""
    kind = "_shared" if shared else ""
    with database.connect(Role.WORKER) as connection, storage_errors(database.place):
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{RING_SECONDS}s",))
        try:
            connection.execute(f"SELECT pg_advisory_xact_lock{kind}(%s)", (RING_LOCK,))
        except psycopg.errors.LockNotAvailable:
            raise _busy("đang sao lưu") from None
        yield


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    rotating = database.connect(Role.WORKER, autocommit=True, application_name="bienho-rotation")
    with rotating as connection, storage_errors(database.place):
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (ROTATE_LOCK,)).fetchone()
        if not row or not row[0]:
            raise _busy("đang xoay hoặc bỏ khóa ở tiến trình khác")
        yield


def _busy(why: str) -> BusyError:
    return BusyError("BUSY-KEYS", f"Chưa đổi được vòng khóa: {why}.", hint="Đợi việc kia xong rồi chạy lại.", who=WHO)


def _may(app: App, by: Actor) -> None:
    decision = decide(Request(uuid.uuid4().hex, by, OPERATIONS, "manage", None))
    if not decision.allowed:
        _write(app, by, "U", "denied", decision.rule, decision.reason_vi, {"act": "keys"})
        raise Denied(decision)


def _tell(app: App, by: Actor, action: str, act: str, version: int, moved: int | None = None) -> None:
    detail: dict[str, Any] = {"act": act, "version": version}
    _write(
        app, by, action, "allowed", "administrator-keys", "", detail if moved is None else {**detail, "moved": moved}
    )


def _write(app: App, by: Actor, action: str, outcome: str, rule: str, reason: str, detail: dict[str, Any]) -> None:
    log = audit.AuditLog(app.database, app.keys, app.home)
    try:
        log.append(
            audit.event(
                action=action,
                outcome=outcome,
                decision_id=uuid.uuid4().hex,
                actor_id=by.account_id,
                actor_name=by.name,
                door=by.door,
                home_id=app.home.home_id,
                purposes=[OPERATIONS],
                policy=[rule],
                reason=reason,
                entities=[{"type": "key", "what": {"identifier": app.home.home_id}, "detail": detail}],
            )
        )
    finally:
        log.close()
