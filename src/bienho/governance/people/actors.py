"""`actor_of`: an account as it comes through a door, with the memberships in force and what each reaches."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from bienho.config import Home
from bienho.database import Database, storage_errors
from bienho.database import Role as Login
from bienho.governance import accounts
from bienho.governance.actor import Actor, Assurance, Membership
from bienho.governance.people import factors, memberships, units
from bienho.governance.roles import ROLES


def caller(db: Database, home: Home, now: datetime) -> Actor:
    """Whoever runs this process, with what their units give them now; DeniedError DENY-ACCOUNT without an account."""
    own = accounts.actor_for_os_user(db, home)
    return actor_of(db, own.account_id, own.door, own.assurance, now) or own


def actor_of(db: Database, account_id: str, door: str, assurance: Assurance, now: datetime) -> Actor | None:
    """The actor of an account; None when it is unknown, closed, or (not on the command line) idle for too long.

    On the command line the operating system signs people in, and its own rules say when an account is idle.
    """
    with db.connect(Login.GOVERNANCE) as connection, storage_errors():
        return load(connection, account_id, door, assurance, now)


def load(
    connection: psycopg.Connection[Any], account_id: str, door: str, assurance: Assurance, now: datetime
) -> Actor | None:
    """The same on a connection of the governance role."""
    row = connection.execute(
        "SELECT name, roles FROM governance.account WHERE account_id = %s AND active", (account_id,)
    ).fetchone()
    if row is None or (door != "cli" and factors.idle(connection, account_id, now)):
        return None
    held = [one for one in memberships.load(connection, account_id=account_id) if one.in_force(now)]
    given = with_reach(connection, [(one.role, one.unit) for one in held], now)
    if given:  # the account's own roles stand beside them as what they are: roles for the whole province
        given += tuple(Membership(role, units.DEPARTMENT, None, None) for role in row[1])
    roles = set(row[1]) | {one.role for one in given}
    return Actor(account_id, row[0], tuple(code for code in ROLES if code in roles), door, given, assurance)


def with_reach(
    connection: psycopg.Connection[Any],
    held: list[tuple[str, str]],
    now: datetime,
    *,
    kinds: frozenset[str] = frozenset(),
) -> tuple[Membership, ...]:
    """Memberships from (role, unit) pairs: only of units in force whose kind gives the role or is one of `kinds`."""
    if not held:
        return ()
    day = units.local_day(now)
    standing = {one.code: one for one in units.load(connection) if one.in_force(day)}
    return tuple(
        Membership(role, unit, *units.reach(standing, unit), frozenset(standing[unit].domains))
        for role, unit in held
        if unit in standing and role in ROLES and standing[unit].kind in ROLES[role].kinds | kinds
    )
