"""Memberships: one account in one unit in one role, from then until then, given by somebody on a document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from bienho.config import Home
from bienho.core.errors import UsageError
from bienho.database import Database, storage_errors
from bienho.database import Role as Login
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.people import units
from bienho.governance.roles import ROLES

_COLUMNS = (
    "membership_id, account_id, unit_code, role, since, until, given_by, document, confirmed_at, ended_at, ended_by"
)


@dataclass(frozen=True, slots=True)
class Member:
    """One membership as stored. `until`: agreed beforehand; `ended_at`: ended by somebody."""

    membership_id: int
    account_id: str
    unit: str
    role: str
    since: datetime
    until: datetime | None
    given_by: str
    document: str
    confirmed_at: datetime
    ended_at: datetime | None
    ended_by: str | None

    def in_force(self, now: datetime) -> bool:
        """Whether it counts at an instant: begun, not lapsed, not ended."""
        return self.since <= now and not any(end is not None and end <= now for end in (self.until, self.ended_at))


def list_members(
    db: Database, *, account_id: str | None = None, unit: str | None = None, at: datetime | None = None
) -> list[Member]:
    """Memberships by unit, account and role; `at`: those in force then only."""
    with db.connect(Login.GOVERNANCE) as connection, storage_errors():
        found = load(connection, account_id=account_id, unit=unit)
    return [one for one in found if at is None or one.in_force(at)]


def load(
    connection: psycopg.Connection[Any], *, account_id: str | None = None, unit: str | None = None
) -> list[Member]:
    """The same on a connection of the governance role."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM governance.membership WHERE (%(account)s::text IS NULL OR account_id = %(account)s)"
        " AND (%(unit)s::text IS NULL OR unit_code = %(unit)s) ORDER BY unit_code, account_id, role, membership_id",
        {"account": account_id, "unit": unit},
    ).fetchall()
    return [Member(*row) for row in rows]


def find(db: Database, membership_id: int) -> Member:
    """The membership of that number; UsageError USE-MEMBERSHIP-UNKNOWN."""
    with db.connect(Login.GOVERNANCE) as connection, storage_errors():
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM governance.membership WHERE membership_id = %s", (membership_id,)
        ).fetchone()
    if row is None:
        raise UsageError("USE-MEMBERSHIP-UNKNOWN", "Không có lần giao quyền này.", hint="Xem `bienho member list`.")
    return Member(*row)


def give(
    db: Database,
    home: Home,
    *,
    by: Actor,
    account_id: str,
    unit: str,
    role: str,
    document: str,
    now: datetime,
    until: datetime | None = None,
) -> Member:
    """Give an account a role in a unit. Nobody gives one to themselves.

    UsageError USE-MEMBERSHIP-ROLE when units of that kind do not give the role, -OWN, -OPEN when there is an open one
    already, -UNTIL; USE-UNIT-UNKNOWN; USE-ACCOUNT-UNKNOWN. Denied when `by` is no administrator.
    """
    changes.must_manage(db, home, by)
    number = changes.required_document(document)
    if by.account_id == account_id:
        raise UsageError("USE-MEMBERSHIP-OWN", "Không ai tự giao quyền cho mình.", hint="Đề nghị người quản trị khác.")
    if until is not None and until <= now:
        raise UsageError("USE-MEMBERSHIP-UNTIL", "Thời hạn phải ở sau hiện tại.")
    at_home = {one.code: one for one in units.list_units(db, day=units.local_day(now))}.get(unit)
    if at_home is None:
        raise units.unknown(unit)
    if role not in ROLES or at_home.kind not in ROLES[role].kinds:
        giving = ", ".join(one.code for one in ROLES.values() if at_home.kind in one.kinds)
        raise UsageError("USE-MEMBERSHIP-ROLE", "Đơn vị này không giao được vai trò đó.", hint=f"Giao được: {giving}.")
    _record(db, home, by, "C", account_id, unit, role, number, until)
    try:
        with db.connect(Login.GOVERNANCE) as connection:
            connection.execute(
                "UPDATE governance.membership SET ended_at = until, ended_by = 'lapsed' WHERE ended_at IS NULL"
                " AND until <= %s AND account_id = %s AND unit_code = %s AND role = %s",
                (now, account_id, unit, role),
            )
            row = connection.execute(
                "INSERT INTO governance.membership"
                " (account_id, unit_code, role, since, until, given_by, document, confirmed_at)"
                f" VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING {_COLUMNS}",
                (account_id, unit, role, now, until, by.account_id, number, now),
            ).fetchone()
    except psycopg.errors.UniqueViolation:
        raise UsageError("USE-MEMBERSHIP-OPEN", "Tài khoản này đang giữ đúng vai trò đó ở đơn vị.") from None
    except psycopg.errors.ForeignKeyViolation:
        raise UsageError("USE-ACCOUNT-UNKNOWN", "Không có tài khoản này.", hint="Xem `bienho account list`.") from None
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return Member(*row)


def end(db: Database, home: Home, *, by: Actor, membership_id: int, document: str, now: datetime) -> None:
    """End a membership now; ending an ended one changes nothing. Denied when `by` is no administrator."""
    changes.must_manage(db, home, by)
    number = changes.required_document(document)
    one = find(db, membership_id)
    _record(db, home, by, "D", one.account_id, one.unit, one.role, number, None)
    with db.connect(Login.GOVERNANCE) as connection, storage_errors():
        close(connection, membership_id, by.account_id, now)


def close(connection: psycopg.Connection[Any], membership_id: int, by: str, now: datetime) -> bool:
    """Mark it ended, if it is open; whether it was."""
    done = connection.execute(
        "UPDATE governance.membership SET ended_at = %s, ended_by = %s WHERE membership_id = %s AND ended_at IS NULL",
        (now, by, membership_id),
    )
    return done.rowcount == 1


def _record(
    db: Database,
    home: Home,
    by: Actor,
    action: str,
    account_id: str,
    unit: str,
    role: str,
    document: str,
    until: datetime | None,
) -> None:
    detail = {"unit": unit, "role": role, "until": until and until.isoformat()}
    changes.record(db, home, by, action, [changes.entity("membership", account_id, detail)], document=document)
