"""How I sign in: my factors, my sessions, and what I should do about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bienho.governance.people import NUMBERS
from bienho.governance.people.external import Bound
from bienho.governance.people.recovery import Recovery
from bienho.governance.people.sessions import Session
from bienho.portal.components import Cell, Column, Fact, Facts, State, Table
from bienho.portal.formats import moment
from bienho.portal.language import later, t

PLACES = {
    "loopback": later("chính máy chủ"),
    "private": later("mạng nội bộ"),
    "public": later("mạng ngoài"),
}
FACTORS = {"none": later("đường dẫn trình diễn"), "one": later("một lớp"), "two": later("hai lớp")}


def advice(factor: bool, password: bool, others: int) -> State:
    """The one thing to do now."""
    if not password and not factor:
        return State(
            "partial",
            t("Việc nên làm: chưa có gì"),
            t("Tài khoản này vào bằng đường dẫn trình diễn và chưa có mật khẩu; người quản trị cấp mã mời khi cần."),
        )
    if not factor:
        return State(
            "partial",
            t("Việc nên làm: thêm lớp thứ hai"),
            t("Mật khẩu một mình không mở được cổng."),
            href="/tai-khoan/lop-hai/",
            link=t("Thêm lớp thứ hai"),
        )
    if others:
        return State(
            "partial",
            t("Việc nên làm: xem các phiên khác"),
            t("Còn {n} phiên đang mở ở nơi khác. Nếu không phải bạn, đăng xuất nơi khác rồi đổi mật khẩu.", n=others),
        )
    return State("good", t("Không có việc phải làm"), t("Hai lớp đang bật và chỉ có phiên này đang mở."))


def facts(
    account_id: str, now: Session, password: bool, device: bool, keys: Sequence[object], bound: Sequence[Bound]
) -> Facts:
    """Who I am here and by what I prove it."""
    yes, no = t("có"), t("chưa có")
    return Facts(
        [
            Fact(t("Tài khoản"), account_id, code=True),
            Fact(t("Phiên này vào bằng"), t(FACTORS[now.assurance])),
            Fact(t("Mật khẩu"), yes if password else no),
            Fact(t("Ứng dụng tạo mã"), yes if device else no),
            Fact(t("Khóa truy cập"), str(len(keys)) if keys else no),
            Fact(t("Dịch vụ đăng nhập bên ngoài"), t("đã gắn") if bound else t("chưa gắn")),
        ]
    )


def session_table(found: Sequence[Session], own: Session) -> Table:
    """Open sessions, newest first; this one is named."""
    rows = []
    for one in found:
        this = one.created_at == own.created_at and one.assurance == own.assurance
        rows.append(
            {
                "noi": Cell(t(PLACES[one.address_kind]), note=t("phiên này") if this else ""),
                "vao": Cell(moment(one.created_at)),
                "thay": Cell(moment(one.last_seen_at)),
                "lop": Cell(t(FACTORS[one.assurance])),
                "sao": Cell(t("đã khóa, chờ mật khẩu") if one.state == "idle" else t("đang mở")),
            }
        )
    return Table(
        "phien",
        t("Các phiên đang mở"),
        [
            Column("noi", t("Từ đâu"), lead=True),
            Column("vao", t("Đăng nhập lúc"), "date"),
            Column("thay", t("Dùng lần cuối"), "date"),
            Column("lop", t("Số lớp")),
            Column("sao", t("Tình trạng")),
        ],
        rows,
        note=t(
            "Phiên khóa sau {idle} phút không dùng và kết thúc sau {hours} giờ.",
            idle=NUMBERS.session_idle_minutes,
            hours=NUMBERS.session_absolute_hours,
        ),
    )


def key_table(found: Sequence[tuple[str, datetime, datetime | None]]) -> Table:
    """Passkeys of the account, oldest first."""
    return Table(
        "khoa-truy-cap",
        t("Khóa truy cập"),
        [
            Column("ten", t("Tên thiết bị"), lead=True),
            Column("them", t("Thêm lúc"), "date"),
            Column("dung", t("Dùng lần cuối"), "date"),
        ],
        [
            {"ten": Cell(name), "them": Cell(moment(added)), "dung": Cell(moment(used) if used else "—")}
            for name, added, used in found
        ],
        empty=State("empty", t("Chưa có khóa truy cập"), t("Thêm ở mục Lớp thứ hai, trên thiết bị muốn dùng.")),
    )


def recovery_table(found: Sequence[Recovery]) -> Table:
    """Requests that wait for a second person, oldest first."""
    return Table(
        "cho-duyet",
        t("Yêu cầu đang chờ người thứ hai"),
        [
            Column("so", t("Số"), "number"),
            Column("ai", t("Tài khoản"), lead=True),
            Column("hoi", t("Người yêu cầu")),
            Column("van", t("Văn bản")),
            Column("han", t("Hết hạn"), "date"),
        ],
        [
            {
                "so": Cell(str(one.recovery_id)),
                "ai": Cell(one.account_id),
                "hoi": Cell(one.asked_by),
                "van": Cell(one.document),
                "han": Cell(moment(one.expires_at)),
            }
            for one in found
        ],
        empty=State("empty", t("Không có yêu cầu nào đang chờ"), t("Yêu cầu mới hiện ở đây cho người thứ hai duyệt.")),
    )
