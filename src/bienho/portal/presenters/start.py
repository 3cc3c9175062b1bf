"""The first steps of a new house, as a page: which are done, which command or page takes the next."""

from __future__ import annotations

from collections.abc import Sequence

from bienho.pipeline.start import GUIDES, Step
from bienho.portal import formats
from bienho.portal.components import Badge, Cell, Column, State, Table, Todo, TodoList
from bienho.portal.formats import number
from bienho.portal.language import t

HREF = "/he-thong/bat-dau/"
GUIDE = "/huong-dan/nguoi-quan-tri/"
PAGES = {"contacts": "/quyen/nguoi/", "delivery": "/giao-nhan/", "profile": "/danh-muc-du-lieu/"}
"""Step → the page that shows what it is about; the others have the administrator's chapter."""


def todo(steps: Sequence[Step]) -> TodoList:
    """The next steps, in order."""
    items = [
        Todo(
            "act" if place == 0 else "info",
            t(GUIDES[one.code].title_vi),
            t("{why} Chạy `{command}`.", why=t(GUIDES[one.code].why_vi), command=GUIDES[one.code].command),
            t("Quản trị hệ thống"),
            t("trước khi mở cho mọi người"),
            PAGES.get(one.code, GUIDE),
            t("Mở trang") if one.code in PAGES else t("Hướng dẫn"),
        )
        for place, one in enumerate(one for one in steps if not one.done)
    ]
    good = State("good", t("Đã xong mọi bước đầu tiên"), t("Kho đã sẵn sàng; mỗi ngày xem trang Tổng quan."))
    return TodoList(t("Việc cần làm bây giờ"), items[:5], good)


def table(steps: Sequence[Step]) -> Table:
    """Every step as it stands."""
    return Table(
        "cac-buoc",
        t("Các bước"),
        [
            Column("buoc", t("Bước"), lead=True),
            Column("tinh", t("Tình trạng")),
            Column("co", t("Đã có"), "number"),
            Column("luc", t("Lần cuối"), "date"),
            Column("lenh", t("Lệnh trên máy chủ")),
        ],
        [
            {
                "buoc": Cell(f"{place}. {t(GUIDES[one.code].title_vi)}", note=t(GUIDES[one.code].why_vi)),
                "tinh": Cell("", badge=Badge(t("Xong"), "ok") if one.done else Badge(t("Chưa"), "warn")),
                "co": Cell(t("{have} trên {want}", have=number(one.have), want=number(one.want))),
                "luc": Cell(formats.moment(one.at), raw=one.at),
                "lenh": Cell(GUIDES[one.code].command),
            }
            for place, one in enumerate(steps, 1)
        ],
        caption_hidden=True,
    )


def line(steps: Sequence[Step]) -> str:
    """How far it has come, in one sentence."""
    done = sum(one.done for one in steps)
    return t("{done} trên {total} bước đã xong.", done=number(done), total=number(len(steps)))
