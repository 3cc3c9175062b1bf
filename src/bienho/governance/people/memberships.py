"""Memberships: one account in one unit in one role, from then until then, given by somebody on a document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from bienho.config import Home
from bienho.core.errors import DeniedError, UsageError
from bienho.database import Database, storage_errors
from bienho.database import Role as Login
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.people import leading, units
from bienho.governance.people.rules import review_ends

_COLUMNS = (
    "membership_id, account_id, unit_code, role, since, until, given_by, document, confirmed_at, ended_at, ended_by"
)


@dataclass(frozen=True, slots=True)
class Member:
    """One membership as stored. `until`: agreed beforehand; `ended_at`: ended by somebody.

    One that nobody confirms in time ends too (`rules.review_ends`); that is reckoned, not stored.
    """

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
        return self.since <= now < self.ends

    @property
    def ends(self) -> datetime:
        """When it ends: the first of what was agreed, what somebody did, and what nobody confirmed."""
        return min(end for end in (self.until, self.ended_at, review_ends(self.confirmed_at)) if end is not None)


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

    UsageError USE-MEMBERSHIP-ROLE when units of that kind do not give the role or the actor may not, -OWN, -OPEN when
    there is an open one already, -UNTIL; USE-UNIT-UNKNOWN; USE-ACCOUNT-UNKNOWN. Denied (DENY-UNIT …) when `by` does not
    answer for the unit.
    """
    rule = check(db, home, by=by, account_id=account_id, unit=unit, role=role, document=document, now=now, until=until)
    number = changes.required_document(document)
    _record(db, home, by, "C", account_id, unit, role, number, until, rule)
    try:
        with db.connect(Login.GOVERNANCE) as connection:
            for old in load(connection, account_id=account_id, unit=unit):
                if old.role == role and not old.in_force(now):
                    close(connection, old.membership_id, "lapsed", old.ends)
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


def check(
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
) -> str:
    """What `give` refuses before it looks at the account; the rule by which the actor may give."""
    tree = {one.code: one for one in units.list_units(db, day=units.local_day(now))}
    rule = leading.must_lead(db, home, by, tree, unit)
    changes.required_document(document)
    if by.account_id == account_id:
        raise UsageError("USE-MEMBERSHIP-OWN", "Không ai tự giao quyền cho mình.", hint="Đề nghị người quản trị khác.")
    if until is not None and until <= now:
        raise UsageError("USE-MEMBERSHIP-UNTIL", "Thời hạn phải ở sau hiện tại.")
    if unit not in tree:
        raise units.unknown(unit)
    giving = leading.givable(by, tree, unit)
    if role not in giving:
        named = ", ".join(giving)
        raise UsageError("USE-MEMBERSHIP-ROLE", "Đơn vị này không giao được vai trò đó.", hint=f"Giao được: {named}.")
    return rule


def end(db: Database, home: Home, *, by: Actor, membership_id: int, document: str, now: datetime) -> None:
    """End a membership now; ending an ended one changes nothing. Denied when `by` does not answer for it."""
    one = find(db, membership_id)
    tree = {unit.code: unit for unit in units.list_units(db)}
    rule = leading.must_lead(db, home, by, tree, one.unit)
    if not leading.may_change(by, tree, one.unit, one.role):
        thing = changes.entity("membership", one.account_id, {"unit": one.unit, "role": one.role})
        changes.record(db, home, by, "D", [thing], outcome="denied", rule=leading.RULE)
        raise DeniedError(
            "DENY-UNIT",
            "Vai trò này chỉ người quản trị giao và thu hồi.",
            hint="Đề nghị người quản trị; hoặc trả lời ở rà soát quyền.",
            who="người quản trị",
        )
    number = changes.required_document(document)
    _record(db, home, by, "D", one.account_id, one.unit, one.role, number, None, rule)
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
    rule: str,
) -> None:
    detail = {"unit": unit, "role": role, "until": until and until.isoformat()}
    thing = changes.entity("membership", account_id, detail)
    changes.record(db, home, by, action, [thing], document=document, rule=rule)
