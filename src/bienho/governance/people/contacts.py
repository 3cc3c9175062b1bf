"""Contacts: whom to call about a unit's data, and about its security. Dated; one of each in force at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg

from bienho.config import Home
from bienho.core.errors import UsageError
from bienho.database import Database, Role, storage_errors
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.people.units import Unit, unknown, upwards

Matter = Literal["data", "security"]
MATTERS: dict[str, str] = {"data": "Đầu mối dữ liệu", "security": "Đầu mối an toàn thông tin"}


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact: an account, or a name with the telephone of an office."""

    unit: str
    matter: Matter
    account_id: str | None
    name: str
    phone: str | None
    since: datetime
    until: datetime | None
    document: str


def list_contacts(db: Database, *, unit: str | None = None, at: datetime | None = None) -> list[Contact]:
    """Contacts by unit and matter, newest first; `at`: those in force then only."""
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute(
            "SELECT c.unit_code, c.matter, c.account_id, coalesce(a.name, c.name), c.phone, c.since, c.until,"
            " c.document"
            " FROM governance.unit_contact AS c LEFT JOIN governance.account AS a USING (account_id)"
            " WHERE (%(unit)s::text IS NULL OR c.unit_code = %(unit)s) AND (%(at)s::timestamptz IS NULL"
            " OR (c.since <= %(at)s AND (c.until IS NULL OR %(at)s < c.until)))"
            " ORDER BY c.unit_code, c.matter, c.contact_id DESC",
            {"unit": unit, "at": at},
        ).fetchall()
    return [Contact(*row) for row in rows]


def nearest(tree: Mapping[str, Unit], named: Sequence[Contact], code: str, matter: str) -> Contact | None:
    """Whom a member of a unit asks: the unit's own contact, else that of the nearest unit above. `named`: in force."""
    found = {(one.unit, one.matter): one for one in named}
    return next((found[at, matter] for at in upwards(tree, code) if (at, matter) in found), None)  # type: ignore[index]


def name_contact(
    db: Database,
    home: Home,
    *,
    by: Actor,
    unit: str,
    matter: Matter,
    document: str,
    now: datetime,
    account_id: str | None = None,
    name: str | None = None,
    phone: str | None = None,
) -> None:
    """Name the contact of a unit from now on; the one before ends. An account, or a name and an office's telephone.

    UsageError USE-CONTACT when neither or both are given, USE-UNIT-UNKNOWN, USE-ACCOUNT-UNKNOWN.
    """
    changes.must_manage(db, home, by)
    number = changes.required_document(document)
    if (account_id is None) != bool(name and phone) or matter not in MATTERS:
        raise UsageError("USE-CONTACT", "Nêu một tài khoản, hoặc họ tên cùng số điện thoại cơ quan.")
    detail = {"matter": matter, "account": account_id, "name": name}
    changes.record(db, home, by, "U", [changes.entity("unit-contact", unit, detail)], document=number)
    try:
        with db.connect(Role.GOVERNANCE) as connection:
            connection.execute(
                "UPDATE governance.unit_contact SET until = greatest(%s, since)"
                " WHERE unit_code = %s AND matter = %s AND until IS NULL",
                (now, unit, matter),
            )
            connection.execute(
                "INSERT INTO governance.unit_contact"
                " (unit_code, matter, account_id, name, phone, since, given_by, document)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (unit, matter, account_id, name, phone, now, by.account_id, number),
            )
    except psycopg.errors.ForeignKeyViolation as error:
        if error.diag.constraint_name and "account" in error.diag.constraint_name:
            raise UsageError(
                "USE-ACCOUNT-UNKNOWN", "Không có tài khoản này.", hint="Xem `bienho account list`."
            ) from None
        raise unknown(unit) from None
    except psycopg.errors.CheckViolation:
        raise UsageError("USE-CONTACT", "Số điện thoại cơ quan chỉ gồm chữ số, dấu cách và + ( ) . -") from None
