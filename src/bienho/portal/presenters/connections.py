"""The page of a facility's connections: where it is told, where its files go on, and how each of those fared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bienho.core.errors import BienhoError
from bienho.governance.connections import Connection
from bienho.pipeline.outgoing import Sendings
from bienho.pipeline.sending import own_facilities
from bienho.portal import formats
from bienho.portal.components import Badge, Cell, Column, Field, Form, State, Table
from bienho.portal.components.badge import Tone
from bienho.portal.desk import Desk
from bienho.portal.formats import number
from bienho.portal.language import later, t

HREF = "/ket-noi/"
KINDS = {"webhook": later("Báo kết quả"), "forward": later("Chuyển tiếp hồ sơ")}
STATES: dict[str, tuple[str, Tone]] = {
    "waiting": (later("Đang chờ"), "quiet"),
    "sent": (later("Đã nhận"), "ok"),
    "refused": (later("Bên kia từ chối"), "act"),
    "dead": (later("Thôi gửi"), "act"),
}
ANSWERS = {
    "name": later("không tìm thấy tên máy"),
    "private-address": later("địa chỉ trong mạng riêng, chưa được phép"),
    "time": later("quá thời hạn"),
    "tls": later("không tin được chứng thư"),
    "connection": later("không nối được"),
    "answer": later("trả lời không đúng dạng"),
    "redirect": later("trỏ sang nơi khác"),
    "no-answer": later("trả lời không đọc được"),
    "no-envelope": later("tệp không phải phong bì GIAMDINHHS"),
    "erased": later("đã có phần được xóa theo quyết định"),
    "ended": later("kết nối đã kết thúc"),
}


def form(desk: Desk, kind: str, given: Mapping[str, str], error: BienhoError | None) -> Form:
    """A new connection of one kind."""
    forward = kind == "forward"
    codes = own_facilities(desk.actor, "connect")
    fields = [
        Field("loai", "", kind="hidden", value=kind),
        Field(
            "dia_chi",
            t("Địa chỉ cổng giám định") if forward else t("Địa chỉ nhận báo"),
            value=given.get("dia_chi", ""),
            required=True,
            hint="https://",
            help=t("Như trong phần mềm của cơ sở, chỉ đến tên máy.")
            if forward
            else t("Một địa chỉ https của phần mềm cơ sở, nhận POST."),
            error=f"{error.message} {error.hint}".strip() if error else "",
        ),
    ]
    if len(codes) > 1:
        options = [(code, desk.facility_name(code)) for code in codes]
        fields.append(Field("co_so", t("Cơ sở"), kind="choice", value=given.get("co_so", ""), options=options))
    if forward:
        fields += [
            Field("tai_khoan", t("Tài khoản của cơ sở ở cổng đó"), value=given.get("tai_khoan", ""), required=True),
            Field(
                "mat_khau",
                t("Mật khẩu"),
                kind="password",
                required=True,
                help=t("Chỉ dấu MD5 mà cổng đó đòi được giữ, niêm phong bằng khóa của kho."),
            ),
        ]
    submit = t("Thêm nơi chuyển tiếp") if forward else t("Thêm nơi nhận báo")
    return Form(f"them-{kind}", fields, submit, HREF, "post", quiet=forward)


def table(desk: Desk, found: Sequence[Connection]) -> Table:
    """Every connection, those in use first."""
    rows = []
    for one in sorted(found, key=lambda one: one.ended_at is not None):
        state = Badge(t("Đang dùng"), "ok") if one.ended_at is None else Badge(t("Đã kết thúc"), "quiet")
        rows.append(
            {
                "dau": Cell(one.url),
                "loai": Cell(t(KINDS[one.kind])),
                "cs": Cell(desk.facility_name(one.facility), note=one.facility),
                "tu": Cell(formats.moment(one.made_at), raw=one.made_at),
                "tt": Cell("", badge=state, raw=one.ended_at or ""),
                "viec": Cell(t("Kết thúc"), f"{HREF}{one.connection_id}/bo/") if one.ended_at is None else Cell(""),
            }
        )
    columns = [
        Column("dau", t("Địa chỉ"), lead=True),
        Column("loai", t("Việc")),
        Column("cs", t("Cơ sở")),
        Column("tu", t("Từ lúc"), "date"),
        Column("tt", t("Tình trạng")),
        Column("viec", t("Làm gì")),
    ]
    empty = State("empty", t("Chưa khai kết nối nào"), t("Không khai thì không có gì được gửi ra ngoài."))
    return Table("ket-noi", t("Các kết nối của cơ sở"), columns, rows, empty=empty)


def log(found: Sequence[Connection], told: Sequence[Sendings]) -> Table:
    """What was sent and what the other side answered, the newest first."""
    of = {one.connection_id: one for one in found}
    rows = []
    for row in told:
        one = of[row.connection_id]
        text, tone = STATES[row.state]
        said = str(row.said.get("thongDiep") or "")[:200]
        again = t("thử lại lúc {when}", when=formats.moment(row.due_at)) if row.state == "waiting" else ""
        number_there = str(row.said.get("maGiaoDich") or "")[:60]
        rows.append(
            {
                "lan": Cell(row.delivery, f"/gui-ho-so/{row.delivery}/"),
                "noi": Cell(one.host, note=t(KINDS[one.kind])),
                "tt": Cell("", badge=Badge(t(text), tone), note=again, raw=row.state),
                "tl": Cell(t(ANSWERS[row.answer]) if row.answer in ANSWERS else row.answer or formats.DASH, note=said),
                "gd": Cell(number_there or formats.DASH),
                "n": Cell(number(row.attempts), raw=row.attempts),
                "luc": Cell(formats.moment(row.tried_at), raw=row.tried_at),
            }
        )
    columns = [
        Column("lan", t("Lần nhận"), "code", lead=True),
        Column("noi", t("Gửi tới")),
        Column("tt", t("Tình trạng")),
        Column("tl", t("Bên kia trả lời")),
        Column("gd", t("Mã giao dịch bên kia"), "code"),
        Column("n", t("Số lần"), "number"),
        Column("luc", t("Gửi lúc"), "date"),
    ]
    empty = State("empty", t("Chưa gửi gì"), t("Sau lần nhận tới, mỗi kết nối đang dùng có một dòng ở đây."))
    return Table("so-gui", t("Sổ gửi ra ngoài, 100 dòng mới nhất"), columns, rows, empty=empty)
