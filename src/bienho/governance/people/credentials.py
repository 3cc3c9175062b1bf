"""Passwords of accounts in the database: the first one by invitation, later ones by whoever knows the one in use."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

import psycopg

from bienho.config import Home
from bienho.core.errors import DeniedError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import accounts, changes
from bienho.governance.actor import Actor
from bienho.governance.people import factors, failures, passwords, sessions
from bienho.governance.people.rules import NUMBERS

WHO = "người đăng nhập"


def refused() -> DeniedError:
    """The one answer to every wrong sign-in: unknown, closed, idle, wrong password and wrong code look alike."""
    return DeniedError(
        "DENY-SIGN-IN",
        "Tài khoản, mật khẩu hoặc mã không đúng.",
        hint="Thử lại; nếu quên, đề nghị hai người quản trị khôi phục tài khoản.",
        who=WHO,
    )


def has_password(db: Database, account_id: str) -> bool:
    """Whether the account has set one."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        return kept(connection, account_id) is not None


def kept(connection: psycopg.Connection[Any], account_id: str) -> tuple[str, datetime] | None:
    """(Argon2id text, when it was set) of an account."""
    row = connection.execute(
        "SELECT hash, set_at FROM governance.password WHERE account_id = %s", (account_id,)
    ).fetchone()
    return None if row is None else (row[0], row[1])


def invite(db: Database, home: Home, *, by: Actor, account_id: str, now: datetime) -> str:
    """A token with which the person sets a first password; to be handed over in person. Older ones end.

    UsageError USE-INVITED when the account has a password: then it is a recovery, and takes two persons.
    """
    changes.must_manage(db, home, by)
    return issue(db, home, by=by, account_id=account_id, now=now)


def issue(db: Database, home: Home, *, by: Actor, account_id: str, now: datetime) -> str:
    """The same without asking for the right: whoever calls has asked."""
    if accounts.find(db, account_id) is None:
        raise UsageError("USE-ACCOUNT-UNKNOWN", "Không có tài khoản này.", hint="Xem `bienho account list`.")
    if has_password(db, account_id):
        raise UsageError(
            "USE-INVITED",
            "Tài khoản này đã có mật khẩu.",
            hint="Người dùng tự đổi; nếu quên, hai người khôi phục bằng `bienho account recover`.",
        )
    changes.record(db, home, by, "C", [changes.entity("invitation", account_id, {})])
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        return new_invitation(connection, account_id, now)


