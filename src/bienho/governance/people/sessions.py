"""Sessions as data: made, last seen, ended, from where, with how many factors, and what must still be done first.

A token is 256 random bits; its digest is kept. The address is not kept, only what kind it is.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import psycopg

from bienho.database import Database, Role, storage_errors
from bienho.governance.actor import Assurance
from bienho.governance.people.rules import SessionState, session_state

TOUCHED_EVERY = timedelta(seconds=30)
"""Reading many pages at once writes once; a session may lock so much earlier."""
Pending = Literal["", "second-factor", "enrol", "password"]


@dataclass(frozen=True, slots=True)
class Session:
    """One session. It opens a door only while `state` is live and nothing is `pending`."""

    account_id: str
    door: str
    address_kind: str
    assurance: Assurance
    pending: Pending
    created_at: datetime
    last_seen_at: datetime
    state: SessionState

    @property
    def opens(self) -> bool:
        """Whether it stands for the person at a door now."""
        return self.state == "live" and not self.pending


def digest(token: str) -> bytes:
    """What is kept of a random token; 80 bits and more need neither salt nor a slow hash."""
    return hashlib.sha256(token.encode()).digest()


def address_kind(address: str) -> str:
    """`loopback`, `private` or `public`; what is no address counts as public."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "public"
    return "loopback" if found.is_loopback else "private" if found.is_private else "public"


def start(
    connection: psycopg.Connection[Any],
    account_id: str,
    *,
    door: str,
    address: str,
    assurance: Assurance,
    pending: Pending,
    now: datetime,
    created_at: datetime | None = None,
) -> str:
    """A new session and its token (43 URL-safe characters), on a connection of the governance role."""
    token = secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO governance.session"
        " (digest, account_id, door, address_kind, assurance, pending, created_at, last_seen_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (digest(token), account_id, door, address_kind(address), assurance, pending, created_at or now, now),
    )
    return token


def look(db: Database, token: str, now: datetime, *, touch: bool = True) -> Session | None:
    """The session of a token, None for none; a live one has been seen now, one over its time is ended."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            "SELECT account_id, door, address_kind, assurance, pending, created_at, last_seen_at, ended_at"
            " FROM governance.session WHERE digest = %s",
            (digest(token),),
        ).fetchone()
        if row is None:
            return None
        state = session_state(row[5], row[6], row[7], now)
        if state == "expired":
            _end(connection, "digest = %s", digest(token), now, "expired")
        elif state == "live" and touch and now - row[6] >= TOUCHED_EVERY:
            refresh(connection, token, now)
    return Session(*[*row[:7], state])


def refresh(connection: psycopg.Connection[Any], token: str, now: datetime) -> None:
    """It has been seen now."""
    connection.execute(
        "UPDATE governance.session SET last_seen_at = greatest(last_seen_at, %s)"
        " WHERE digest = %s AND ended_at IS NULL",
        (now, digest(token)),
    )


def end(db: Database, token: str, now: datetime, reason: str = "signed-out") -> None:
    """End one session; an ended one stays as it is."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        _end(connection, "digest = %s", digest(token), now, reason)


def end_all(connection: psycopg.Connection[Any], account_id: str, now: datetime, reason: str) -> int:
    """End every session of an account (new password, closing, recovery); how many were open."""
    return _end(connection, "account_id = %s", account_id, now, reason)


def end_others(db: Database, token: str, now: datetime) -> int:
    """End every other session of the same account; how many were open."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        return connection.execute(
            "UPDATE governance.session SET ended_at = %(now)s, end_reason = 'elsewhere' WHERE ended_at IS NULL"
            " AND digest <> %(own)s"
            " AND account_id = (SELECT account_id FROM governance.session WHERE digest = %(own)s)",
            {"now": now, "own": digest(token)},
        ).rowcount


def last_seen(db: Database) -> dict[str, datetime]:
    """When each account that ever signed in was last seen."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute("SELECT account_id, max(last_seen_at) FROM governance.session GROUP BY account_id")
        return {row[0]: row[1] for row in rows}


def list_open(db: Database, account_id: str, now: datetime) -> list[Session]:
    """Sessions of an account that are live or idle, newest first."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute(
            "SELECT account_id, door, address_kind, assurance, pending, created_at, last_seen_at, ended_at"
            " FROM governance.session WHERE account_id = %s AND ended_at IS NULL ORDER BY created_at DESC",
            (account_id,),
        ).fetchall()
    found = [Session(*[*row[:7], session_state(row[5], row[6], row[7], now)]) for row in rows]
    return [one for one in found if one.state in ("live", "idle")]


def _end(connection: psycopg.Connection[Any], where: str, value: object, now: datetime, reason: str) -> int:
    return connection.execute(
        f"UPDATE governance.session SET ended_at = %s, end_reason = %s WHERE {where} AND ended_at IS NULL",
        (now, reason, value),
    ).rowcount
