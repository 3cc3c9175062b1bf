"""Commands about notices: how sending stands, the password of the mail server, a trial."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path

import click

from bienho.cli.credentials import DOCUMENT, keep_secret
from bienho.cli.data import JSON
from bienho.cli.output import as_json, console, number
from bienho.config import read_notice_ways
from bienho.core.errors import ConfigError
from bienho.governance import people
from bienho.governance.notices.outbox import Outbox
from bienho.governance.notices.settings import checked_address
from bienho.pipeline import ask, open_app
from bienho.pipeline.notices.sending import trial


@click.group()
def notices() -> None:
    """Thông báo gửi ra ngoài: tình trạng, mật khẩu máy chủ thư, gửi thử."""


@notices.command("status")
@JSON
@click.pass_obj
def status(home: Path | None, json_: bool) -> None:
    """Đường gửi nào đang bật, bao nhiêu thư đã gửi, đang chờ, đã bỏ."""
    with open_app(home) as app:
        ask.permit(app, "job", "notices-status")
        ways = read_notice_ways(app.home)
        stands = Outbox(app.database).standing()
    if json_:
        as_json({"mail": ways.mail is not None, "webhooks": ways.webhooks, **stands})
        return
    server = f"{ways.mail.host}:{ways.mail.port} ({ways.mail.security})" if ways.mail else "chưa bật"
    console.print(f"Thư điện tử: {server}. Địa chỉ https: {'đã bật' if ways.webhooks else 'chưa bật'}.", markup=False)
    console.print("Đã gửi {}, đang chờ {}, đã bỏ {}.".format(*(number(stands[s]) for s in ("sent", "waiting", "dead"))))


@notices.command("secret")
@DOCUMENT
@click.pass_obj
def secret(home: Path | None, document: str) -> None:
    """Cất mật khẩu của kho ở máy chủ thư (notices.yaml, mail); nhập từ bàn phím hoặc đầu vào chuẩn."""
    with open_app(home) as app:
        keep_secret(app, people.door_secrets.SMTP, "Mật khẩu", document)


@notices.command("test")
@click.argument("address")
@click.option("--language", type=click.Choice(["vi", "en"]), default="vi", show_default=True, help="Ngôn ngữ của thư.")
@click.pass_obj
def test(home: Path | None, address: str, language: str) -> None:
    """Gửi ngay một thư thử, không có số liệu nào, đến một địa chỉ thư điện tử."""
    with open_app(home) as app:
        ask.permit(app, "manage", "notices-test")
        ways = read_notice_ways(app.home)
        if ways.mail is None:
            raise ConfigError(
                "CFG-NOTICES-OFF",
                "Kho chưa bật gửi thư: không có mail trong notices.yaml.",
                hint="Ghi notices.yaml theo docs/deployment.md.",
                who="người vận hành",
            )
        to = checked_address("mail", address, ways.mail.domains)
        trial(app, ways, to, language, uuid.uuid4().hex, datetime.now(UTC))
    console.print("Máy chủ thư đã nhận thư thử.")