def new_invitation(connection: psycopg.Connection[Any], account_id: str, now: datetime) -> str:
    """Store an invitation in place of older ones; its token."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        "DELETE FROM governance.once WHERE (matter = 'invitation' AND account_id = %s) OR expires_at <= %s",
        (account_id, now),
    )
    connection.execute(
        "INSERT INTO governance.once (digest, matter, account_id, expires_at) VALUES (%s, 'invitation', %s, %s)",
        (sessions.digest(token), account_id, now + timedelta(hours=NUMBERS.invitation_hours)),
    )
    return token


def accept(db: Database, home: Home, *, token: str, password: str, door: str, now: datetime) -> str:
    """Set the first password with an invitation; the account. DeniedError DENY-INVITATION, UsageError USE-PASSWORD-…

    A password that is refused leaves the invitation usable.
    """
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "SELECT account_id FROM governance.once WHERE digest = %s AND matter = 'invitation' AND expires_at > %s",
            (sessions.digest(token), now),
        ).fetchone()
        account = accounts.find(db, row[0]) if row else None
        if account is None:
            raise DeniedError(
                "DENY-INVITATION",
                "Mã mời không đúng, đã dùng hoặc đã hết hạn.",
                hint="Đề nghị người quản trị mời lại.",
                who="người quản trị tài khoản",
            )
        _check(connection, account, password)
        changes.record(
            db, home, account.actor(door), "U", [changes.entity("password", account.account_id, {"by": "invitation"})]
        )
        taken = connection.execute("DELETE FROM governance.once WHERE digest = %s", (sessions.digest(token),))
        if taken.rowcount != 1:
            raise refused()
        _keep(connection, account.account_id, password, now)
    return account.account_id


def set_first(db: Database, home: Home, *, by: Actor, password: str, now: datetime) -> None:
    """The first password of the account whose operating-system user runs the command. UsageError USE-INVITED, …"""
    account = accounts.find(db, by.account_id)
    if account is None or by.door != "cli" or account.os_user != accounts.os_user():
        raise DeniedError(
            "DENY-ACCOUNT",
            "Chỉ đặt được mật khẩu đầu tiên của tài khoản gắn với người dùng hệ điều hành đang chạy lệnh.",
            hint="Người khác đặt bằng mã mời: `bienho account invite`.",
            who="người quản trị tài khoản",
        )
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        if kept(connection, account.account_id) is not None:
            raise UsageError("USE-INVITED", "Tài khoản này đã có mật khẩu.", hint="Đổi bằng mật khẩu đang dùng.")
        _check(connection, account, password)
        changes.record(db, home, by, "U", [changes.entity("password", account.account_id, {"by": "os-user"})])
        _keep(connection, account.account_id, password, now)


def change(
    db: Database, home: Home, *, account_id: str, current: str, new: str, address: str, door: str, now: datetime
) -> None:
    """Exchange the password by whoever knows the one in use; every session of the account ends.

    DeniedError DENY-SIGN-IN for a wrong one (it counts as a failed sign-in), BusyError BUSY-SIGN-IN,
    UsageError USE-PASSWORD-… for a new one that may not be.
    """
    account = proved(db, home, account_id=account_id, password=current, address=address, door=door, now=now)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        _check(connection, account, new)
        changes.record(
            db, home, account.actor(door), "U", [changes.entity("password", account_id, {"by": "own change"})]
        )
        _keep(connection, account_id, new, now)
        sessions.end_all(connection, account_id, now, "password")


def proved(
    db: Database, home: Home, *, account_id: str, password: str, address: str, door: str, now: datetime
) -> accounts.Account:
    """The account whose password this is, when it is open and not idle; the work is the same when there is none.

    DeniedError DENY-SIGN-IN, BusyError BUSY-SIGN-IN. A right password takes back its own count only: the failures of a
    sign-in are forgotten when the second factor is right too.
    """
    of = failures.counted(home, account_id, address)
    failures.begin(db, of, now)
    account = accounts.find(db, account_id)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        # asked and hashed whether there is such an account or not: time must not tell
        found = kept(connection, account_id)
        right = passwords.matches(found[0] if found else None, password)
        awake = not factors.idle(connection, account_id, now)
        usable = account is not None and awake
        if right and usable and found and passwords.is_outdated(found[0]):
            connection.execute(
                "UPDATE governance.password SET hash = %s WHERE account_id = %s",
                (passwords.hashed(password), account_id),
            )
    if account is None or not (right and usable):
        note_failure(db, home, account, of, door)
        raise refused()
    failures.forgive(db, of, now, wholly=False)
    return account


def note_failure(db: Database, home: Home, account: accounts.Account | None, of: failures.Counted, door: str) -> None:
    """Record a failed sign-in; a name that is no account stands as a digest: somebody may have typed a password."""
    who = account.actor(door) if account else Actor("unknown", "", (), door)
    thing = changes.entity("session", account.account_id if account else of.account.hex()[:16], {})
    changes.record(db, home, who, "E", [thing], outcome="denied", rule="sign-in")


def wipe(connection: psycopg.Connection[Any], account_id: str, now: datetime) -> None:
    """Take password, factors and outside identities away and end the sessions, for a recovery.

    Former passwords stay barred.
    """
    for table in ("password", "totp", "passkey", "recovery_code"):
        connection.execute(f"DELETE FROM governance.{table} WHERE account_id = %s", (account_id,))
    connection.execute(
        "UPDATE governance.external_identity SET ended_at = %s WHERE account_id = %s AND ended_at IS NULL",
        (now, account_id),
    )
    sessions.end_all(connection, account_id, now, "recovery")


def _check(connection: psycopg.Connection[Any], account: accounts.Account, password: str) -> None:
    former = connection.execute(
        "SELECT hash FROM governance.password_history WHERE account_id = %s ORDER BY history_id DESC LIMIT %s",
        (account.account_id, NUMBERS.password_history),
    ).fetchall()
    passwords.check(
        password,
        account_id=account.account_id,
        name=account.name,
        second_factor=factors.has_factor(connection, account.account_id),
        former=[row[0] for row in former],
    )


def _keep(connection: psycopg.Connection[Any], account_id: str, password: str, now: datetime) -> None:
    """Make it the password in use and the newest of the barred ones; the oldest beyond their number is forgotten.

    An invitation that is still about is worth nothing from now on.
    """
    text = passwords.hashed(password)
    connection.execute("DELETE FROM governance.once WHERE matter = 'invitation' AND account_id = %s", (account_id,))
    connection.execute(
        "INSERT INTO governance.password (account_id, hash, set_at) VALUES (%s, %s, %s)"
        " ON CONFLICT (account_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at",
        (account_id, text, now),
    )
    connection.execute(
        "INSERT INTO governance.password_history (account_id, hash, set_at) VALUES (%s, %s, %s)",
        (account_id, text, now),
    )
    connection.execute(
        "DELETE FROM governance.password_history WHERE account_id = %(id)s AND history_id NOT IN (SELECT history_id"
        " FROM governance.password_history WHERE account_id = %(id)s ORDER BY history_id DESC LIMIT %(keep)s)",
        {"id": account_id, "keep": NUMBERS.password_history},
    )
