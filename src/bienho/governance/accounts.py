"""Accounts: who may come in, under which roles. Version 0 has no sign-in of its own.

The command line's actor is the operating-system user mapped to an account; an unmapped user is refused, except in demo
mode, where the demo account stands in. Every change is an AuditEvent.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from bienho.config import Home
from bienho.core.errors import DeniedError, UsageError
from bienho.core.posix import pwd
from bienho.database import Database, Role, storage_errors
from bienho.governance import changes
from bienho.governance.actor import Actor
from bienho.governance.changes import SYSTEM
from bienho.governance.roles import ACCOUNT_ROLES, ADMINISTRATOR

DEMO_ACCOUNT = "demo"
_ACCOUNT_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_COLUMNS = "account_id, name, os_user, roles, active"


@dataclass(frozen=True, slots=True)
class Account:
    """One account as stored. `os_user` is the operating-system user it stands for, or None."""

    account_id: str
    name: str
    os_user: str | None
    roles: tuple[str, ...]
    active: bool

    def actor(self, door: str) -> Actor:
        """The actor this account is when it comes through a door."""
        return Actor(self.account_id, self.name, self.roles, door)


def os_user() -> str:
    """Name of the operating-system user this process runs as (not an environment variable, which anyone may set)."""
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"


def find(db: Database, account_id: str) -> Account | None:
    """The active account of that id, or None when it is unknown or closed."""
    found = _select(db, "account_id = %s AND active", account_id)
    return found[0] if found else None


def list_accounts(db: Database) -> list[Account]:
    """Every account, closed ones too, by id."""
    return _select(db, "%s::text IS NULL", None)


def actor_for_os_user(db: Database, home: Home) -> Actor:
    """The actor of whoever runs this process; DeniedError DENY-ACCOUNT when no active account is mapped to them."""
    user = os_user()
    found = _select(db, "os_user = %s", user)
    if found and found[0].active:
        return found[0].actor("cli")
    if not found and home.mode == "demo":
        demo = ensure_demo_account(db, home)
        if demo.active:
            return demo.actor("cli")
    raise DeniedError(
        "DENY-ACCOUNT",
        f"Người dùng hệ điều hành «{user}» không gắn với tài khoản nào đang dùng.",
        hint="Người quản trị thêm bằng lệnh `bienho account add`.",
        who="người quản trị tài khoản",
    )


def ensure_demo_account(db: Database, home: Home) -> Account:
    """The account of the demo, holding every role; made on first use. ConfigError outside demo mode."""
    if home.mode != "demo":
        raise UsageError("USE-DEMO-ONLY", "Tài khoản trình diễn chỉ có ở chế độ demo.")
    known = _select(db, "account_id = %s", DEMO_ACCOUNT)
    if known:
        return known[0]
    account = Account(DEMO_ACCOUNT, "Tài khoản trình diễn", None, ACCOUNT_ROLES, True)
    create(db, home, account, by=SYSTEM, replace_nothing=True)
    return account


def add(
    db: Database,
    home: Home,
    *,
    by: Actor | None,
    account_id: str,
    name: str,
    roles: Collection[str],
    os_user: str | None = None,
) -> Account:
    """Make an account. `by` None is allowed for the very first account only: whoever holds the key sets up the house.

    The first one is an administrator with a user of the operating system: nobody else could ever add a second.

    UsageError USE-ACCOUNT-…; Denied when `by` is no administrator.
    """
    account = new(account_id, name, roles, os_user)
    _may_manage(db, home, by, first_allowed=True)
    if by is None and not (os_user and ADMINISTRATOR in account.roles):
        raise UsageError(
            "USE-ACCOUNT-FIRST",
            "Tài khoản đầu tiên phải là người quản trị và gắn với một người dùng hệ điều hành.",
            hint=f"Thêm --role {ADMINISTRATOR} --os-user TÊN; nếu không, sẽ không ai thêm được tài khoản sau.",
        )
    create(db, home, account, by=by or unmapped())
    return account


def new(account_id: str, name: str, roles: Collection[str] = (), os_user: str | None = None) -> Account:
    """An account that may be made, not made yet; UsageError USE-ACCOUNT-ID, -NAME, -ROLE."""
    if not _ACCOUNT_ID.match(account_id):
        raise UsageError("USE-ACCOUNT-ID", "Mã tài khoản gồm chữ thường, số, dấu chấm, gạch; tối đa 64 ký tự.")
    if not name.strip():
        raise UsageError("USE-ACCOUNT-NAME", "Tài khoản phải có tên người.")
    return Account(account_id, name.strip(), os_user, _checked_roles(roles), True)


def change(
    db: Database,
    home: Home,
    *,
    by: Actor,
    account_id: str,
    roles: Collection[str] | None = None,
    active: bool | None = None,
    now: datetime | None = None,
) -> Account:
    """Give other roles, close or reopen an account. The last active administrator can be neither demoted nor closed.

    Closing ends its sessions. Opening, also of an account that is open, lets its idle days begin anew.
    """
    _may_manage(db, home, by)
    known = _select(db, "account_id = %s", account_id)
    if not known:
        raise UsageError("USE-ACCOUNT-UNKNOWN", "Không có tài khoản này.", hint="Xem `bienho account list`.")
    before = known[0]
    after = Account(
        before.account_id,
        before.name,
        before.os_user,
        before.roles if roles is None else _checked_roles(roles),
        before.active if active is None else active,
    )
    keeps = after.active and ADMINISTRATOR in after.roles
    others = [a for a in list_accounts(db) if a.active and ADMINISTRATOR in a.roles and a.account_id != account_id]
    if not keeps and not others:
        raise UsageError("USE-ACCOUNT-LAST", "Phải còn ít nhất một người quản trị đang hoạt động.")
    moment = now or datetime.now(UTC)
    _record(home, db, by, "U", after)
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        connection.execute(
            "UPDATE governance.account SET roles = %(roles)s, active = %(active)s, changed_at = now(),"
            " woken_at = CASE WHEN %(wake)s THEN %(now)s ELSE woken_at END WHERE account_id = %(id)s",
            {"roles": list(after.roles), "active": after.active, "wake": bool(active), "now": moment, "id": account_id},
        )
        if not after.active:
            connection.execute(
                "UPDATE governance.session SET ended_at = %s, end_reason = 'closed'"
                " WHERE account_id = %s AND ended_at IS NULL",
                (moment, account_id),
            )
    return after


def unmapped() -> Actor:
    """Whoever runs this process, without an account: what the record names them by."""
    return Actor(f"os:{os_user()}", os_user(), (), "cli")


def _checked_roles(roles: Collection[str]) -> tuple[str, ...]:
    if set(roles) - set(ACCOUNT_ROLES):
        raise UsageError(
            "USE-ACCOUNT-ROLE",
            "Vai trò của riêng tài khoản phải nằm trong danh sách.",
            hint=f"{', '.join(ACCOUNT_ROLES)}; vai trò khác do đơn vị giao: `bienho member add`.",
        )
    return tuple(role for role in ACCOUNT_ROLES if role in roles)


def _may_manage(db: Database, home: Home, by: Actor | None, *, first_allowed: bool = False) -> None:
    if by is None:
        if first_allowed and not list_accounts(db):
            return
        raise DeniedError("DENY-ACCOUNT", "Chỉ người quản trị được thêm tài khoản.", who="người quản trị tài khoản")
    changes.must_manage(db, home, by)


def _select(db: Database, where: str, value: str | None) -> list[Account]:
    with db.connect(Role.GOVERNANCE) as connection, storage_errors():
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM governance.account WHERE {where} ORDER BY account_id", (value,)
        ).fetchall()
    return [Account(row[0], row[1], row[2], tuple(row[3]), row[4]) for row in rows]


def create(db: Database, home: Home, account: Account, *, by: Actor, replace_nothing: bool = False) -> None:
    """Store an account; asks no right: whoever calls has. UsageError USE-ACCOUNT-TAKEN.

    The event first, then the account: an account nobody heard of is worse than an event about none.
    """
    _record(home, db, by, "C", account)
    conflict = " ON CONFLICT DO NOTHING" if replace_nothing else ""
    try:
        with db.connect(Role.GOVERNANCE) as connection:
            connection.execute(
                f"INSERT INTO governance.account ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s){conflict}",
                (account.account_id, account.name, account.os_user, list(account.roles), account.active),
            )
    except psycopg.errors.UniqueViolation:
        raise UsageError(
            "USE-ACCOUNT-TAKEN", "Mã tài khoản hoặc người dùng hệ điều hành này đã có tài khoản."
        ) from None


def _record(home: Home, db: Database, by: Actor, action: str, account: Account) -> None:
    detail = {"roles": list(account.roles), "active": account.active, "os_user": account.os_user}
    changes.record(db, home, by, action, [changes.entity("account", account.account_id, detail)])
