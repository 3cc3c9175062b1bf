"""The page that shows every component in every state, with made-up values."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from bienho.config import load_profile
from bienho.portal import components as c
from bienho.portal import formats
from bienho.portal.components.chart import PALETTE
from bienho.portal.components.map import shapes
from bienho.portal.language import t
from bienho.portal.pages import Page, download, render_page
from bienho.portal.presenters import care_days
from bienho.portal.presenters.mending import Scope
from bienho.quality.sending_days import states


def _badges() -> list[Any]:
    tones: tuple[tuple[str, str], ...] = (
        (t("Nhận sạch"), "ok"),
        (t("Lưu ý"), "info"),
        (t("Cần xem"), "warn"),
        (t("Cần xử lý"), "act"),
        (t("Đã thay"), "quiet"),
    )
    return [c.Badge(text, tone) for text, tone in tones]  # type: ignore[arg-type]


def _states() -> list[Any]:
    return [
        c.State(
            "empty",
            t("Chưa nhận lần nào"),
            t("Mỗi tệp cơ sở gửi về sẽ là một dòng ở đây."),
            do=t("Chạy `bienho ingest THƯ_MỤC`."),
        ),
        c.State("loading", t("Đang tải số liệu")),
        c.State("partial", t("Phần này chưa đọc được"), t("Các phần khác của trang vẫn đúng.")),
        c.State("denied", t("Phần này không mở với tài khoản của bạn"), code="DENY-ROLE"),
        c.State("good", t("Không có việc gấp"), t("Các cơ sở đang gửi đều.")),
        c.State(
            "error",
            t("Trang gặp lỗi"),
            t("Máy chủ gặp việc ngoài dự kiến."),
            safe=t("Dữ liệu đã nhận vẫn nguyên."),
            do=t("Thử lại sau một phút."),
            code="WEB-500",
        ),
    ]


def _figures() -> list[Any]:
    return [
        c.Figure(
            t("Hồ sơ khám bệnh hiện hành"),
            formats.number(1234567),
            t("hồ sơ"),
            t("tăng {p} % so với 7 ngày trước", p=formats.number(12)),
            formats.day(date(2026, 11, 23)),
            c.Badge(t("đếm đủ"), "ok"),
            "#",
        ),
        c.Figure(
            t("Chi phí khám chữa bệnh"),
            formats.money(12_340_000_000),
            "",
            t("tuần trước đó: {v}", v=formats.money(11_870_000_000)),
            formats.week(date(2026, 11, 16)),
            c.Badge(t("định nghĩa chưa duyệt"), "warn"),
            "#",
        ),
        c.Figure(
            t("Số người bệnh"),
            formats.WITHHELD,
            "",
            t("trong phạm vi đã chọn"),
            formats.week(date(2026, 11, 16)),
            c.Badge(t("không tính được"), "quiet"),
            "#",
            t("Số dưới ngưỡng công bố nên được giữ lại."),
        ),
    ]


def _table(empty: bool = False) -> c.Table:
    rows = [
        {
            "ten": c.Cell("D000000000128", "#"),
            "luc": c.Cell("23/11/2026 08:30", note=t("{n} giờ trước", n=2)),
            "hs": c.Cell(formats.number(1250)),
            "tt": c.Cell("", badge=c.Badge(t("Nhận sạch"), "ok")),
        },
        {
            "ten": c.Cell("D000000000127", "#"),
            "luc": c.Cell("22/11/2026 17:05"),
            "hs": c.Cell(formats.number(87)),
            "tt": c.Cell("", badge=c.Badge(t("Có phần cách ly"), "act")),
        },
        {"ten": c.Cell("D000000000126", "#"), "luc": c.Cell("22/11/2026 09:12")},
    ]
    return c.Table(
        "bang-trong" if empty else "bang-mau",
        t("Bảng có sắp xếp, phân trang và tải về"),
        [
            c.Column("ten", t("Mã giao nhận"), "code", lead=True, sort_url="#", sorted=""),
            c.Column("luc", t("Nhận lúc"), "date", sort_url="#", sorted="desc"),
            c.Column("hs", t("Hồ sơ"), "number"),
            c.Column("tt", t("Tình trạng")),
        ],
        [] if empty else rows,
        pagination=None
        if empty
        else c.Pagination(t("Dòng {first}–{last} trong {total}", first=1, last=3, total=120), "", "#", "1", "3"),
        empty=c.State("empty", t("Không có dòng nào khớp bộ lọc"), href="#", link=t("Bỏ lọc")),
    )


def _chart() -> c.Chart:
    kinds = [t("Nhận sạch"), t("Cần xem"), t("Cách ly")]
    start = date(2026, 9, 7)
    values = [
        {"tuan": f"{start + timedelta(weeks=w):%d/%m}", "loai": kind, "so": (37 * (w + 3) * (i + 2)) % 90 + 40 - 12 * i}
        for w in range(11)
        for i, kind in enumerate(kinds)
    ]
    encoding = {
        "x": {
            "field": "tuan",
            "type": "ordinal",
            "sort": None,
            "title": None,
            "axis": {"labelAngle": 0, "labelOverlap": True},
        },
        "y": {"field": "so", "type": "quantitative", "title": t("Hồ sơ")},
        "color": {
            "field": "loai",
            "type": "nominal",
            "sort": None,
            "title": None,
            "scale": {"range": list(PALETTE[:3])},
        },
        "tooltip": [
            {"field": "tuan", "title": t("Tuần")},
            {"field": "loai", "title": t("Loại")},
            {"field": "so", "title": t("Hồ sơ")},
        ],
    }
    table = c.Table(
        "bieu-do-bang",
        t("Số liệu mẫu"),
        [c.Column("t", t("Tuần"), lead=True), c.Column("l", t("Loại")), c.Column("s", t("Hồ sơ"), "number")],
        [{"t": c.Cell(str(v["tuan"])), "l": c.Cell(str(v["loai"])), "s": c.Cell(str(v["so"]))} for v in values],
        dense=True,
    )
    spec = {"data": {"values": values}, "mark": {"type": "bar"}, "encoding": encoding}
    title, words = t("Hồ sơ theo tuần và kết quả (số mẫu)"), t("Ba loại kết quả, mười một tuần.")
    return c.Chart(
        "bieu-do-mau", title, words, spec, table, svg_url="?xuat=bieu-do-mau.svg", csv_url="?xuat=bieu-do-mau.csv"
    )


def _map() -> c.Map:
    profile = load_profile()
    paths = shapes(profile.id).paths
    communes = sorted(profile.communes, key=lambda x: (-x.lat, x.lon))
    areas = [c.Area(x.code, x.name, x.population % 6, "#ban-do-mau-so-lieu", paths[x.code]) for x in communes]
    table = c.Table(
        "ban-do-mau-bang",
        t("Số liệu mẫu"),
        [c.Column("x", t("Xã, phường"), lead=True)],
        [{"x": c.Cell(x.name)} for x in communes[:5]],
        dense=True,
    )
    legend = [(0, t("không có")), *((n, str(n)) for n in range(1, 6))]
    return c.Map(
        "ban-do-mau",
        t("Bản đồ 135 xã, phường (số mẫu)"),
        t("Phím mũi tên đi sang xã bên cạnh."),
        areas,
        legend,
        table,
        t("Ô bản đồ tính từ điểm trung tâm xã, không phải địa giới pháp lý."),
    )


def _form() -> c.Form:
    return c.Form(
        "mau",
        [
            c.Field("a", t("Cơ sở"), "choice", options=[("", t("Tất cả")), ("1", t("Bệnh viện"))]),
            c.Field("b", t("Từ ngày"), hint="dd/MM/yyyy"),
            c.Field(
                "d",
                t("Lý do cụ thể"),
                "area",
                error=t("Viết lý do dài ít nhất {n} ký tự.", n=10),
                help=t("Không ghi tên, số giấy tờ người bệnh."),
                required=True,
            ),
            c.Field(
                "e", t("Cột hiện trong bảng"), "checks", values=["1"], options=[("1", t("Cơ sở")), ("2", t("Hồ sơ"))]
            ),
        ],
        t("Gửi"),
        title=t("Biểu mẫu mẫu"),
    )


def _calendar() -> c.Calendar:
    """A made-up month in which every state of a day occurs."""
    first = date(2026, 11, 1)
    counts = {
        first + timedelta(days=back): 8 + back % 3
        for back in range(-60, 22)
        if (first + timedelta(days=back)).weekday() < 6
    }
    counts |= {date(2026, 11, 11): 0, date(2026, 11, 12): 2}
    found = states(counts, {date(2026, 11, 5): 3}, first, date(2026, 11, 24), date(2026, 11, 24))
    return care_days.calendar(Scope("64001"), found, first, first)


def _groups() -> list[tuple[str, str, list[Any], str]]:
    """(folder, title, components, layout class) of every component."""
    todo = c.Todo(
        "act",
        t("{n} mục đang cách ly, chưa vào kho", n=4),
        t("Của {k} cơ sở; nhiều nhất: {names}.", k=2, names="A, B"),
        t("Cơ sở gửi dữ liệu"),
        t("hôm nay"),
        "#",
        t("Xem lý do"),
    )
    finding = c.FindingItem(
        c.Badge(t("Sai"), "act"),
        "Thiếu mã khoa, trường bắt buộc.",
        "XML1 · MA_KHOA",
        t("Cơ sở gửi dữ liệu"),
        t("Sửa trong phần mềm của cơ sở rồi gửi lại cả hồ sơ; lần gửi mới sẽ thay lần cũ."),
        "IN-REQUIRED",
        "#",
    )
    none = c.State("good", t("Không có phát hiện"))
    steps = [
        c.Step("1", "D000000000128", t("đã nhận"), "#"),
        c.Step("2", "XML1…5", t("như đã nhận"), "#", True),
        c.Step("3", t("Chuẩn hóa"), "", ""),
    ]
    tabs = c.Tabs(t("Thẻ chuyển trang"), [c.Tab(t("Tất cả"), "#", True, "12"), c.Tab(t("Sai"), "#", False, "3")])
    known = [c.Fact(t("Định dạng"), "QĐ 3176", note=t("theo cấu trúc tệp")), c.Fact(t("Mã"), "3f2a…", code=True)]
    facts = c.Facts(known)
    crumbs = c.Crumbs([c.Crumb(t("Tổng quan"), "#"), c.Crumb(t("Hồ sơ"))], t("Số liệu mẫu"))
    rows = t("Dòng {first}–{last} trong {total}", first=51, last=100, total=120)
    pages = c.Pagination(rows, "#", "#", "2", "3", t("Số liệu mẫu"))
    return [
        ("badge", t("Nhãn tình trạng"), _badges(), "row"),
        ("todo", t("Việc cần làm"), [c.TodoList(t("Việc cần làm bây giờ"), [todo], none)], ""),
        ("figure", t("Thẻ con số"), _figures(), "figures"),
        ("table", t("Bảng"), [_table(), _table(empty=True)], ""),
        ("chart", t("Biểu đồ"), [_chart()], ""),
        ("map", t("Bản đồ"), [_map()], ""),
        ("calendar", t("Lịch"), [_calendar()], ""),
        ("findings", t("Danh sách phát hiện"), [c.FindingList([finding], none), c.FindingList([], none)], ""),
        ("state", t("Trạng thái"), _states(), "grid-2"),
        ("form", t("Biểu mẫu"), [_form()], ""),
        ("tabs", t("Thẻ chuyển trang"), [tabs], ""),
        ("facts", t("Thông tin của một mục"), [facts], ""),
        ("trail", t("Đường đi của dữ liệu"), [c.Trail(t("Đường đi của dữ liệu"), steps)], ""),
        ("crumbs", t("Đường dẫn"), [crumbs], ""),
        ("pagination", t("Phân trang"), [pages], ""),
    ]


@require_GET
def gallery(request: HttpRequest) -> HttpResponse:
    page = Page(t("Thành phần giao diện"), t("Mọi thành phần ở mọi trạng thái. Số liệu trên trang này là số mẫu."))
    return download(request, {"bieu-do-mau": _chart()}) or render_page(
        request, "components.html", page, {"groups": _groups(), "palette": list(enumerate(PALETTE, 1))}
    )
