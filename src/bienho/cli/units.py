"""Commands about units, who is in them, the access review, and the systems that connect."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path

import click

from bienho.cli.credentials import DOCUMENT, sso_secret
from bienho.cli.data import JSON
from bienho.cli.output import as_json, as_table, console
from bienho.core.errors import UsageError
from bienho.governance import ROLES, people
from bienho.governance.people.contacts import MATTERS
from bienho.governance.people.reviews import REASONS
from bienho.governance.people.systems import SCOPES
from bienho.governance.people.units import KINDS, LOCAL, Unit
from bienho.pipeline import ask, open_app

DAY = click.DateTime(formats=["%Y-%m-%d"])
STATES = {"confirmed": "đã xác nhận", "due": "đến hạn", "late": "QUÁ HẠN"}


@click.group()
def unit() -> None:
    """Đơn vị và đầu mối của đơn vị."""


@unit.command("list")
@click.option("--kind", type=click.Choice(sorted(KINDS)), help="Chỉ loại đơn vị này.")
@JSON
@click.pass_obj
def unit_list(home: Path | None, kind: str | None, json_: bool) -> None:
    """Liệt kê đơn vị đang có hiệu lực và đầu mối của chúng."""
    with open_app(home) as app:
        ask.caller(app)
        now = datetime.now(UTC)
        found = people.units.list_units(app.database, kind=kind, day=people.units.local_day(now))
        contacts = {(one.unit, str(one.matter)): one for one in people.contacts.list_contacts(app.database, at=now)}
    rows = []
    for one in found:
        named = [contacts.get((one.code, matter)) for matter in ("data", "security")]
        whom = [contact and " ".join(part for part in (contact.name, contact.phone) if part) for contact in named]
        rows.append((one.code, one.name, one.kind, one.parent, one.facility_code, one.commune_code, *whom))
    columns = ("unit", "name", "kind", "parent", "facility", "commune", "data_contact", "security_contact")
    if json_:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        titles = ("Mã", "Tên", "Loại", "Cấp trên", "Cơ sở", "Xã", "Đầu mối dữ liệu", "Đầu mối an toàn")
        as_table(titles, [(*row[:2], KINDS[str(row[2])].title_vi, *row[3:]) for row in rows])


@unit.command("add")
@click.argument("code")
@click.option("--name", required=True, help="Tên đơn vị.")
@click.option("--kind", required=True, type=click.Choice(sorted(KINDS)))
@click.option("--parent", help="Mã đơn vị cấp trên.")
@click.option("--facility", help="Mã cơ sở khám chữa bệnh, nếu là cơ sở.")
@click.option("--commune", help="Mã xã, phường.")
@click.option("--domain", "domains", multiple=True, help="Lĩnh vực dữ liệu phụ trách.")
@click.option("--from", "since", type=DAY, help="Ngày có hiệu lực; mặc định hôm nay.")
@DOCUMENT
@click.pass_obj
def unit_add(
    home: Path | None,
    code: str,
    name: str,
    kind: str,
    parent: str | None,
    facility: str | None,
    commune: str | None,
    domains: tuple[str, ...],
    since: datetime | None,
    document: str,
) -> None:
    """Thêm đơn vị."""
    now = datetime.now(UTC)
    first = since.date() if since else people.units.local_day(now)
    made = Unit(code, name, kind, parent, facility, commune, domains, first, None, document)
    with open_app(home) as app:
        people.units.add(app.database, app.home, by=ask.caller(app), unit=made, now=now)
    console.print(f"Đã thêm đơn vị {code}.")


@unit.command("change")
@click.argument("code")
@click.option("--name", help="Tên mới.")
@click.option("--parent", help="Mã đơn vị cấp trên; để trống '' nếu không còn.")
@click.option("--domain", "domains", multiple=True, help="Thay mọi lĩnh vực đang có.")
@click.option("--until", type=DAY, help="Ngày đầu tiên không còn hiệu lực.")
@DOCUMENT
@click.pass_obj
def unit_change(
    home: Path | None,
    code: str,
    name: str | None,
    parent: str | None,
    domains: tuple[str, ...],
    until: datetime | None,
    document: str,
) -> None:
    """Đổi tên, đổi cấp trên, đổi lĩnh vực hoặc cho đơn vị hết hiệu lực."""
    if name is None and parent is None and not domains and until is None:
        raise click.UsageError("Nêu --name, --parent, --domain hoặc --until.")
    with open_app(home) as app:
        people.units.change(
            app.database, app.home, by=ask.caller(app), code=code, document=document, now=datetime.now(UTC),
            name=name, parent=parent, domains=domains or None, valid_to=until.date() if until else None,
        )  # fmt: skip
    console.print(f"Đã đổi đơn vị {code}.")


@unit.command("contact")
@click.argument("code")
@click.option("--matter", required=True, type=click.Choice(sorted(MATTERS)), help="Dữ liệu hay an toàn thông tin.")
@click.option("--account", help="Tài khoản của đầu mối.")
@click.option("--name", help="Họ tên đầu mối không có tài khoản.")
@click.option("--phone", help="Điện thoại cơ quan.")
@DOCUMENT
@click.pass_obj
def unit_contact(
    home: Path | None, code: str, matter: str, account: str | None, name: str | None, phone: str | None, document: str
) -> None:
    """Cử đầu mối của đơn vị từ nay; đầu mối trước hết vai."""
    with open_app(home) as app:
        people.contacts.name_contact(
            app.database, app.home, by=ask.caller(app), unit=code, matter="data" if matter == "data" else "security",
            document=document, now=datetime.now(UTC), account_id=account, name=name, phone=phone,
        )  # fmt: skip
    console.print(f"Đã cử {MATTERS[matter].lower()} của đơn vị {code}.")


@click.group()
def member() -> None:
    """Ai giữ vai trò gì ở đơn vị nào."""


@member.command("list")
@click.option("--account", help="Chỉ tài khoản này.")
@click.option("--unit", "unit_", help="Chỉ đơn vị này.")
@JSON
@click.pass_obj
def member_list(home: Path | None, account: str | None, unit_: str | None, json_: bool) -> None:
    """Liệt kê các lần giao quyền đang có hiệu lực."""
    with open_app(home) as app:
        ask.permit(app, "list-accounts", "members")
        found = people.memberships.list_members(app.database, account_id=account, unit=unit_, at=datetime.now(UTC))
    columns = ("membership", "account", "unit", "role", "since", "until", "given_by", "document")
    rows = [
        (one.membership_id, one.account_id, one.unit, one.role, one.since, one.until, one.given_by, one.document)
        for one in found
    ]
    if json_:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        as_table(("Số", "Tài khoản", "Đơn vị", "Vai trò", "Từ", "Đến", "Người giao", "Văn bản"), rows)


@member.command("add")
@click.argument("account_id")
@click.argument("unit_code")
@click.argument("role", type=click.Choice(sorted(ROLES)))
@click.option("--until", type=DAY, help="Ngày đầu tiên không còn hiệu lực.")
@DOCUMENT
@click.pass_obj
def member_add(
    home: Path | None, account_id: str, unit_code: str, role: str, until: datetime | None, document: str
) -> None:
    """Giao cho tài khoản một vai trò ở một đơn vị."""
    end = datetime.combine(until.date(), time(), LOCAL) if until else None
    with open_app(home) as app:
        made = people.memberships.give(
            app.database, app.home, by=ask.caller(app), account_id=account_id, unit=unit_code, role=role,
            document=document, now=datetime.now(UTC), until=end,
        )  # fmt: skip
    console.print(f"Đã giao quyền, số {made.membership_id}.")


@member.command("end")
@click.argument("membership_id", type=int)
@DOCUMENT
@click.pass_obj
def member_end(home: Path | None, membership_id: int, document: str) -> None:
    """Thu hồi một lần giao quyền."""
    with open_app(home) as app:
        people.memberships.end(
            app.database, app.home, by=ask.caller(app), membership_id=membership_id, document=document,
            now=datetime.now(UTC),
        )  # fmt: skip
    console.print(f"Đã thu hồi lần giao quyền số {membership_id}.")


@click.group()
def review() -> None:
    """Rà soát quyền truy cập sáu tháng một lần."""


@review.command("list")
@click.option("--unit", "unit_", help="Chỉ đơn vị này.")
@click.option("--all", "everything", is_flag=True, help="Cả những quyền chưa đến hạn.")
@JSON
@click.pass_obj
def review_list(home: Path | None, unit_: str | None, everything: bool, json_: bool) -> None:
    """Những quyền phải xác nhận trong đơn vị mình và cấp dưới, ai xác nhận, hạn nào; quá hạn xếp trước."""
    with open_app(home) as app:
        actor = ask.permit(app, "list-members", "review")
        led = people.leading.led(actor, {one.code: one for one in people.units.list_units(app.database)})
        found = people.reviews.worklist(app.database, datetime.now(UTC), unit=unit_, everything=everything)
        found = [item for item in found if item.member.unit in led]
    columns = ("membership", "account", "unit", "role", "due", "state", "confirmers")
    rows = [
        (item.member.membership_id, item.member.account_id, item.member.unit, item.member.role, item.due, item.state)
        for item in found
    ]
    asked = [item.confirmers for item in found]
    if json_:
        as_json([dict(zip(columns, (*row, names), strict=True)) for row, names in zip(rows, asked, strict=True)])
    else:
        shown = [(*row[:5], STATES[row[5]], ", ".join(names)) for row, names in zip(rows, asked, strict=True)]
        as_table(("Số", "Tài khoản", "Đơn vị", "Vai trò", "Hạn", "Tình trạng", "Người xác nhận"), shown)


@review.command("confirm")
@click.argument("membership_id", type=int)
@click.pass_obj
def review_confirm(home: Path | None, membership_id: int) -> None:
    """Xác nhận quyền vẫn cần; sáu tháng tính lại từ đầu."""
    with open_app(home) as app:
        people.reviews.confirm(
            app.database, app.home, by=ask.caller(app), membership_id=membership_id, now=datetime.now(UTC)
        )
    console.print(f"Đã xác nhận quyền số {membership_id}.")


@review.command("end")
@click.argument("membership_id", type=int)
@click.option("--reason", required=True, type=click.Choice(sorted(REASONS)), help="Vì sao không còn cần.")
@click.pass_obj
def review_end(home: Path | None, membership_id: int, reason: str) -> None:
    """Trả lời là quyền không còn cần; quyền hết ngay."""
    with open_app(home) as app:
        people.reviews.end(
            app.database, app.home, by=ask.caller(app), membership_id=membership_id, now=datetime.now(UTC),
            reason=reason,
        )  # fmt: skip
    console.print(f"Đã thu hồi quyền số {membership_id}.")


@click.group()
def client() -> None:
    """Hệ thống kết nối của đơn vị, đối tác."""


@client.command("list")
@JSON
@click.pass_obj
def client_list(home: Path | None, json_: bool) -> None:
    """Liệt kê hệ thống kết nối, cả những hệ thống đã hết."""
    with open_app(home) as app:
        ask.permit(app, "list-accounts", "clients")
        found = people.systems.list_clients(app.database)
    columns = ("client", "name", "unit", "scopes", "certificate", "expires", "ended")
    rows = [
        (one.client_id, one.name, one.unit, ", ".join(one.scopes), one.has_certificate, one.expires_at, one.ended_at)
        for one in found
    ]
    if json_:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        as_table(("Mã", "Tên", "Đơn vị", "Phạm vi", "Chứng thư", "Hết hạn", "Đã dừng"), rows)


@client.command("add")
@click.argument("client_id")
@click.option("--name", required=True, help="Tên hệ thống.")
@click.option("--unit", "unit_code", required=True, help="Đơn vị chịu trách nhiệm.")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(sorted(SCOPES)))
@click.option("--until", required=True, type=DAY, help="Ngày đầu tiên không còn hiệu lực.")
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Chứng thư dạng DER.")
@DOCUMENT
@click.pass_obj
def client_add(
    home: Path | None,
    client_id: str,
    name: str,
    unit_code: str,
    scopes: tuple[str, ...],
    until: datetime,
    certificate: Path | None,
    document: str,
) -> None:
    """Thêm hệ thống; không có chứng thư thì in mật khẩu của hệ thống một lần."""
    given = certificate.read_bytes() if certificate else None
    if given is not None and not given.startswith(b"\x30"):
        raise UsageError("USE-CLIENT-CERTIFICATE", "Tệp chứng thư phải ở dạng DER.", hint="openssl x509 -outform der")
    with open_app(home) as app:
        secret = people.systems.add(
            app.database, app.home, by=ask.caller(app), client_id=client_id, name=name, unit=unit_code, scopes=scopes,
            document=document, expires_at=datetime.combine(until.date(), time(), LOCAL), now=datetime.now(UTC),
            certificate=given,
        )  # fmt: skip
    console.print(f"Đã thêm hệ thống {client_id}.")
    if secret:
        console.print(f"  {secret}", markup=False, highlight=False, soft_wrap=True)


@client.command("end")
@click.argument("client_id")
@DOCUMENT
@click.pass_obj
def client_end(home: Path | None, client_id: str, document: str) -> None:
    """Dừng một hệ thống ngay."""
    with open_app(home) as app:
        people.systems.end(
            app.database, app.home, by=ask.caller(app), client_id=client_id, document=document, now=datetime.now(UTC)
        )
    console.print(f"Đã dừng hệ thống {client_id}.")


@client.command("portal-password")
@click.argument("client_id")
@click.option("--address", "addresses", multiple=True, required=True, help="Địa chỉ IP hoặc mạng hệ thống gửi từ đó.")
@DOCUMENT
@click.pass_obj
def client_portal_password(home: Path | None, client_id: str, addresses: tuple[str, ...], document: str) -> None:
    """Cấp mật khẩu gửi hồ sơ theo cách của cổng giám định; in một lần, mật khẩu và phiên cũ hết ngay."""
    with open_app(home) as app:
        password = people.portal_api.give(
            app.database, app.home, by=ask.caller(app), client_id=client_id, addresses=addresses, document=document,
            now=datetime.now(UTC),
        )  # fmt: skip
    console.print(f"Tài khoản {client_id}, mật khẩu (chỉ hiện lần này):")
    console.print(f"  {password}", markup=False, highlight=False, soft_wrap=True)


client.add_command(sso_secret)
