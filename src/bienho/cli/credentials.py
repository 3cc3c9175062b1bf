"""Commands about how somebody signs in: invitation, password, second factor, recovery by two persons.

Secrets are asked for on the terminal, or read line by line from standard input; they are never arguments, which other
users of the machine can see.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from bienho.cli.output import as_table, console
from bienho.core.errors import UsageError
from bienho.governance import Actor, people
from bienho.pipeline import App, ask, open_app

DOCUMENT = click.option("--document", required=True, help="Số văn bản làm căn cứ, như 123/QĐ-SYT.")


@click.command()
@click.argument("account_id")
@click.pass_obj
def invite(home: Path | None, account_id: str) -> None:
    """Cấp mã mời để một người đặt mật khẩu đầu tiên; trao tận tay."""
    with open_app(home) as app:
        token = people.credentials.invite(
            app.database, app.home, by=ask.caller(app), account_id=account_id, now=datetime.now(UTC)
        )
    console.print(f"Mã mời (dùng một lần, trong {people.NUMBERS.invitation_hours} giờ):")
    _show(token)


@click.command()
@click.option("--invited", is_flag=True, help="Đặt mật khẩu đầu tiên bằng mã mời.")
@click.pass_obj
def password(home: Path | None, invited: bool) -> None:
    """Đặt hoặc đổi mật khẩu của mình. Nhập lần lượt: mã mời hoặc mật khẩu đang dùng (nếu có), rồi mật khẩu mới."""
    with open_app(home) as app:
        now = datetime.now(UTC)
        if invited:
            token, new = ask_secret("Mã mời"), ask_secret("Mật khẩu mới")
            account_id = people.credentials.accept(
                app.database, app.home, token=token, password=new, door="cli", now=now
            )
        else:
            by = ask.caller(app)
            account_id = by.account_id
            if people.credentials.has_password(app.database, account_id):
                current, new = ask_secret("Mật khẩu đang dùng"), ask_secret("Mật khẩu mới")
                people.credentials.change(
                    app.database, app.home, account_id=account_id, current=current, new=new, address="", door="cli",
                    now=now,
                )  # fmt: skip
            else:
                people.credentials.set_first(
                    app.database, app.home, by=by, password=ask_secret("Mật khẩu mới"), now=now
                )
    console.print(f"Đã đặt mật khẩu của tài khoản {account_id}; mọi phiên đang mở đã kết thúc.")


@click.command("second-factor")
@click.option("--confirm", is_flag=True, help="Nhập mã đang hiện trên điện thoại để bật thiết bị vừa thêm.")
@click.pass_obj
def second_factor(home: Path | None, confirm: bool) -> None:
    """Thêm ứng dụng tạo mã một lần cho tài khoản của mình; đã có lớp thứ hai thì phải nhập cả hai lớp trước."""
    with open_app(home) as app:
        by = ask.caller(app)
        now = datetime.now(UTC)
        if confirm:
            codes = people.factors.confirm_totp(app.database, app.home, by=by, code=ask_secret("Mã đang hiện"), now=now)
            console.print("Đã bật lớp xác thực thứ hai. Mã khôi phục, mỗi mã dùng một lần, cất ở nơi an toàn:")
            for code in codes:
                _show(code)
            return
        if people.factors.works(app.database, by.account_id):
            by = _with_two_factors(app, by)
        address = people.factors.begin_totp(app.database, app.home, by=by, now=now)
    console.print("Nhập địa chỉ này vào ứng dụng tạo mã, rồi chạy `bienho account second-factor --confirm`:")
    _show(address)


@click.command()
@click.argument("account_id")
@DOCUMENT
@click.pass_obj
def recover(home: Path | None, account_id: str, document: str) -> None:
    """Yêu cầu khôi phục tài khoản của người khác; một người thứ hai phải duyệt. Nhập mật khẩu và mã của mình."""
    with open_app(home) as app:
        by = _with_two_factors(app, ask.caller(app))
        made = people.recovery.ask(
            app.database, app.home, by=by, account_id=account_id, document=document, now=datetime.now(UTC)
        )
    console.print(f"Đã lập yêu cầu số {made.recovery_id}; người thứ hai duyệt bằng `bienho account approve`.")


@click.command()
@click.argument("recovery_id", type=int)
@click.pass_obj
def approve(home: Path | None, recovery_id: int) -> None:
    """Duyệt yêu cầu khôi phục do người khác lập; in mã mời cho chủ tài khoản. Nhập mật khẩu và mã của mình."""
    with open_app(home) as app:
        by = _with_two_factors(app, ask.caller(app))
        token = people.recovery.approve(app.database, app.home, by=by, recovery_id=recovery_id, now=datetime.now(UTC))
    console.print("Mật khẩu và lớp thứ hai cũ đã xóa. Mã mời, trao tận tay chủ tài khoản:")
    _show(token)


@click.command()
@click.pass_obj
def recoveries(home: Path | None) -> None:
    """Các yêu cầu khôi phục đang chờ người thứ hai."""
    with open_app(home) as app:
        ask.permit(app, "list-accounts", "recoveries")
        found = people.recovery.waiting(app.database, datetime.now(UTC))
    rows = [(one.recovery_id, one.account_id, one.asked_by, one.document, one.expires_at) for one in found]
    as_table(("Số", "Tài khoản", "Người yêu cầu", "Văn bản", "Hết hạn"), rows)


def _with_two_factors(app: App, by: Actor) -> Actor:
    own, code = ask_secret("Mật khẩu của bạn"), ask_secret("Mã dùng một lần của bạn")
    return people.signing_in.step_up(
        app.database, app.home, by=by, password=own, code=code, address="", now=datetime.now(UTC)
    )


def ask_secret(label: str) -> str:
    """One secret: from the terminal without showing it, otherwise the next line of standard input."""
    if sys.stdin.isatty():
        return str(click.prompt(label, hide_input=True, err=True))
    line = sys.stdin.readline()
    if not line:
        raise UsageError("USE-SECRET", f"Thiếu một dòng trên đầu vào chuẩn: {label.lower()}.")
    return line.rstrip("\r\n")


def _show(text: str) -> None:
    console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)


@click.command()
@click.argument("account_id")
@DOCUMENT
@click.pass_obj
def bind(home: Path | None, account_id: str, document: str) -> None:
    """Gắn danh tính của dịch vụ đăng nhập ngoài với tài khoản người khác. Nhập mã giới thiệu mà người đó được đưa."""
    with open_app(home) as app:
        people.external.bind(
            app.database, app.home, by=ask.caller(app), code=ask_secret("Mã giới thiệu"), account_id=account_id,
            document=document, now=datetime.now(UTC),
        )  # fmt: skip
    console.print(f"Đã gắn danh tính với tài khoản {account_id}.")


@click.command()
@click.argument("account_id")
@DOCUMENT
@click.pass_obj
def unbind(home: Path | None, account_id: str, document: str) -> None:
    """Gỡ mọi danh tính ngoài của một tài khoản và kết thúc các phiên của tài khoản đó."""
    with open_app(home) as app:
        count = people.external.unbind(
            app.database, app.home, by=ask.caller(app), account_id=account_id, document=document, now=datetime.now(UTC)
        )
    console.print(f"Đã gỡ {count} danh tính của tài khoản {account_id}.")


@click.command()
@click.pass_obj
def identities(home: Path | None) -> None:
    """Danh tính ngoài đang gắn với tài khoản nào, do ai gắn, theo văn bản nào."""
    with open_app(home) as app:
        ask.permit(app, "list-accounts")
        found = people.external.list_bound(app.database)
    rows = [(one.account_id, one.issuer, one.bound_by, one.document, one.bound_at) for one in found]
    as_table(("Tài khoản", "Dịch vụ", "Người gắn", "Văn bản", "Lúc"), rows)


def keep_secret(app: App, name: str, what: str, document: str) -> None:
    """Ask for a secret of the house itself and keep it sealed."""
    people.door_secrets.keep(
        app.database, app.home, by=ask.caller(app), name=name, secret=ask_secret(what), document=document,
        now=datetime.now(UTC),
    )  # fmt: skip
    console.print(f"Đã cất {what.lower()}, niêm phong bằng khóa của kho.", markup=False)


@click.command("sso-secret")
@DOCUMENT
@click.pass_obj
def sso_secret(home: Path | None, document: str) -> None:
    """Cất bí mật của kho ở dịch vụ đăng nhập ngoài (doors.yaml, sso); nhập từ bàn phím hoặc đầu vào chuẩn."""
    with open_app(home) as app:
        keep_secret(app, people.door_secrets.SSO, "Bí mật", document)
