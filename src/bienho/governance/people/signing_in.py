"""Signing in: a password, then a second factor; or a passkey, which is both. What comes out is a session.

Until everything `pending` is done a session opens no door. Every step up gives a new token, so that one fixed or seen
before is worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psycopg

from bienho.config import Home
from bienho.core.errors import DeniedError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import accounts, changes
from bienho.governance.actor import Actor
from bienho.governance.people import actors, credentials, external, factors, failures, passkeys, sessions
from bienho.governance.people.external import Identity
from bienho.governance.people.rules import must_change
from bienho.governance.people.sessions import Pending
from bienho.governance.roles import ADMINISTRATOR


@dataclass(frozen=True, slots=True)
class Entered:
    """A session was made: its token, whose it is, and what must be done before it opens a door ('' = nothing)."""

    token: str
    account_id: str
    pending: Pending


def with_password(
    db: Database, home: Home, *, account_id: str, password: str, address: str, door: str, now: datetime
) -> Entered:
    """The first step. People need a second factor: who has one gives it next, who has none can only set one up.

    DeniedError DENY-SIGN-IN, BusyError BUSY-SIGN-IN.
    """
    credentials.proved(db, home, account_id=account_id, password=password, address=address, door=door, now=now)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        pending: Pending = "second-factor" if factors.has_factor(connection, account_id) else "enrol"
        token = sessions.start(
            connection, account_id, door=door, address=address, assurance="one", pending=pending, now=now
        )
    return Entered(token, account_id, pending)


def with_code(db: Database, home: Home, *, token: str, code: str, address: str, now: datetime) -> Entered:
    """The second step: a code of the device, or a recovery code. The session before ends, a new one takes its place.

    DeniedError DENY-SIGN-IN, DENY-SESSION; BusyError BUSY-SIGN-IN.
    """
    session = sessions.look(db, token, now)
    if session is None or session.state != "live" or session.pending != "second-factor":
        raise no_session()
    _prove_code(db, home, session.account_id, code, address, session.door, now)
    sessions.end(db, token, now, "raised")
    return _entered(db, home, session.account_id, address, session.door, now, created_at=session.created_at)


def with_passkey(
    db: Database, home: Home, *, answer: str, rp_id: str, origin: str, address: str, door: str, now: datetime
) -> Entered:
    """A passkey that asked its owner for a PIN or a finger is two factors at once.

    DeniedError DENY-SIGN-IN. Guessing is no way in here, so only the address is counted by whoever serves it.
    """
    account_id = passkeys.authenticate(db, answer=answer, rp_id=rp_id, origin=origin, now=now)
    account = accounts.find(db, account_id) if account_id else None
    if account is not None:
        with db.connect(Role.GOVERNANCE) as connection, storage_errors():
            if factors.idle(connection, account.account_id, now):
                account = None
    if account is None:
        of = failures.counted(home, account_id or "", address)
        credentials.note_failure(db, home, None, of, door)
        raise credentials.refused()
    return _entered(db, home, account.account_id, address, door, now)


def with_identity(db: Database, home: Home, *, identity: Identity, address: str, door: str, now: datetime) -> Entered:
    """Somebody whom an outside service vouches for. One factor there is followed by the second one here.

    DeniedError DENY-IDENTITY when the identity is bound to no account (its hint has the code for an administrator),
    DENY-SIGN-IN when that account is closed or was idle for too long.
    """
    account_id = external.account_of(db, home, identity)
    if account_id is None:
        raise DeniedError(
            "DENY-IDENTITY",
            "Danh tính này chưa được gắn với tài khoản nào của kho.",
            hint=f"Đưa mã giới thiệu {external.introduce(db, home, identity, now)} cho người quản trị tài khoản.",
            who="người quản trị tài khoản",
        )
    account = accounts.find(db, account_id)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        awake = account is not None and not factors.idle(connection, account_id, now)
        if awake:
            external.used(connection, account_id, now)
    if not awake:
        credentials.note_failure(db, home, account, failures.counted(home, account_id, address), door)
        raise credentials.refused()
    if identity.two_factors:
        return _entered(db, home, account_id, address, door, now)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        pending: Pending = "second-factor" if factors.has_factor(connection, account_id) else "enrol"
        token = sessions.start(
            connection, account_id, door=door, address=address, assurance="one", pending=pending, now=now
        )
    return Entered(token, account_id, pending)


def with_link(db: Database, home: Home, *, account_id: str, address: str, door: str, now: datetime) -> Entered:
    """The one-time link of a demo, which proves nothing of a person; UsageError USE-DEMO-ONLY elsewhere."""
    account = accounts.find(db, account_id)
    if home.mode != "demo":
        raise UsageError("USE-DEMO-ONLY", "Đường dẫn đăng nhập chỉ có ở chế độ demo.")
    if account is None:
        raise credentials.refused()
    thing = changes.entity("session", account_id, {"assurance": "none", "address": sessions.address_kind(address)})
    changes.record(db, home, account.actor(door), "E", [thing], rule="demo-link")
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        token = sessions.start(
            connection, account_id, door=door, address=address, assurance="none", pending="", now=now
        )
    return Entered(token, account_id, "")


def enrol_code(
    db: Database, home: Home, *, token: str, code: str, address: str, now: datetime
) -> tuple[Entered, list[str]]:
    """The first device of an account works from now on, and its code was the second factor: session, recovery codes.

    UsageError USE-CODE; DeniedError DENY-SESSION, DENY-TWO-FACTORS when another factor began to work meanwhile.
    """
    session, by = _enrolling(db, token, now)
    codes = factors.confirm_totp(db, home, by=by, code=code, now=now)
    sessions.end(db, token, now, "raised")
    return _entered(db, home, session.account_id, address, session.door, now, created_at=session.created_at), codes


def enrol_passkey(
    db: Database, home: Home, *, token: str, answer: str, name: str, rp_id: str, origin: str, address: str,
    now: datetime,
) -> Entered:  # fmt: skip
    """The same with a first passkey. UsageError USE-PASSKEY; DeniedError as above."""
    session, by = _enrolling(db, token, now)
    passkeys.register(db, home, by=by, answer=answer, name=name, rp_id=rp_id, origin=origin, now=now)
    sessions.end(db, token, now, "raised")
    return _entered(db, home, session.account_id, address, session.door, now, created_at=session.created_at)


def _enrolling(db: Database, token: str, now: datetime) -> tuple[sessions.Session, Actor]:
    session = sessions.look(db, token, now)
    account = accounts.find(db, session.account_id) if session else None
    if session is None or account is None or session.state != "live" or session.pending != "enrol":
        raise no_session()
    return session, replace(account.actor(session.door), assurance="one")


def step_up(db: Database, home: Home, *, by: Actor, password: str, code: str, address: str, now: datetime) -> Actor:
    """The same actor with two factors, for one act at a door that keeps no session (the command line).

    DeniedError DENY-SIGN-IN, BusyError BUSY-SIGN-IN.
    """
    credentials.proved(db, home, account_id=by.account_id, password=password, address=address, door=by.door, now=now)
    _prove_code(db, home, by.account_id, code, address, by.door, now)
    return replace(by, assurance="two")


def unlock(db: Database, home: Home, *, token: str, password: str, address: str, now: datetime) -> None:
    """Go on with a session that was idle too long. DeniedError DENY-SESSION, DENY-SIGN-IN; BusyError BUSY-SIGN-IN."""
    session = sessions.look(db, token, now, touch=False)
    if session is None or session.state != "idle":
        raise no_session()
    credentials.proved(
        db, home, account_id=session.account_id, password=password, address=address, door=session.door, now=now
    )
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        sessions.refresh(connection, token, now)


def sign_out_elsewhere(db: Database, home: Home, *, by: Actor, token: str, now: datetime) -> int:
    """End every other session of the same account; how many were open."""
    changes.record(db, home, by, "D", [changes.entity("session", by.account_id, {})], rule="sign-out-elsewhere")
    return sessions.end_others(db, token, now)


def actor_for_session(db: Database, token: str, now: datetime) -> Actor | None:
    """Who stands at the door: the actor of a session that is live and lacks nothing, None otherwise."""
    session = sessions.look(db, token, now)
    if session is None or not session.opens:
        return None
    return actors.actor_of(db, session.account_id, session.door, session.assurance, now)


def mfa_ready(db: Database, now: datetime) -> bool:
    """Whether an active administrator has a password and a second factor: then a house in production may be served."""
    return any(administrators(db, now).values())


def administrators(db: Database, now: datetime) -> dict[str, bool]:
    """Administrators who could come in now, each with whether a password and a second factor are set up."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        return {
            account.account_id: credentials.kept(connection, account.account_id) is not None
            and factors.has_factor(connection, account.account_id)
            for account in accounts.list_accounts(db)
            if (one := actors.load(connection, account.account_id, "portal", "two", now)) is not None
            and ADMINISTRATOR in one.roles
        }


