"""Recovery of an account whose person lost password or device: two other persons, each signed in with two factors.

One asks, on a document; the other approves within a day. Then password and factors are gone, sessions end, and an
invitation is given to the second person, who hands it over. Neither of them ever knows a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from bienho.config import Home
from bienho.core.errors import DeniedError, UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import accounts, changes
from bienho.governance.actor import Actor
from bienho.governance.people import actors, credentials
from bienho.governance.people.rules import NUMBERS
from bienho.governance.roles import ADMINISTRATOR, SECURITY_OFFICER

RULE = "two-persons"
_MAY = frozenset({ADMINISTRATOR, SECURITY_OFFICER})


@dataclass(frozen=True, slots=True)
class Recovery:
    """One request; it can be approved until `expires_at` while `approved_by` is None."""

    recovery_id: int
    account_id: str
    asked_by: str
    asked_at: datetime
    document: str
    expires_at: datetime
    approved_by: str | None


def may(by: Actor) -> bool:
    """Whether the actor's roles let them take part in a recovery at all."""
    return bool(_MAY & set(by.roles))


def ask(db: Database, home: Home, *, by: Actor, account_id: str, document: str, now: datetime) -> Recovery:
    """The first person asks. DeniedError DENY-TWO-FACTORS, DENY-TWO-PERSONS; UsageError USE-…"""
    _must_be_able(db, home, by, account_id)
    number = changes.required_document(document)
    if accounts.find(db, account_id) is None:
        raise UsageError("USE-ACCOUNT-UNKNOWN", "Không có tài khoản này.", hint="Xem `bienho account list`.")
    _record(db, home, by, "C", account_id, number)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "INSERT INTO governance.account_recovery (account_id, asked_by, asked_at, document, expires_at)"
            " VALUES (%s, %s, %s, %s, %s)"
            " RETURNING recovery_id, account_id, asked_by, asked_at, document, expires_at, approved_by",
            (account_id, by.account_id, now, number, now + timedelta(hours=NUMBERS.recovery_request_hours)),
        ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return Recovery(*row)


def approve(db: Database, home: Home, *, by: Actor, recovery_id: int, now: datetime) -> str:
    """The second person approves; the invitation for the account's person. It works once, also against two at once.

    DeniedError DENY-RECOVERY when it has expired, was approved, or the first person may no longer ask;
    DENY-TWO-FACTORS, DENY-TWO-PERSONS.
    """
    request = next((one for one in waiting(db, now) if one.recovery_id == recovery_id), None)
    if request is None:
        raise _closed()
    _must_be_able(db, home, by, request.account_id)
    if by.account_id == request.asked_by:
        _refuse(db, home, by, request.account_id)
    first = actors.actor_of(db, request.asked_by, by.door, "none", now)
    if first is None or not _MAY & set(first.roles):
        raise _closed()
    _record(db, home, by, "U", request.account_id, request.document)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        taken = connection.execute(
            "UPDATE governance.account_recovery SET approved_by = %s, approved_at = %s"
            " WHERE recovery_id = %s AND approved_by IS NULL AND expires_at > %s",
            (by.account_id, now, recovery_id, now),
        )
        if taken.rowcount != 1:
            raise _closed()
        return _reset(connection, request.account_id, now)


def waiting(db: Database, now: datetime) -> list[Recovery]:
    """Requests that still can be approved, oldest first."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute(
            "SELECT recovery_id, account_id, asked_by, asked_at, document, expires_at, approved_by"
            " FROM governance.account_recovery WHERE approved_by IS NULL AND expires_at > %s ORDER BY recovery_id",
            (now,),
        ).fetchall()
    return [Recovery(*row) for row in rows]


def _reset(connection: psycopg.Connection, account_id: str, now: datetime) -> str:
    credentials.wipe(connection, account_id, now)
    return credentials.new_invitation(connection, account_id, now)


def _must_be_able(db: Database, home: Home, by: Actor, account_id: str) -> None:
    """Another person than the account's, administrator or security officer, signed in with two factors."""
    if not may(by) or by.account_id == account_id:
        _refuse(db, home, by, account_id)
    if by.assurance != "two":
        raise changes.two_factors_missing()


def _refuse(db: Database, home: Home, by: Actor, account_id: str) -> None:
    changes.record(db, home, by, "U", [changes.entity("account-recovery", account_id, {})], outcome="denied", rule=RULE)
    raise DeniedError(
        "DENY-TWO-PERSONS",
        "Khôi phục tài khoản cần hai người khác nhau, là người quản trị hoặc cán bộ an toàn thông tin,"
        " và không phải chủ tài khoản.",
        hint="Đề nghị một người khác thực hiện.",
        who="người quản trị, cán bộ an toàn thông tin",
    )


def _closed() -> DeniedError:
    return DeniedError(
        "DENY-RECOVERY",
        "Yêu cầu khôi phục không còn: đã hết hạn, đã duyệt hoặc người yêu cầu không còn quyền.",
        hint="Lập yêu cầu mới.",
        who="người quản trị, cán bộ an toàn thông tin",
    )


def _record(db: Database, home: Home, by: Actor, action: str, account_id: str, document: str) -> None:
    thing = changes.entity("account-recovery", account_id, {})
    changes.record(db, home, by, action, [thing], document=document, rule=RULE)
