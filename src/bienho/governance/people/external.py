"""Identities of an outside sign-in service (a provincial SSO, a VNeID gateway) and the accounts they are bound to.

An identity is the pair (issuer, subject) that the service signed; an e-mail address or a name never binds. The subject
may be a citizen's number, so it is kept as a keyed digest only. Who comes with an identity that is bound to nothing is
told a code; an administrator who knows the person binds it by that code, on a document.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from bienho.config import Home, load_keys
from bienho.core.errors import UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import accounts, changes
from bienho.governance.actor import Actor
from bienho.governance.people import factors, sessions
from bienho.governance.people.rules import NUMBERS

SUBJECT_KEY = "people/external-subject"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an outside service says somebody is, and whether it saw two factors. Verified before one is made."""

    issuer: str
    subject: str
    two_factors: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """An identity of a service bound to an account; the subject itself is not kept."""

    account_id: str
    issuer: str
    bound_at: datetime
    bound_by: str
    document: str


def account_of(db: Database, home: Home, identity: Identity) -> str | None:
    """The account an identity is bound to; None when nobody bound it."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "SELECT account_id FROM governance.external_identity WHERE issuer = %s AND subject = %s"
            " AND ended_at IS NULL AND account_id IS NOT NULL",
            (identity.issuer, _digest(home, identity)),
        ).fetchone()
    return None if row is None else str(row[0])


def introduce(db: Database, home: Home, identity: Identity, now: datetime) -> str:
    """Let an unknown identity wait for an administrator; the code to tell them, a new one each time (`abcd-efgh-…`)."""
    code = factors.random_code()
    until = now + timedelta(hours=NUMBERS.identity_code_hours)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        connection.execute(
            "DELETE FROM governance.external_identity WHERE account_id IS NULL AND expires_at <= %s", (now,)
        )
        connection.execute(
            "INSERT INTO governance.external_identity (issuer, subject, code_digest, expires_at)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (issuer, subject) WHERE ended_at IS NULL"
            " DO UPDATE SET code_digest = excluded.code_digest, expires_at = excluded.expires_at"
            " WHERE external_identity.account_id IS NULL",
            (identity.issuer, _digest(home, identity), sessions.digest(code), until),
        )
    return factors.grouped(code)


def bind(db: Database, home: Home, *, by: Actor, code: str, account_id: str, document: str, now: datetime) -> None:
    """Bind the identity that waits under a code to an account of another person.

    UsageError USE-IDENTITY-CODE, USE-IDENTITY-SELF, USE-ACCOUNT-UNKNOWN, USE-DOCUMENT; Denied as for every change.
    """
    changes.must_manage(db, home, by)
    number = changes.required_document(document)
    if account_id == by.account_id:
        raise UsageError(
            "USE-IDENTITY-SELF",
            "Không tự gắn danh tính cho tài khoản của mình.",
            hint="Đề nghị một người quản trị khác gắn.",
        )
    if accounts.find(db, account_id) is None:
        raise UsageError("USE-ACCOUNT-UNKNOWN", "Không có tài khoản này.", hint="Xem `bienho account list`.")
    plain = factors.plain_code(code)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "SELECT identity_id, issuer FROM governance.external_identity WHERE code_digest = %s AND expires_at > %s"
            " FOR UPDATE",
            (sessions.digest(plain), now),
        ).fetchone()
        if row is None:
            raise UsageError(
                "USE-IDENTITY-CODE",
                "Mã giới thiệu không đúng hoặc đã hết hạn.",
                hint="Người đó đăng nhập lại bằng dịch vụ ngoài để lấy mã mới.",
            )
        thing = changes.entity("external-identity", account_id, {"issuer": row[1]})
        changes.record(db, home, by, "C", [thing], document=number)
        connection.execute(
            "UPDATE governance.external_identity SET code_digest = NULL, expires_at = NULL, account_id = %s,"
            " bound_at = %s, bound_by = %s, document = %s WHERE identity_id = %s",
            (account_id, now, by.account_id, number, row[0]),
        )


def unbind(db: Database, home: Home, *, by: Actor, account_id: str, document: str, now: datetime) -> int:
    """Take every identity of an account away and end its sessions; how many there were."""
    changes.must_manage(db, home, by)
    number = changes.required_document(document)
    changes.record(db, home, by, "D", [changes.entity("external-identity", account_id, {})], document=number)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        sessions.end_all(connection, account_id, now, "identity")
        return _end(connection, account_id, now)


def list_bound(db: Database, account_id: str | None = None) -> list[Bound]:
    """Identities that are bound, of one account or of all, by account."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute(
            "SELECT account_id, issuer, bound_at, bound_by, document FROM governance.external_identity"
            " WHERE ended_at IS NULL AND account_id IS NOT NULL AND (%(id)s::text IS NULL OR account_id = %(id)s)"
            " ORDER BY account_id, identity_id",
            {"id": account_id},
        ).fetchall()
    return [Bound(*row) for row in rows]


def used(connection: psycopg.Connection, account_id: str, now: datetime) -> None:
    """An identity of the account was used to sign in now: its idle days begin anew."""
    connection.execute(
        "UPDATE governance.external_identity SET used_at = %s WHERE account_id = %s AND ended_at IS NULL",
        (now, account_id),
    )


def _end(connection: psycopg.Connection, account_id: str, now: datetime) -> int:
    return connection.execute(
        "UPDATE governance.external_identity SET ended_at = %s WHERE account_id = %s AND ended_at IS NULL",
        (now, account_id),
    ).rowcount


def _digest(home: Home, identity: Identity) -> bytes:
    key = load_keys(home).derive(SUBJECT_KEY)
    return hmac.new(key, f"{identity.issuer}\0{identity.subject}".encode(), hashlib.sha256).digest()
