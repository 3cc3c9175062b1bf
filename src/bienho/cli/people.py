"""Commands about who may: accounts, and the record of looks."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from bienho.cli import credentials
from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console, number, told
from bienho.core.errors import IntegrityError
from bienho.governance import ACCOUNT_ROLES, accounts
from bienho.governance import audit as audits
from bienho.governance.replay import replay
from bienho.pipeline import ask, open_app


@click.group()
def account() -> None:
    """Tài khoản và vai trò."""


@account.command("list")
@JSON
@click.pass_obj
def account_list(home: Path | None, json_: bool) -> None:
    """Liệt kê tài khoản."""
    with open_app(home) as app:
        ask.permit(app, "list-accounts")
        found = accounts.list_accounts(app.database)
    rows = [(one.account_id, one.name, one.os_user, ", ".join(one.roles), one.active) for one in found]
    columns = ("account", "name", "os_user", "roles", "active")
    if json_:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        as_table(("Tài khoản", "Tên", "Người dùng hệ điều hành", "Vai trò", "Đang dùng"), rows)


@account.command("add")
@click.argument("account_id")
@click.option("--name", required=True, help="Họ tên hoặc tên đơn vị.")
@click.option("--os-user", help="Người dùng hệ điều hành được gắn với tài khoản.")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(sorted(ACCOUNT_ROLES)), help="Vai trò của riêng tài khoản."
)
@click.pass_obj
def account_add(home: Path | None, account_id: str, name: str, os_user: str | None, roles: tuple[str, ...]) -> None:
    """Thêm tài khoản; tài khoản đầu tiên của kho mới do người cài đặt tạo."""
    with open_app(home) as app:
        first = not accounts.list_accounts(app.database)
        by = None if first else ask.caller(app)
        accounts.add(app.database, app.home, account_id=account_id, name=name, os_user=os_user, roles=roles, by=by)
    console.print(f"Đã thêm tài khoản {account_id}.")


@account.command("change")
@click.argument("account_id")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(sorted(ACCOUNT_ROLES)), help="Thay mọi vai trò đang có."
)
@click.option("--close/--open", "closed", default=None, help="Đóng hoặc mở lại tài khoản.")
@click.pass_obj
def account_change(home: Path | None, account_id: str, roles: tuple[str, ...], closed: bool | None) -> None:
    """Đổi vai trò, đóng hoặc mở lại tài khoản; có hiệu lực ngay, kể cả ở phiên đang mở."""
    if not roles and closed is None:
        raise click.UsageError("Nêu --role, --close hoặc --open.")
    with open_app(home) as app:
        active = None if closed is None else not closed
        by = ask.caller(app)
        accounts.change(app.database, app.home, by=by, account_id=account_id, roles=roles or None, active=active)
    console.print(f"Đã đổi tài khoản {account_id}.")


for _command in (
    credentials.invite,
    credentials.password,
    credentials.second_factor,
    credentials.recover,
    credentials.approve,
    credentials.recoveries,
    credentials.bind,
    credentials.unbind,
    credentials.identities,
):
    account.add_command(_command)


@click.group()
def audit() -> None:
    """Nhật ký truy cập."""


@audit.command("verify")
@JSON
@click.pass_obj
def audit_verify(home: Path | None, json_: bool) -> None:
    """Kiểm tra chuỗi nhật ký: có dòng nào bị sửa, xóa, đảo hay không."""
    with open_app(home) as app:
        status = audits.verify(app.database, app.keys, app.home)
    if json_:
        as_json({"ok": status.ok, "events": status.events, "problem": status.problem})
    elif status.ok:
        console.print(f"Chuỗi nhật ký nguyên vẹn: {number(status.events)} sự kiện.")
    if not status.ok:
        told(IntegrityError("INT-AUDIT", status.message_vi, who="người quản trị, báo ngay"))


@audit.command("replay")
@click.argument("event")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Dùng bộ chính sách có hiệu lực ngày này.")
@JSON
@click.pass_obj
def audit_replay(home: Path | None, event: str, as_of: datetime | None, json_: bool) -> None:
    """Làm lại quyết định của một sự kiện (id hoặc số thứ tự) và cho biết có giống không."""
    with open_app(home) as app:
        ask.permit(app, "audit", "replay")
        then, now, found = replay(app.database, event, as_of=as_of.date() if as_of else None)
    if json_:
        as_json({"revision": then, "asked": now, "decisions": [{**asdict(one), "same": one.same} for one in found]})
        return
    heads = ("Bộ dữ liệu", "Việc", "Khi đó", "Nay", "Điều luật", "So sánh")
    rows = [
        (
            one.dataset, one.action, _said(one.then, one.then_rule), _said(one.now, one.now_rule),
            "; ".join(one.articles), "giống" if one.same else "KHÁC",
        )
        for one in found
    ]  # fmt: skip
    as_table(heads, rows, title=f"Bộ chính sách khi đó {then}, nay hỏi {now}")


def _said(allowed: bool, rule: str) -> str:
    return f"{'cho' if allowed else 'từ chối'} ({rule})"
