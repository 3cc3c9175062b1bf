"""Systems of facilities that send as clients of the insurance portal do: who, from where, and the form for one more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bienho.governance import people
from bienho.portal import formats
from bienho.portal.components import Badge, Cell, Column, Field, Form, Secret, State, Table
from bienho.portal.desk import Desk
from bienho.portal.language import t

SENDERS = "/he-thong/cua-gui/"
FIELDS = {
    "USE-UNIT-UNKNOWN": "co_so",
    "USE-CLIENT-TAKEN": "co_so",
    "USE-CLIENT-UNKNOWN": "co_so",
    "USE-CLIENT-ADDRESS": "dia_chi",
    "USE-CLIENT-EXPIRY": "den_ngay",
    "USE-DOCUMENT": "so_van_ban",
}


def table(desk: Desk) -> Table:
    """Every log-in with its client."""
    clients = {one.client_id: one for one in people.systems.list_clients(desk.house.database)}
    rows = []
    for login in people.portal_api.list_logins(desk.house.database):
        client = clients[login.client_id]
        open_now = client.in_force(desk.now)
        rows.append(
            {
                "ten": Cell(client.name, note=client.client_id),
                "tu_dau": Cell(", ".join(login.addresses)),
                "cap": Cell(formats.day(login.set_at), note=login.document),
                "het": Cell(formats.day(client.expires_at - timedelta(seconds=1)), raw=client.expires_at),
                "con": Cell("", badge=Badge(t("Đang mở"), "ok") if open_now else Badge(t("Đã đóng"), "quiet")),
            }
        )
    return Table(
        "cua-gui",
        t("Tài khoản gửi hồ sơ của cơ sở"),
        [
            Column("ten", t("Cơ sở")),
            Column("tu_dau", t("Gửi từ địa chỉ")),
            Column("cap", t("Cấp mật khẩu")),
            Column("het", t("Đến hết ngày")),
            Column("con", t("Tình trạng")),
        ],
        rows,
        caption_hidden=True,
        empty=State("empty", t("Chưa cơ sở nào gửi theo cách này"), t("Cấp tài khoản đầu tiên bằng mẫu dưới đây.")),
    )


def form(given: Mapping[str, str], errors: Mapping[str, str]) -> Form:
    """A password for the system of a facility; one that has one already gets another."""

    def field(name: str, label: str, help_text: str, hint: str) -> Field:
        return Field(
            name, label, "text", given.get(name, ""), required=True, help=help_text, hint=hint,
            error=errors.get(name, ""),
        )  # fmt: skip

    return Form(
        "cap-tai-khoan",
        [
            field("co_so", t("Mã cơ sở khám chữa bệnh"), t("Cơ sở đã có tài khoản thì mật khẩu cũ hết ngay."), "52001"),
            field("dia_chi", t("Địa chỉ mạng"), t("Địa chỉ IP hoặc mạng, cách nhau bằng dấu phẩy."), "203.0.113.7"),
            field("den_ngay", t("Đến hết ngày"), t("Ngày cuối tài khoản mới còn hiệu lực."), "31/12/2027"),
            field("so_van_ban", t("Số văn bản"), t("Văn bản đề nghị của cơ sở hoặc quyết định của Sở."), "123/QĐ-SYT"),
        ],
        t("Cấp mật khẩu"),
        SENDERS,
        "post",
        title=t("Cấp mật khẩu cho phần mềm của cơ sở"),
    )


def made(client_id: str, password: str) -> Secret:
    """The password, this once."""
    return Secret(
        t("Tài khoản {account} và mật khẩu", account=client_id),
        [client_id, password],
        t("Chỉ hiện lần này. Trao tận tay người phụ trách công nghệ thông tin của cơ sở, không gửi qua tin nhắn."),
    )