def no_session() -> DeniedError:
    """The refusal of a step for which there is no session that waits for it."""
    return DeniedError(
        "DENY-SESSION",
        "Phiên đăng nhập không còn hoặc không ở bước này.",
        hint="Đăng nhập lại từ đầu.",
        who=credentials.WHO,
    )


def _prove_code(db: Database, home: Home, account_id: str, code: str, address: str, door: str, now: datetime) -> None:
    of = failures.counted(home, account_id, address)
    failures.begin(db, of, now)
    account = accounts.find(db, account_id)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        kind = factors.take(connection, home, account_id, code, now) if account else None
    if kind is None:
        credentials.note_failure(db, home, account, of, door)
        raise credentials.refused()
    failures.forgive(db, of, now, wholly=True)


def _entered(
    db: Database, home: Home, account_id: str, address: str, door: str, now: datetime, *, created_at: Any = None
) -> Entered:
    """The session of somebody who has shown two factors; administrators with an old password must change it first."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        connection.execute("UPDATE governance.password SET used_at = %s WHERE account_id = %s", (now, account_id))
        actor = actors.load(connection, account_id, door, "two", now)
        if actor is None:
            raise credentials.refused()
        pending: Pending = "password" if _is_old(connection, actor, now) else ""
        kind = sessions.address_kind(address)
        detail = {"assurance": "two", "pending": pending, "address": kind}
        changes.record(db, home, actor, "E", [changes.entity("session", account_id, detail)], rule="sign-in")
        token = sessions.start(
            connection,
            account_id,
            door=door,
            address=address,
            assurance="two",
            pending=pending,
            now=now,
            created_at=created_at,
        )
    return Entered(token, account_id, pending)


def _is_old(connection: psycopg.Connection[Any], actor: Actor, now: datetime) -> bool:
    kept = credentials.kept(connection, actor.account_id)
    return kept is not None and must_change(kept[1], now, administrator=ADMINISTRATOR in actor.roles)
